import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import { type EmulatorEvent, LIMITS, type RequestRecord } from '../contract/index.ts';

let f: Fixture;

beforeEach(() => {
  f = startFleet();
});
afterEach(async () => {
  await f.fleet.dispose();
  f.store.dispose();
});

const story = async (record: RequestRecord) => (await f.fleet.records.document(record)).events;
/** Without times, as short as it can be read. */
function brief(events: readonly EmulatorEvent[]): string[] {
  return events.map((event) => {
    if (event.type === 'request.state') return `${event.state} ${event.attempt}${event.reason && `: ${event.reason}`}`;
    if (event.type === 'request.body') return `${event.which} ${JSON.stringify(event.body.content)}`;
    if (event.type === 'log') return `| ${event.line.message}`;
    return event.type;
  });
}

describe('the story of a request', () => {
  it('has its input, the start that it waited for, its lines, its result', async () => {
    f.engine.app = (request, response, runner) => {
      const { headers } = request;
      runner.hooks.onLog({
        request: String(headers['x-fal-request-id']),
        level: 'STDOUT',
        message: 'drawing hunter22',
        at: f.clock.now(),
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"y":"hunter22"}');
    };
    f.engine.autoReady = false;
    await f.register();
    const record = await f.submit();
    await f.until(() => f.engine.runners.length === 1);
    f.clock.advance(2000);
    f.engine.runners[0]?.hooks.onPhase('importing', '');
    f.clock.advance(3000);
    f.engine.runners[0]?.becomeReady();
    await f.completed(record);
    const events = await story(record);
    expect(brief(events)).toEqual([
      'IN_QUEUE 0',
      'input {"kind":"json","value":{"x":1}}',
      'request.cold_start',
      'IN_PROGRESS 1',
      '| drawing [secret]',
      'COMPLETED 1',
      'output {"kind":"json","value":{"y":"[secret]"}}',
    ]);
    expect(events[2]).toMatchObject({
      runner: record.runnerId,
      attempt: 1,
      waited: 5,
      seconds: { image: 0, boot: 2, import: 3, setup: 0 },
    });
    expect(events[4]).toMatchObject({ runner: record.runnerId });
    const next = await f.submit();
    await f.completed(next);
    expect(brief(await story(next)), 'the runner served already').not.toContain('request.cold_start');
  });

  it('tells each attempt, why it was tried again, and the cancellation', async () => {
    let n = 0;
    f.engine.app = (_request, response) => void response.writeHead(++n === 1 ? 503 : 200).end('{}');
    await f.register();
    const record = await f.submit();
    await f.until(() => f.of('request.state').some(({ state, attempt }) => state === 'IN_QUEUE' && attempt === 1));
    await f.clock.advanceAsync(60_000);
    await f.completed(record);
    const steps = brief(await story(record)).filter((step) => /^(IN_|COMPLETED)/.test(step));
    expect(steps[0]).toBe('IN_QUEUE 0');
    expect(steps.slice(1).map((step) => step.split(':')[0])).toEqual([
      'IN_PROGRESS 1',
      'IN_QUEUE 1',
      'IN_PROGRESS 2',
      'COMPLETED 2',
    ]);
    const held = await f.submit({ path: '/held' });
    f.engine.app = () => undefined;
    const waiting = await f.submit({ path: '/waiting' });
    await f.fleet.queue.cancel(waiting.id);
    expect(brief(await story(waiting))).toContain('request.cancel');
    expect(held.id).not.toBe(waiting.id);
  });

  it('leaves out what is too large or was not to be stored, and says why', async () => {
    f.engine.app = (_request, response) => void response.end('z'.repeat(LIMITS.recordBodyBytes + 1));
    await f.register();
    const large = await f.completed(await f.submit());
    expect(brief(await story(large.record)).at(-1)).toContain('larger than');
    const secret = await f.completed(await f.submit({ storeIo: false }));
    const bodies = brief(await story(secret.record)).filter((step) => /put /.test(step));
    expect(bodies).toHaveLength(2);
    for (const body of bodies) expect(body).toContain('X-Fal-Store-IO');
  });

  it('keeps bytes that are no text', async () => {
    f.engine.app = (_request, response) => void response.end(Buffer.from([0xff, 0x00]));
    await f.register();
    const { record } = await f.completed(await f.submit({ body: { kind: 'bytes', bytes: Buffer.from('plain') } }));
    expect(brief(await story(record)).filter((step) => /put /.test(step))).toEqual([
      'input {"kind":"text","text":"plain"}',
      'output {"kind":"base64","data":"/wA="}',
    ]);
  });
});

describe('requests', () => {
  it('are listed, the newest first, by app', async () => {
    f.engine.app = (_request, response) => void response.end('{}');
    await f.register();
    const ids = [];
    for (let i = 0; i < 3; i++) ids.unshift((await f.submit()).id);
    expect(f.fleet.records.list(2).map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(f.fleet.records.list(9, 'local/other')).toEqual([]);
  });

  it('are found by the first eight characters of their id', async () => {
    const named = startFleet({ newId: ids('aaaaaaaa-1', 'runner-0', 'bbbbbbbb-2', 'bbbbbbbb-3') });
    await named.register({ maxConcurrency: 1 });
    for (let i = 0; i < 3; i++) await named.submit();
    expect(named.fleet.records.find('aaaaaaaa')?.id).toBe('aaaaaaaa-1');
    expect(named.fleet.records.find('aaaaaaa')).toBeUndefined();
    expect(() => named.fleet.records.find('bbbbbbbb')).toThrow(/Several requests/);
    await named.fleet.dispose();
  });
});

function ids(...names: string[]): () => string {
  let n = 0;
  return () => names.shift() ?? `runner-${++n}`;
}
