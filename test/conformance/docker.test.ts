import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { DockerUnderTest } from '../support/engine-under-test.ts';
import { requires } from '../support/skip.ts';
import { clientCases } from './client-cases.ts';
import { emulatorCases } from './emulator-cases.ts';
import { ITEMS } from './items.ts';
import { offlineCases } from './offline-cases.ts';
import { pinnedClient, runCase } from './run-case.ts';
import { upstreamCases } from './upstream-cases.ts';

/** Items in which the app itself calls fal, reads or writes its files. */
const APP_CALLS_FAL = [56, 57, 58, 69];

const docker = new DockerUnderTest();

beforeAll(() => docker.start(), 600_000);
afterAll(() => docker.dispose(), 120_000);
beforeEach(requires('dockerd'));

// One file, so that all of it shares one daemon and its images; the other engine's files run beside it.
describe('on docker', () => {
  describe('clients', () => clientCases(docker));
  describe('emulator', () => emulatorCases(docker));
  describe('upstream', () => upstreamCases(docker));
  describe('offline', () => offlineCases(docker));

  describe('containers without any network: the link is their only way', () => {
    let emulator: EmulatorUnderTest;

    beforeAll(async () => {
      if (!(await docker.start())) return;
      emulator = await EmulatorUnderTest.prepare([path.join(import.meta.dirname, 'apps')], docker.env());
      writeFileSync(path.join(emulator.workspace, 'windtunnel.jsonc'), '{ "docker": { "network": "none" } }');
      await emulator.boot();
      await Promise.all([emulator.run('apps/probe.py'), emulator.run('apps/line.py')]);
    }, 300_000);

    afterAll(() => emulator?.dispose(), 120_000);

    for (const { number, title } of ITEMS.filter((item) => APP_CALLS_FAL.includes(item.number))) {
      test(`#${number} P: ${title}`, async () => {
        await runCase(emulator, await pinnedClient('P'), number);
      }, 180_000);
    }
  });
});
