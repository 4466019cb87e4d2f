import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;
let state: string;
let file: string;

beforeEach(async () => {
  emulator = await EmulatorUnderTest.start([]);
  await emulator.stop();
  const folder = path.join(emulator.folder, 'wt/workspaces');
  state = path.join(folder, readdirSync(folder)[0] ?? '');
  file = path.join(state, 'store/state.db');
}, 120_000);

afterEach(() => emulator?.dispose(), 120_000);

/** What the message promises: it is moved, nothing is lost, and the next start is as the first one. */
async function cleanMends(kept: Buffer): Promise<void> {
  const unasked = await emulator.cli('clean', '--state');
  expect(unasked.stderr).toMatch(/--yes/);
  expect(existsSync(file), 'nothing was asked, so nothing is moved').toBe(true);
  const cleaned = await emulator.cli('clean', '--state', '--yes');
  expect(cleaned.code, cleaned.stderr).toBe(0);
  const aside = /Moved aside: .*\n +(\S+)/.exec(cleaned.stderr)?.[1] ?? '';
  expect(existsSync(state)).toBe(false);
  expect(readFileSync(path.join(aside, 'store/state.db')).equals(kept)).toBe(true);
  await emulator.boot();
  expect((await emulator.cli('ps')).stdout).toMatch(/no apps/);
}

describe('a state that cannot be used: refused with its file and the fix, and `clean --state` mends it', () => {
  const cases = [
    {
      name: 'written by a newer version',
      code: 'E_STATE_NEWER',
      says: /has version 999; this Windtunnel knows versions up to \d+/,
      break: () => {
        const db = new DatabaseSync(file);
        db.exec('PRAGMA user_version = 999');
        db.close();
      },
    },
    {
      name: 'overwritten with something else',
      code: 'E_STATE_DAMAGED',
      says: /is damaged: the file is not a database/,
      break: () => writeFileSync(file, 'not a database at all\n'.repeat(500)),
    },
    {
      name: 'damaged in the middle',
      code: 'E_STATE_DAMAGED',
      says: /is damaged: /,
      break: () => {
        const bytes = readFileSync(file);
        bytes.fill(0xa5, 4096, bytes.length);
        writeFileSync(file, bytes);
      },
    },
    {
      name: 'of another program',
      code: 'E_STATE_DAMAGED',
      says: /is damaged: it is a database of another program/,
      break: () => {
        const db = new DatabaseSync(file);
        db.exec('PRAGMA application_id = 42');
        db.close();
      },
    },
  ];
  for (const item of cases) {
    test(item.name, async () => {
      item.break();
      const broken = readFileSync(file);
      for (const command of ['up', 'run']) {
        writeFileSync(path.join(emulator.workspace, 'app.py'), 'x = 1\n');
        const result = await emulator.cli(command, ...(command === 'run' ? ['app.py'] : ['--port', '0']));
        expect(result.stderr).toMatch(item.says);
        expect(result.stderr).toContain(file);
        expect(result.stderr).toContain(`[${item.code}]`);
        expect(result.stderr).toMatch(/fix: .*windtunnel clean --state/);
        expect(result.code).toBe(3);
      }
      expect(readFileSync(file).equals(broken), 'a refused state is not touched').toBe(true);
      await cleanMends(broken);
    }, 120_000);
  }

  test('a state that is in use is not moved', async () => {
    await emulator.boot();
    const result = await emulator.cli('clean', '--state', '--yes');
    expect(result.stderr).toMatch(/An emulator runs and uses this[\s\S]*windtunnel down/);
    expect(result.code).toBe(2);
    expect(existsSync(file)).toBe(true);
  }, 120_000);
});
