import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Fixture, startFleet } from '../../../test/support/fleet-fixture.ts';
import type { EmulatorEvent } from '../../contract/index.ts';
import { requestEvents } from './request-events.ts';

let f: Fixture;

beforeEach(() => {
  f = startFleet();
});
afterEach(() => f.fleet.dispose());

it('is told live, in the same events', async () => {
  const answer: (() => void)[] = [];
  f.engine.app = (_request, response) => void answer.push(() => response.end('{}'));
  await f.register();
  const record = await f.submit();
  await f.until(() => answer.length === 1);
  const live: EmulatorEvent[] = [];
  const follow = (async () => {
    for await (const event of requestEvents(f.fleet, record, true, new AbortController().signal)) live.push(event);
  })();
  await f.until(() => live.some((event) => event.type === 'request.state' && event.state === 'IN_PROGRESS'));
  answer[0]?.();
  await follow;
  expect(live).toEqual((await f.fleet.records.document(record)).events);
});

it('ends when its reader goes away', async () => {
  f.engine.app = () => undefined;
  await f.register();
  const record = await f.submit();
  const gone = new AbortController();
  const seen: string[] = [];
  for await (const event of requestEvents(f.fleet, record, true, gone.signal)) {
    seen.push(event.type);
    gone.abort();
  }
  expect(seen).toEqual(['request.state', 'request.body']);
});
