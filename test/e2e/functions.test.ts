import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps/functions.py')]);
}, 120_000);

afterAll(() => emulator?.dispose(), 120_000);

const post = async (pathname: string, body: unknown) => {
  const answer = await fetch(`${emulator.url}${pathname}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return [answer.status, await answer.json()];
};

test('a fal.function that is served', async () => {
  const id = await emulator.run('functions.py', { symbol: 'greet' });
  expect(await post(`/run/${id}`, { name: 'wind' })).toEqual([200, { hello: 'wind' }]);
  const logs = await emulator.cli('call', id, '--input', '{"name":"queue"}');
  expect(JSON.parse(logs.stdout)).toEqual({ hello: 'queue' });
}, 120_000);

test('a function with a server of its own on exposed_port', async () => {
  const id = await emulator.run('functions.py', { symbol: 'own_server' });
  expect(await post(`/run/${id}/any/path`, {})).toEqual([200, { served: '/any/path' }]);
}, 120_000);
