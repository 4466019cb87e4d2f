import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { ITEMS, type Item } from './items.ts';

const here = import.meta.dirname;

interface CaseResult {
  item: string;
  ok: boolean;
  error: string | null;
  ms: number;
}

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(here, 'apps')]);
  await Promise.all([emulator.run('apps/probe.py'), emulator.run('apps/line.py')]);
}, 300_000);

afterAll(() => emulator?.dispose(), 60_000);

const title = (item: Item, client: string) => `#${item.number} ${client}: ${item.title}`;

/** One process of the official client a case: a case can't spoil the next one's state. */
async function runCase(command: string, script: string, item: Item): Promise<void> {
  const { stdout, stderr, code } = await emulator.exec(command, [script, String(item.number)]);
  const line = stdout.trim().split('\n').at(-1) ?? '';
  let result: CaseResult;
  try {
    result = JSON.parse(line);
  } catch {
    throw new Error(`The case printed no result (exit ${code}).\n${stdout}\n${stderr}`);
  }
  expect(result.error ?? '').toBe('');
}

describe('@fal-ai/client under exec', () => {
  for (const item of ITEMS.filter((i) => i.clients.includes('J'))) {
    test(title(item, 'J'), () => runCase(process.execPath, path.join(here, 'js/run.mjs'), item), 90_000);
  }
});

describe('fal_client and fal.apps under exec', () => {
  for (const item of ITEMS.filter((i) => i.clients.includes('P'))) {
    test(title(item, 'P'), async () => runCase(await testPython(), path.join(here, 'py/run.py'), item), 90_000);
  }
});
