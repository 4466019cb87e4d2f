import { expect, test } from 'vitest';
import { type RunnerSpec, WindtunnelError } from '../../contract/index.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import type { RunnerEngine } from '../../engines/engine.ts';
import { LiveRedactor } from './live-redactor.ts';
import { RedactingEventBus } from './redacting-bus.ts';
import { redactingEngine } from './redacting-engine.ts';

const SECRET = 'hunter2-hunter2';

test('no event carries a secret, from the moment it is known', () => {
  const redactor = new LiveRedactor();
  const bus = new RedactingEventBus(new FakeClock(), redactor);
  const notice = () => bus.emit({ type: 'emulator.notice', level: 'info', code: 'x', message: `value ${SECRET}` });
  notice();
  redactor.learn([SECRET]);
  notice();
  expect(bus.recent().map((event) => event.type === 'emulator.notice' && event.message)).toEqual([
    `value ${SECRET}`,
    'value [secret]',
  ]);
});

test('the errors of a runner hold no secret: of its start, of its readiness, of its end', async () => {
  const redactor = new LiveRedactor();
  redactor.learn([SECRET]);
  const failure = () => new WindtunnelError('E_APP_SETUP', `raised ${SECRET}`, { detail: `Traceback ${SECRET}` });
  const exit = { code: 1, signal: null, cause: 'crashed', error: failure().toJSON() } as const;
  let starts = 0;
  const engine: RunnerEngine = {
    name: 'process',
    start: async () => {
      if (starts++ > 0) throw failure();
      return {
        id: 'r',
        ready: Promise.reject(failure()),
        exited: Promise.resolve(exit),
        connect: () => Promise.reject(new Error('unused')),
        shell: () => Promise.reject(new Error('not asked for')),
        stop: async () => exit,
        kill: () => undefined,
        memory: async () => null,
      };
    },
    gpus: async () => ({ cards: [], reason: '' }),
    sweep: async () => [],
    dispose: async () => undefined,
  };
  const clean = redactingEngine(engine, () => redactor);
  const ignore = () => undefined;
  const hooks = { onPhase: ignore, onLog: ignore, onRequestEnd: ignore, onTunnel: ignore };
  const start = () => clean.start({} as RunnerSpec, hooks, new AbortController().signal);
  const runner = await start();
  const expected = { code: 'E_APP_SETUP', message: 'raised [secret]', detail: 'Traceback [secret]' };
  await expect(runner.ready).rejects.toMatchObject(expected);
  expect((await runner.exited).error).toMatchObject(expected);
  expect((await runner.stop(0)).error).toMatchObject(expected);
  await expect(start()).rejects.toMatchObject(expected);
});
