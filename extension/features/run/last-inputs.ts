import type * as vscode from 'vscode';
import type { KnownApp } from '../../core/app-tree.ts';

/** The last input of each endpoint, as JSON text, kept with the workspace. */
export class LastInputs {
  private readonly memory: vscode.Memento;

  constructor(memory: vscode.Memento) {
    this.memory = memory;
  }

  of(app: KnownApp, path: string): string | null {
    return this.memory.get<string>(key(app, path)) ?? null;
  }

  async keep(app: KnownApp, path: string, input: string): Promise<void> {
    await this.memory.update(key(app, path), input);
  }
}

const key = ({ found }: KnownApp, path: string): string => `input:${found.file}::${found.symbol}#${path}`;
