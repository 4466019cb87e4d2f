import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../../extension/main.ts';
import { watchStarts } from './watch-starts.ts';

// The first file of this folder: later ones find the extension active.
describe('activation', () => {
  it('waits for a reason, and then starts no emulator and no other process, and asks no daemon', async () => {
    const extension = vscode.extensions.getExtension<ExtensionApi>('windtunnel.windtunnel');
    assert.ok(extension, 'the extension is installed');
    assert.equal(extension.isActive, false);
    const starts = watchStarts();
    const { emulators } = await extension.activate();
    assert.deepEqual(starts.end(), []);
    assert.deepEqual(
      emulators.all.map(({ state }) => state.kind),
      emulators.all.map(() => 'stopped'),
    );
  });
});
