import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { definition, type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { FIXTURES, sourcePayload, TestBed } from '../engines/process/testing.ts';
import { LAST_LINES_MS } from './request-ends.ts';

const REQUESTS = 200;
/** Nothing is over because time is: what is not told hangs. */
const clock: Clock = {
  ...systemClock,
  setTimeout: (callback, ms) => systemClock.setTimeout(callback, ms === LAST_LINES_MS ? 3_600_000 : ms),
};

let bed: TestBed;
let f: Fixture;
beforeAll(async () => {
  bed = await TestBed.make();
  f = startFleet({ clock, engines: { process: bed.engine }, dataDir: bed.dataDir });
  const { environment } = bed.spec({ kind: 'entrypoint', entrypoint: '' });
  f.environments.ensure = async () => ({ environment, cached: true, seconds: 0 });
  const payload = sourcePayload(path.join(FIXTURES, 'behaviors.py'), 'Behaviors');
  await f.fleet.apps.register({ ...definition(), payload }, 'test');
  await f.fleet.apps.start('local/demo');
});
afterAll(async () => {
  await f.fleet.dispose();
  await bed.dispose();
});

/** The log as a client finds it whose poll says COMPLETED. */
async function logWhenComplete(count: number): Promise<string[]> {
  const body = Buffer.from(JSON.stringify({ count }));
  const record = await f.submit({ path: '/last-words', body: { kind: 'bytes', bytes: body } });
  return new Promise((resolve, reject) => {
    const watch = f.fleet.queue.watch(record.id, (change) => {
      if (change.record.state !== 'COMPLETED') return;
      void watch.dispose();
      f.fleet.queue.logs(record.id).then((lines) => resolve(lines.map((line) => line.message)), reject);
    });
  });
}

it(`${REQUESTS} requests in a row are complete with all their lines, told and not timed out`, async () => {
  await logWhenComplete(0);
  const logs: string[][] = [];
  for (let count = 0; count < REQUESTS; count++) logs.push(await logWhenComplete(count));
  expect(logs.map((lines) => lines.sort())).toEqual(
    Array.from({ length: REQUESTS }, (_, count) => ['from a child', `last words ${count}`]),
  );
});
