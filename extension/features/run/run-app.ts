import * as vscode from 'vscode';
import { type AppStatus, toWindtunnelError, type WindtunnelError } from '../../../emulator/contract/index.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import type { Emulators } from '../emulator/emulators.ts';
import type { StartFailures } from '../problems/start-failures.ts';
import { chosenEngine } from './chosen-engine.ts';
import { withStartProgress } from './start-progress.ts';

/** Starts, stops and restarts apps in the emulator of their workspace. */
export class AppRunner {
  private readonly emulators: Emulators;
  private readonly failures: StartFailures;
  private readonly log: vscode.LogOutputChannel;

  constructor(emulators: Emulators, failures: StartFailures, log: vscode.LogOutputChannel) {
    this.emulators = emulators;
    this.failures = failures;
    this.log = log;
  }

  /**
   * Serves the app and waits for its first runner, with progress in the status bar; *Stop App* cancels it. What fails is shown, once,
   * and gives null.
   */
  async run({ found }: KnownApp): Promise<AppStatus | null> {
    const session = this.emulators.of(found.file);
    this.failures.clear(found.file);
    await saveText(found.file);
    return withStartProgress(session, found.name || found.symbol, async () => {
      try {
        return await this.start(session, found.file, found.symbol);
      } catch (thrown) {
        const error = toWindtunnelError(thrown);
        // It was stopped while it started.
        if (error.kind !== 'cancelled') this.failures.show(error.toJSON(), session, found.file);
        return null;
      }
    });
  }

  async stop({ live, found }: KnownApp): Promise<void> {
    if (live) await this.attempt(() => this.emulators.of(found.file).remove(live.id));
  }

  async restart({ live, found }: KnownApp): Promise<void> {
    const session = this.emulators.of(found.file);
    if (!live) return;
    this.failures.clear(found.file);
    await saveText(found.file);
    try {
      await session.restart(live.id);
    } catch (thrown) {
      this.failures.show(toWindtunnelError(thrown).toJSON(), session, found.file);
    }
  }

  private async start(session: EmulatorSession, file: string, symbol: string) {
    const answer = await session.run({ file, symbol, as: null, engine: chosenEngine(file), watch: true });
    for (const { level, message } of answer.notices) {
      if (level === 'warn') this.log.warn(`${answer.app.id}: ${message}`);
      else this.log.info(`${answer.app.id}: ${message}`);
    }
    const client = await session.ensure();
    return client.start(answer.app.id);
  }

  private async attempt(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (thrown) {
      const error: WindtunnelError = toWindtunnelError(thrown);
      // Stopped by another window, or with its emulator, a moment before.
      if (error.code === 'E_UNKNOWN_APP' || error.code === 'E_EMULATOR_DOWN') return;
      void vscode.window.showErrorMessage(error.message);
    }
  }
}

/** What runs is the file: the text of an editor goes into it first, as with VS Code's own ways to run. */
async function saveText(file: string): Promise<void> {
  const document = vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === 'file' && uri.fsPath === file);
  if (document?.isDirty) await document.save();
}
