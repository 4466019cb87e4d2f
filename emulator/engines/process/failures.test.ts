import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunnerSpec, WindtunnelError } from '../../contract/index.ts';
import { markedProcesses } from './processes.ts';
import { FIXTURES, runs, sourcePayload, TestBed, until } from './testing.ts';

const BEHAVIORS = path.join(FIXTURES, 'behaviors.py');

let bed: TestBed;
beforeAll(async () => {
  bed = await TestBed.make();
});
afterAll(() => bed.dispose());

const behaving = (env: Record<string, string> = {}, overrides: Partial<RunnerSpec> = {}) =>
  bed.spec(sourcePayload(BEHAVIORS, 'Behaviors'), { env: { FAL_KEY: 'id:secret', ...env }, ...overrides });

async function writeApp(name: string, text: string) {
  const file = path.join(bed.folder, name);
  await writeFile(file, text);
  return file;
}

/** Agents and apps of a test bed, by the home that they inherit. */
async function processesOf(folder: string): Promise<number[]> {
  const pids: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    if (environment.split('\0').includes(`HOME=${folder}`)) pids.push(Number(name));
  }
  return pids;
}

const failure = (promise: Promise<unknown>): Promise<WindtunnelError> =>
  promise.then(
    () => Promise.reject(new Error('It did not fail.')),
    (error: WindtunnelError) => error,
  );

describe('a start that fails', () => {
  it('for its record cannot be written leaves no agent and no app', async () => {
    const broken = await TestBed.make();
    await mkdir(path.join(broken.folder, 'run'));
    // Where the folder of the records should be.
    await writeFile(path.join(broken.folder, 'run/runners'), '');
    try {
      const error = await failure(broken.start(broken.spec(sourcePayload(BEHAVIORS, 'Behaviors'))));
      expect(error).toMatchObject({ code: 'EEXIST' });
      await until('nothing of it is left', async () => (await processesOf(broken.folder)).length === 0);
    } finally {
      for (const pid of await processesOf(broken.folder)) process.kill(pid, 'SIGKILL');
      await broken.dispose();
    }
  });

  it('tells the error of a module with its own frames only', async () => {
    const file = await writeApp(
      'raises.py',
      'import fal\n\ndef boom():\n    raise RuntimeError("no weights")\n\nboom()\n',
    );
    const runner = await bed.start(bed.spec(sourcePayload(file, 'App')));
    const error = await failure(runner.handle.ready);
    expect(error).toMatchObject({ code: 'E_APP_IMPORT', message: 'raises.py:4: RuntimeError: no weights' });
    const marks = /^[ ^~]+$\n/gm; // Pythons differ in what they underline
    expect(error.detail?.replace(marks, '')).toBe(
      [
        'Traceback (most recent call last):',
        `  File "${file}", line 6, in <module>`,
        '    boom()',
        `  File "${file}", line 4, in boom`,
        '    raise RuntimeError("no weights")',
        'RuntimeError: no weights',
      ].join('\n'),
    );
    expect(await runner.handle.exited).toMatchObject({ cause: 'startup', code: 1, error: { code: 'E_APP_IMPORT' } });
  });

  it.each([
    [
      'a missing package',
      'import not_installed_here\n',
      "1: ModuleNotFoundError: No module named 'not_installed_here'",
    ],
    ['a syntax error', 'def broken(:\n', '1: SyntaxError: invalid syntax', 'E_SYNTAX'],
    ['wrong indentation', 'x = 1\n  y = 2\n', '2: IndentationError: unexpected indent', 'E_SYNTAX'],
    ['a syntax error in a text that the app compiles', 'eval("1 +")\n', 'SyntaxError: '],
    ['sys.exit', 'import sys\nsys.exit("bye")\n', "2: SystemExit: sys.exit('bye') was called"],
    ['a wrong symbol', 'x = 1\n', 'NotServable: '],
    ['a function that is not served', 'import fal\n@fal.function()\ndef App(): ...\n', 'without serve=True'],
  ])('tells %s', async (_name, text, message, code = 'E_APP_IMPORT') => {
    const runner = await bed.start(bed.spec(sourcePayload(await writeApp('broken.py', text), 'App')));
    const error = await failure(runner.handle.ready);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    await runner.handle.exited;
  });

  it('tells the error of setup', async () => {
    const runner = await bed.start(behaving({ SETUP: 'raise' }));
    const error = await failure(runner.handle.ready);
    expect(error).toMatchObject({
      code: 'E_APP_SETUP',
      message: expect.stringMatching(/^behaviors\.py:\d+: KeyError: 'model'$/),
    });
    expect(error.detail).not.toMatch(/site-packages|runner\//);
    expect(error.detail).toContain('in load');
    expect(await runner.handle.exited).toMatchObject({
      cause: 'startup',
      error: { code: 'E_APP_SETUP', message: error.message },
    });
  });

  it('can be stopped while setup hangs', async () => {
    const runner = await bed.start(behaving({ SETUP: 'hang' }));
    await until('setup hangs', () => runner.logs.some((log) => log.message === 'hanging'));
    expect(runner.phases.at(-1)).toBe('setup');
    expect(await runner.handle.stop(0.3)).toMatchObject({ cause: 'killed', error: null });
    expect((await failure(runner.handle.ready)).code).toBe('E_RUNNER_EXITED');
  });

  it('ends with its caller', async () => {
    const abort = new AbortController();
    const spec = behaving();
    const ignore = () => undefined;
    const hooks = { onPhase: ignore, onLog: ignore, onRequestEnd: ignore, onTunnel: ignore };
    const started = bed.engine.start(spec, hooks, abort.signal);
    abort.abort(new Error('changed my mind'));
    await expect(started).rejects.toThrow('changed my mind');
    expect(await markedProcesses(spec.id)).toEqual([]);
  });
});

describe('a runner that misbehaves', () => {
  it('ends by sys.exit in an endpoint, and says so', async () => {
    const runner = await bed.start(behaving());
    await runner.handle.ready;
    await failure(runner.call('/exit'));
    const exit = await runner.handle.exited;
    expect(exit).toMatchObject({ cause: 'crashed', code: 3, error: { code: 'E_RUNNER_EXITED' } });
    expect(exit.error?.message).toMatch(/behaviors\.py:\d+: SystemExit: sys\.exit\(3\) was called/);
  });

  it('ends by os._exit, and says so', async () => {
    const runner = await bed.start(behaving());
    await runner.handle.ready;
    await failure(runner.call('/hard-exit'));
    expect(await runner.handle.exited).toMatchObject({
      cause: 'crashed',
      code: 4,
      error: { message: 'The runner of local/test ended with exit code 4.' },
    });
  });

  it('is stopped when its tree uses more than its memory', async () => {
    const runner = await bed.start(behaving({}, { limits: { memoryBytes: 400 * 2 ** 20, cpus: 1 } }));
    await runner.handle.ready;
    expect(await runner.handle.memory()).toBeGreaterThan(30 * 2 ** 20);
    await failure(runner.call('/memory', { count: 450 }));
    const exit = await runner.handle.exited;
    expect(exit).toMatchObject({ cause: 'memory', error: { code: 'E_RUNNER_MEMORY' } });
    expect(exit.error?.message).toMatch(/used 0\.\d GiB, over the 0\.4 GiB/);
  });

  it('may map a file that is larger than its memory', async () => {
    const runner = await bed.start(behaving({}, { limits: { memoryBytes: 400 * 2 ** 20, cpus: 1 } }));
    await runner.handle.ready;
    // Not in a temporary folder, which may itself be memory.
    expect(await runner.call('/mapped', { count: 600, path: FIXTURES })).toEqual({ status: 200, text: '{"total":0}' });
    await runner.handle.stop(0);
  });

  it('leaves no daemon behind', async () => {
    const runner = await bed.start(behaving());
    await runner.handle.ready;
    const file = path.join(bed.folder, 'daemon.pid');
    await runner.call('/escape', { path: file });
    await until('the daemon runs', async () => (await readFile(file, 'utf8').catch(() => '')) !== '');
    const pid = Number(await readFile(file, 'utf8'));
    expect(await runs(pid)).toBe(true);
    await runner.handle.stop(5);
    expect(await runs(pid)).toBe(false);
  });

  it('serves on after a blocking endpoint and 100 MB of output', async () => {
    const runner = await bed.start(behaving());
    await runner.handle.ready;
    await runner.call('/block', { seconds: 0.3 });
    const count = 100 * 1024;
    expect((await runner.call('/output', { count }, { 'x-fal-request-id': 'loud' })).status).toBe(200);
    const mine = () => runner.logs.filter((log) => log.request === 'loud' && log.message === 'x'.repeat(1023)).length;
    await until('all lines came', () => mine() === count);
    expect((await runner.call('/')).status).toBe(200);
    await runner.handle.stop(5);
  });

  it('is killed with its children when it ignores SIGTERM', async () => {
    const runner = await bed.start(behaving({ SETUP: 'child' }));
    await runner.handle.ready;
    const stuck = failure(runner.call('/gil', { seconds: 60 }));
    await until('the endpoint has it', () => runner.logs.some(({ message }) => message === 'taken'));
    expect(await runner.handle.stop(0.2)).toMatchObject({ signal: 'SIGKILL', cause: 'killed', error: null });
    await stuck;
    expect(await markedProcesses(runner.handle.id)).toEqual([]);
  });
});
