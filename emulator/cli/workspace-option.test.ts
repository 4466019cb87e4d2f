import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectEmulator } from '../client/discover.ts';
import { type Host, workspacePaths } from '../client/paths.ts';
import { claimWorkspace } from '../client/registry.ts';
import { workspaceOf } from './workspace-option.ts';

let folder: string;
let host: Host;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wt-option-')));
  host = { env: { WINDTUNNEL_HOME: join(folder, 'home') }, platform: process.platform, home: folder, uid: 0 };
  mkdirSync(join(folder, 'work/app'), { recursive: true });
  mkdirSync(join(folder, 'elsewhere'));
  writeFileSync(join(folder, 'work/app/app.py'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const of = (cwd: string, near?: string) => workspaceOf({ host, cwd } as Parameters<typeof workspaceOf>[0], {}, near);

test('a file below the current folder that belongs to no workspace is of that folder, where the next command looks', () => {
  const file = join(folder, 'work/app/app.py');
  expect(of(join(folder, 'work'), file)).toBe(join(folder, 'work'));
  expect(of(join(folder, 'work'))).toBe(join(folder, 'work'));
  expect(of(join(folder, 'elsewhere'), file)).toBe(dirname(file));
  writeFileSync(join(folder, 'work/app/windtunnel.jsonc'), '{}');
  expect(of(join(folder, 'work'), file)).toBe(dirname(file));
});

test('where no emulator runs, the workspaces that have one are named', async () => {
  const [here, there] = [join(folder, 'elsewhere'), join(folder, 'work')];
  await expect(connectEmulator(host, here)).rejects.toMatchObject({
    hint: expect.stringContaining('`--workspace DIR`'),
  });
  const claim = claimWorkspace(workspacePaths(host, there));
  claim?.publish({ workspace: there, url: 'http://127.0.0.1:1', socket: '', token: '', version: '' });
  await expect(connectEmulator(host, here)).rejects.toMatchObject({
    code: 'E_EMULATOR_DOWN',
    hint: expect.stringContaining(`\`--workspace ${there}\` names the one that runs`),
  });
  claim?.release();
});
