import { readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { NEEDS, requires } from '../support/skip.ts';
import { StandInRemote } from '../support/stand-in-remote.ts';
import { runHostTests } from './support/run-host-tests.ts';

const folder = path.join(import.meta.dirname, 'workspace');
const WORKSPACE = readdirSync(folder).map((name) => path.join(folder, name));

// `npm run test:oldest-vscode` runs the suites on the oldest that the manifest allows.
const versions = [process.env.WINDTUNNEL_TEST_VSCODE ?? 'newest'];

// Here, not in a hook: each test of the extension host becomes one of this suite, and their names come from the run.
const results: { version: string; name: string; failure: string | null }[] = [];
for (const version of versions) results.push(...((await NEEDS.chromium.ask()) ? await run(version) : []));
if (results.length === 0) results.push({ version: 'newest', name: 'runs', failure: null });

async function run(version: string) {
  const remote = await StandInRemote.start([path.join(folder, 'greeter.py')]);
  const prepared = await EmulatorUnderTest.prepare(WORKSPACE, { WINDTUNNEL_TEST_VSCODE: version });
  try {
    const deployed = await remote.emulator.exec('fal', ['deploy', 'greeter.py']);
    if (deployed.code !== 0) throw new Error(`fal deploy: ${deployed.stdout}${deployed.stderr}`);
    await remote.emulator.client.setSecret('FAR_AWAY', 'x');
    const env = remote.in(prepared.env);
    const found = await runHostTests({ workspace: prepared.workspace, headless: true, env });
    return found.map((one) => ({ version, ...one }));
  } finally {
    await prepared.dispose();
    await remote.dispose();
  }
}

describe('in the extension host of VS Code', () => {
  beforeEach(requires('chromium'));

  test.each(results)('($version) $name', ({ failure }) => {
    expect(failure).toBeNull();
  });

  test.each(versions)('(%s) some tests were run', (version) => {
    expect(results.filter((one) => one.version === version).length).toBeGreaterThan(5);
  });
});
