import { readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { has, type Need, requires } from '../support/skip.ts';
import { StandInRemote } from '../support/stand-in-remote.ts';
import type { VsCodeVersion } from './support/install-server.ts';
import { runHostTests } from './support/run-host-tests.ts';
import { versionOfEnvironment } from './support/web-server.ts';
import { whichCode } from './support/which-code.ts';

const folder = path.join(import.meta.dirname, 'workspace');
const WORKSPACE = readdirSync(folder).map((name) => path.join(folder, name));

// `npm run test:oldest-vscode` runs the suites on the oldest that the manifest allows.
const versions = [versionOfEnvironment()];
const code = whichCode(process.env, process.platform);
// A desktop's own VS Code needs no other browser.
const needs: Need[] = code === 'headless' ? ['chromium'] : [];

// Here, not in a hook: each test of the extension host becomes one of this suite, and their names come from the run.
const results: { version: string; name: string; failure: string | null }[] = [];
const able = (await Promise.all(needs.map(has))).every(Boolean);
for (const version of versions) results.push(...(able ? await run(version) : []));
if (results.length === 0) results.push({ version: 'newest', name: 'runs', failure: null });

async function run(version: VsCodeVersion) {
  const remote = await StandInRemote.start([path.join(folder, 'greeter.py')]);
  const prepared = await EmulatorUnderTest.prepare(WORKSPACE, { WINDTUNNEL_TEST_VSCODE: version });
  try {
    const deployed = await remote.emulator.exec('fal', ['deploy', 'greeter.py']);
    if (deployed.code !== 0) throw new Error(`fal deploy: ${deployed.stdout}${deployed.stderr}`);
    await remote.emulator.client.setSecret('FAR_AWAY', 'x');
    const env = remote.in(prepared.env);
    const found = await runHostTests({ workspace: prepared.workspace, code, version, env });
    return found.map((one) => ({ version, ...one }));
  } finally {
    await prepared.dispose();
    await remote.dispose();
  }
}

describe('in the extension host of VS Code', () => {
  beforeEach(requires(...needs));

  test.each(results)('($version) $name', ({ failure }) => {
    expect(failure).toBeNull();
  });

  test.each(versions)('(%s) some tests were run', (version) => {
    expect(results.filter((one) => one.version === version).length).toBeGreaterThan(5);
  });
});
