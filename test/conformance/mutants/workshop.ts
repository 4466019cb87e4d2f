import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Edit } from './mutants.ts';

const execute = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../../..');
const COPIED = ['emulator', 'extension', 'build.mjs', 'package.json', 'tsconfig.json'];

/** A copy of the source in which breakages are built, one at a time. */
export class Workshop {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'wt-mutants-'));
  /** The CLI of the last build. */
  readonly cli = path.join(this.folder, 'dist/emulator.js');

  constructor() {
    mkdirSync(this.folder, { recursive: true });
    for (const name of COPIED) cpSync(path.join(root, name), path.join(this.folder, name), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(this.folder, 'node_modules'));
  }

  /** Builds with these edits and no others. Throws when one does not apply: the source has moved on, the list must follow. */
  async build(edits: readonly Edit[]): Promise<void> {
    const originals = new Map<string, string>();
    try {
      for (const { file, find, replace } of edits) {
        const target = path.join(this.folder, file);
        const text = readFileSync(target, 'utf8');
        const count = text.split(find).length - 1;
        if (count !== 1) throw new Error(`${file} holds ${count} times, and not once: ${find}`);
        if (!originals.has(target)) originals.set(target, text);
        writeFileSync(target, text.split(find).join(replace));
      }
      await execute(process.execPath, ['build.mjs'], { cwd: this.folder });
    } finally {
      for (const [target, text] of originals) writeFileSync(target, text);
    }
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
