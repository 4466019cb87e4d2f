import { readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { NEEDS, requires } from '../support/skip.ts';
import { StandInRemote } from '../support/stand-in-remote.ts';
import { runHostTests } from './support/run-host-tests.ts';

const folder = path.join(import.meta.dirname, 'workspace');
const WORKSPACE = readdirSync(folder).map((name) => path.join(folder, name));

// Here, not in a hook: each test of the extension host becomes one of this suite, and their names come from the run.
const results = (await NEEDS.chromium.ask()) ? await run() : [{ name: 'runs', failure: null }];

async function run() {
  const remote = await StandInRemote.start([path.join(folder, 'greeter.py')]);
  const prepared = await EmulatorUnderTest.prepare(WORKSPACE);
  try {
    const deployed = await remote.emulator.exec('fal', ['deploy', 'greeter.py']);
    if (deployed.code !== 0) throw new Error(`fal deploy: ${deployed.stdout}${deployed.stderr}`);
    await remote.emulator.client.setSecret('FAR_AWAY', 'x');
    return await runHostTests({ workspace: prepared.workspace, headless: true, env: remote.in(prepared.env) });
  } finally {
    await prepared.dispose();
    await remote.dispose();
  }
}

describe('in the extension host', () => {
  beforeEach(requires('chromium'));

  test.each(results)('$name', ({ failure }) => {
    expect(failure).toBeNull();
  });

  test('some tests were run', () => {
    expect(results.length).toBeGreaterThan(5);
  });
});
