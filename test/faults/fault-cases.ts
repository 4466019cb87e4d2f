import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EmulatorEvent, Scenario } from '../../emulator/contract/index.ts';
import { FAULT_PRESETS } from '../../emulator/core/fault-presets.ts';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import type { EngineUnderTest } from '../support/engine-under-test.ts';
import { testPython } from '../support/python.ts';

interface Seen {
  result?: unknown;
  status?: number;
  type?: string | null;
  text?: string;
  timeout?: string | null;
  broken?: string;
}

let emulator: EmulatorUnderTest;
let python: string;
let runs = 1;

/** Serves the app under this scenario from here on, its counts at their start. */
async function under(scenario: Scenario): Promise<void> {
  const file = path.join(emulator.workspace, 'steady.py');
  // Another seed makes it another scenario; the ones that count choose nothing at random.
  const fresh = scenario.rules.some(({ rate }) => rate !== undefined) ? scenario : { ...scenario, seed: ++runs };
  const rest = { symbol: null, as: null, engine: emulator.engine, watch: false } as const;
  await emulator.client.run({ file, ...rest, scenario: fresh });
}

const preset = (name: string): Scenario => {
  const known = FAULT_PRESETS[name];
  if (!known) throw new Error(`no preset ${name}`);
  return known.scenario;
};

async function seen(mode: 'queue' | 'direct', ...more: string[]): Promise<Seen[]> {
  const [calls = '1', ...rest] = more;
  const script = path.join(import.meta.dirname, 'sees.py');
  const { stdout, stderr } = await emulator.exec(python, [script, mode, calls, ...rest]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Seen[];
}

async function seenByJs(mode: 'queue' | 'direct', ...more: string[]): Promise<Seen> {
  const script = path.join(import.meta.dirname, 'sees.mjs');
  const { stdout, stderr } = await emulator.exec(process.execPath, [script, mode, ...more]);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Seen;
}

/** Attempts of the newest request, and the events of its record. */
async function newest(): Promise<{ attempts: number; events: EmulatorEvent[] }> {
  const [request] = await emulator.client.requests({ limit: 1 });
  const { events } = await emulator.client.request(request?.id ?? '');
  return { attempts: request?.attempts ?? 0, events };
}

const OK = (n = 0) => ({ result: { answer: n } });

/** Starts what the cases of a file share; before them. */
export function withSteadyApp(engine: EngineUnderTest): void {
  beforeAll(async () => {
    if (!(await engine.start())) return;
    python = await testPython();
    emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps/steady.py')], engine.env());
    await emulator.run('steady.py');
  }, 300_000);

  afterAll(() => emulator?.dispose(), 60_000);
}

/** Faults of answers: the emulator gives them in the runner's place. */
export function answerFaults(): void {
  describe('what fal_client and @fal-ai/client see under each preset', () => {
    test('flaky: the queue hides it, a direct caller meets it', async () => {
      await under(preset('flaky'));
      // By its seed the second attempt is struck; of the other one, the fourth.
      expect(await seen('queue', '4')).toEqual(Array.from({ length: 4 }, (_, n) => OK(n)));
      const requests = await emulator.client.requests({ limit: 4 });
      expect(Math.max(...requests.map(({ attempts }) => attempts))).toBeGreaterThan(1);
      await under({ ...preset('flaky'), seed: 8 });
      const direct = await seen('direct', '5');
      expect(direct.map(({ status }) => status ?? 200)).toEqual([200, 200, 200, 503, 200]);
      // @fal-ai/client calls again by itself, and hides it from its caller. By these seeds the first attempt is struck.
      await under({ ...preset('flaky'), seed: 2 });
      expect(await seenByJs('direct')).toEqual(OK(1));
      await under({ ...preset('flaky'), seed: 4 });
      expect(await seenByJs('queue')).toEqual(OK(1));
      expect((await newest()).attempts).toBe(2);
    }, 120_000);

    test('unavailable: 503 after ten attempts, at once when direct', async () => {
      await under(preset('unavailable'));
      expect(await seen('queue')).toMatchObject([{ status: 503 }]);
      expect((await newest()).attempts).toBe(10);
      expect(await seen('direct')).toMatchObject([{ status: 503 }]);
      for (const mode of ['queue', 'direct'] as const) expect(await seenByJs(mode)).toMatchObject({ status: 503 });
    }, 240_000);

    test('rate-limited: 429 as the result; direct it tries again by itself', async () => {
      await under(preset('rate-limited'));
      expect(await seen('direct')).toEqual([OK()]);
      await under(preset('rate-limited'));
      // Not by a client, which would read the 429 again for a minute before it gave up.
      const sent = await emulator.cli('call', 'local/steady', '--input', '{"n":0}');
      expect([sent.code, sent.stderr]).toEqual([1, expect.stringContaining('the answer was 429')]);
      await under(preset('rate-limited'));
      expect(await seenByJs('direct')).toEqual(OK(1));
      await under(preset('rate-limited'));
      expect(await seenByJs('queue')).toMatchObject({ status: 429 });
    }, 180_000);

    test('slow: the same result, later', async () => {
      await under(preset('slow'));
      for (const mode of ['queue', 'direct'] as const) {
        const begun = performance.now();
        expect(await seen(mode)).toEqual([OK()]);
        expect(performance.now() - begun).toBeGreaterThan(3000);
        expect(await seenByJs(mode)).toEqual(OK(1));
      }
    }, 120_000);

    test('drop: the queue hides it; direct, both clients call again by themselves', async () => {
      await under(preset('drop'));
      expect(await seen('queue')).toEqual([OK()]);
      expect((await newest()).attempts).toBe(2);
      await under(preset('drop'));
      expect(await seen('direct')).toEqual([OK()]);
      for (const mode of ['queue', 'direct'] as const) {
        await under(preset('drop'));
        expect(await seenByJs(mode)).toEqual(OK(1));
      }
    }, 120_000);
  });
}

/** Faults of runners: each is up to the engine. */
export function runnerFaults(): void {
  describe('what fal_client and @fal-ai/client see under each preset', () => {
    test.each(['crash', 'oom'])(
      '%s: the queue hides it; 503 runner_disconnected when direct',
      async (name) => {
        await under(preset(name));
        expect(await seen('queue')).toEqual([OK()]);
        const { attempts, events } = await newest();
        expect(attempts).toBe(2);
        expect(events.some(({ type }) => type === 'fault')).toBe(true);
        await under(preset(name));
        expect(await seen('direct')).toMatchObject([{ status: 503, type: 'runner_disconnected' }]);
        // @fal-ai/client tries a 503 again, as it would with fal.
        for (const mode of ['queue', 'direct'] as const) {
          await under(preset(name));
          expect(await seenByJs(mode)).toEqual(OK(1));
        }
      },
      240_000,
    );

    test('gpu-lost: the queue hides it; direct 503 in the words of CUDA', async () => {
      await under(preset('gpu-lost'));
      expect(await seen('queue')).toEqual([OK()]);
      expect((await newest()).attempts).toBe(2);
      await under(preset('gpu-lost'));
      expect(await seen('direct')).toMatchObject([{ status: 503, text: expect.stringContaining('CUDA') }]);
      for (const mode of ['queue', 'direct'] as const) {
        await under(preset('gpu-lost'));
        expect(await seenByJs(mode)).toEqual(OK(1));
      }
    }, 240_000);

    test('slow-start: a start timeout strikes; without one the result comes', async () => {
      await under(preset('slow-start'));
      const stopAll = async () => {
        const [app] = (await emulator.client.status()).apps;
        for (const { id } of app?.runners ?? []) await emulator.client.stopRunner(id, 0);
      };
      await stopAll();
      expect(await seen('queue', '1', '2')).toMatchObject([{ status: 504, timeout: 'user' }]);
      expect(await seen('direct')).toEqual([OK()]);
      await stopAll();
      expect(await seenByJs('queue', '2')).toMatchObject({ status: 504, timeout: 'user' });
      expect(await seenByJs('direct')).toEqual(OK(1));
    }, 240_000);
  });

  test('run --scenario says what it does and when; a file that is wrong is refused with its line', async () => {
    const run = CliSession.start(
      emulator,
      'run',
      'steady.py',
      '--as',
      'local/other',
      '--scenario',
      'crash',
      '--no-watch',
      '--engine',
      emulator.engine,
    );
    await run.printed(/scenario: crash: The runner is killed under its first request/);
    await run.printed(/ready in/);
    expect((await emulator.cli('call', 'local/other', '--input', '{"n":7}')).code).toBe(0);
    await run.printed(/fault: the runner is killed/);
    run.signal('SIGINT');
    expect(await run.ended()).toBe(0);
    const refused = await emulator.cli('run', 'steady.py', '--scenario', 'nothing');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('crash, oom')]);
  }, 240_000);
}
