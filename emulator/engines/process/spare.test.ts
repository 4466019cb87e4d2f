import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { RunnerPayload, RunnerSpec } from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { markedProcesses } from './processes.ts';
import { picklePayload, runs, sourcePayload, TestBed, type TestRunner, until } from './testing.ts';

// What an app can see of how it was started, told at the first line of setup(), and once more of a child.
const APP = `
import fal


class App(fal.App):
    def setup(self):
        import json, os, subprocess, sys, threading

        print("in setup")
        child = subprocess.run(
            [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"], stdout=subprocess.PIPE
        )
        self.facts = {
            "modules": sorted(sys.modules),
            "env": dict(os.environ),
            "child": json.loads(child.stdout),
            "argv": sys.argv,
            "orig_argv": sys.orig_argv[1:],
            "path": sys.path,
            "meta_path": [repr(type(finder)) for finder in sys.meta_path],
            "flags": repr(sys.flags),
            "xoptions": sys._xoptions,
            "threads": sorted(thread.name for thread in threading.enumerate()),
            "umask": oct(os.umask(0o22)),
            "cwd": os.path.basename(os.getcwd()),
            "files": sorted(os.listdir()),
        }

    @fal.endpoint("/")
    def facts_of_start(self) -> dict:
        return self.facts
`;

let bed: TestBed;
let payload: RunnerPayload;
const others: TestBed[] = [];
beforeAll(async () => {
  bed = await TestBed.make();
  const file = path.join(bed.folder, 'app.py');
  const weights = path.join(bed.folder, 'weights.txt');
  await writeFile(file, APP);
  await writeFile(weights, '');
  const pickle = await picklePayload(bed, file, 'App');
  if (pickle.kind === 'pickle') payload = { ...pickle, files: [{ from: weights, to: 'weights.txt' }] };
}, 120_000);
afterEach(async () => {
  for (const other of others.splice(0)) await other.dispose();
});
afterAll(() => bed.dispose());

const identity = (name: string) => ({
  FAL_APP_NAME: `local/${name}`,
  FAL_APP_ID: `local/${name}`,
  FAL_JOB_ID: `job-${name}`,
  FAL_KEY: `id:${name}`,
});

const spec = (name: string, overrides: Partial<RunnerSpec> = {}) =>
  bed.spec(payload, { app: `local/${name}`, env: { ...identity(name), TOKEN: 'abc' }, ...overrides });

interface Recorded {
  id: string;
  app: string;
  agent: number;
}

async function records(of = bed): Promise<Recorded[]> {
  const folder = path.join(of.folder, 'run/runners');
  const found: Recorded[] = [];
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json')) continue;
    const { id, app, agent } = JSON.parse(await readFile(path.join(folder, name), 'utf8'));
    found.push({ id, app, agent: agent.pid });
  }
  return found;
}

async function startAhead(on = bed): Promise<Recorded> {
  on.engine.startAhead?.();
  let found: Recorded | undefined;
  await until('a runner is started ahead', async () => {
    found = (await records(on)).find((record) => record.app === 'an app to come');
    return found !== undefined;
  });
  return found!;
}

/** Runs the app once, so that there is something to go by, and has another started ahead. */
async function prepared(on = bed): Promise<Recorded> {
  const first = await on.start(spec('first'));
  await first.handle.ready;
  await first.handle.stop(0);
  return startAhead(on);
}

async function facts(runner: TestRunner): Promise<Record<string, Record<string, string>>> {
  await runner.handle.ready;
  const { status, text } = await runner.call('/');
  expect(status, text).toBe(200);
  return JSON.parse(text);
}

const gone = ({ id, agent }: Recorded, of = bed) =>
  until('nothing of it is left', async () => {
    const known = (await records(of)).some((record) => record.id === id);
    return !known && !(await runs(agent)) && (await markedProcesses(id)).length === 0;
  });

it('is to its app what a runner is that was started for it', async () => {
  const fresh = await bed.start(spec('second'));
  const expected = await facts(fresh);
  await fresh.handle.stop(0);
  const ahead = await startAhead();
  const runner = await bed.start(spec('second'));
  const seen = await facts(runner);
  expect((await records()).map(({ agent, app }) => ({ agent, app }))).toEqual([
    { agent: ahead.agent, app: 'local/second' },
  ]);

  const modules = (one: typeof seen) => Object.values(one.modules ?? {});
  const more = modules(seen).filter((name) => !modules(expected).includes(name));
  expect(more, 'modules of the harness alone').toEqual(['_windtunnel.ahead']);
  // These hold the runner's own id and folder.
  for (const env of [expected.env, expected.child, seen.env, seen.child]) {
    for (const name of ['WINDTUNNEL_OUT', 'WINDTUNNEL_RUNNER']) {
      expect(env?.[name]).toBeTypeOf('string');
      delete env?.[name];
    }
  }
  expect({ ...seen, modules: [] }).toEqual({ ...expected, modules: [] });
  expect(runner.phases).toEqual(fresh.phases);
  const printed = ({ logs }: TestRunner) => logs.filter(({ level }) => level === 'STDOUT' || level === 'STDERR');
  const words = (one: TestRunner) => printed(one).map(({ level, message }) => `${level} ${message}`);
  expect(words(runner)).toEqual(words(fresh));
  expect(words(runner)).toContain('STDOUT in setup');
  await runner.handle.stop(0);
  await gone(ahead);
}, 120_000);

it.each([
  ['another variable', { env: { ...identity('other'), TOKEN: 'new' } }, 'new'],
  ['another amount of memory', { limits: { memoryBytes: 2 ** 31, cpus: 1 } }, 'abc'],
])(
  'is ended where the app needs a different start: %s',
  async (_name, overrides: Partial<RunnerSpec>, token) => {
    const ahead = await prepared();
    const runner = await bed.start(spec('other', overrides));
    expect((await facts(runner)).env?.TOKEN).toBe(token);
    await gone(ahead);
    expect((await records()).map(({ app }) => app)).toEqual(['local/other']);
    await runner.handle.stop(0);
  },
  120_000,
);

it('is not for apps that run from their source; and an app whose spare was killed runs all the same', async () => {
  const ahead = await prepared();
  const source = sourcePayload(path.join(bed.folder, 'app.py'), 'App');
  const other = await bed.start(bed.spec(source, { app: 'local/source', env: { TOKEN: 'abc' } }));
  await other.handle.ready;
  expect((await records()).map(({ app }) => app).toSorted()).toEqual(['an app to come', 'local/source']);
  await other.handle.stop(0);
  process.kill(ahead.agent, 'SIGKILL');
  const runner = await bed.start(spec('other'));
  expect((await facts(runner)).env?.FAL_JOB_ID).toBe('job-other');
  await gone(ahead);
  await runner.handle.stop(0);
}, 120_000);

it('ends when nobody comes, and with its engine; there is none before an app was deployed', async () => {
  const clock = new FakeClock(systemClock.now());
  const other = await TestBed.make({ clock });
  others.push(other);
  other.engine.startAhead?.();
  const unused = await prepared(other);
  expect(await records(other)).toHaveLength(1);
  clock.advance(119_000);
  expect(await runs(unused.agent)).toBe(true);
  clock.advance(2_000);
  await gone(unused, other);
  const last = await startAhead(other);
  await other.engine.dispose();
  expect(await runs(last.agent)).toBe(false);
  expect(await markedProcesses(last.id)).toEqual([]);
  expect(await readdir(path.join(other.folder, 'run'))).toEqual(['runners']);
}, 120_000);
