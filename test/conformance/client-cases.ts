import path from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import type { EngineUnderTest } from '../support/engine-under-test.ts';
import { sitePackages } from '../support/site-packages.ts';
import { requires } from '../support/skip.ts';
import { appsOf, ITEMS } from './items.ts';
import { pinnedClient, runCase } from './run-case.ts';

const CLIENTS = { J: '@fal-ai/client', P: 'fal_client and fal.apps' } as const;

/** Each item with each of its clients, on one emulator. */
export function clientCases(engine: EngineUnderTest): void {
  let emulator: EmulatorUnderTest | undefined;

  beforeAll(async () => {
    if (!(await engine.start())) return;
    // Item 62 stands on them: no case pays for their installation.
    await sitePackages();
    const started = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')], engine.env());
    emulator = started;
    await Promise.all(['apps/probe.py', 'apps/line.py', 'apps/live.py'].map((file) => started.run(file)));
    // These have their first runner with their first request.
    const failing = new Set(ITEMS.flatMap(({ number }) => appsOf(number)).filter((app) => app.includes('::')));
    await Promise.all([...failing].map((app) => started.register(app)));
  }, 600_000);

  afterAll(() => emulator?.dispose(), 120_000);

  for (const client of ['J', 'P'] as const) {
    describe(`${CLIENTS[client]} under exec`, () => {
      for (const item of ITEMS.filter(({ clients }) => clients.includes(client))) {
        test(`#${item.number} ${client}: ${item.title}`, async (context) => {
          await requires(...(item.needs ?? []))(context);
          await runCase(emulator!, await pinnedClient(client), item.number);
        }, 180_000);
      }
    });
  }
}
