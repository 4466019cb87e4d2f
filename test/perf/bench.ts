// `npm run bench [-- --json FILE] [-- --quick] [-- --only deploy|cold]`: latencies and rates of the built emulator on a trivial app.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { DisposableStore } from '../../emulator/core/disposable.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { BareRunner } from './bare-runner.ts';
import { benchDeploy } from './deploy-bench.ts';
import { benchCold, benchDocker } from './docker-bench.ts';
import { benchImport } from './import-bench.ts';
import type { Case, Plan, Series } from './load-generator.ts';
import type { Address } from './raw-client.ts';
import type { StoreBenchFigures, StoreBenchOptions } from './store-bench.ts';
import {
  type BenchFigures,
  type Compared,
  coldTarget,
  deployTarget,
  judge,
  report,
  type Target,
  targetLine,
} from './targets.ts';

const execute = promisify(execFile);
const here = import.meta.dirname;
const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
/** `--quick` proves that the bench runs; its figures say little. */
const scale = values.quick ? 0.1 : 1;
const queued = 100_000 * scale;
const BODY = JSON.stringify({ prompt: 'a cat on a wall', seed: 7, steps: 28 });
// In the second emulator and at the start: so many wait while the submit with few waiting is measured.
const FEW = 10;

const machine = {
  cores: availableParallelism(),
  model: cpus()[0]?.model ?? '',
  memoryBytes: totalmem(),
  node: process.version,
  load: loadavg()[0] ?? Number.NaN,
};
if (machine.load > 1.5) console.log(`machine busy: load average ${machine.load.toFixed(2)} at the start\n`);

/** Each part says that it begins: some are silent for minutes. */
const begins = (part: string) => console.log(`${part} …`);
const DEPLOY_ROUNDS = values.quick ? 1 : 9;
const COLD_ROUNDS = 11 * scale;

const resources = new DisposableStore();
try {
  if (values.only === undefined) await benchAll();
  else await benchOne(values.only);
} finally {
  await resources.dispose();
}

/** One of the two parts that compare whole starts. */
async function benchOne(part: string): Promise<void> {
  let judged: Target;
  if (part === 'deploy') judged = deployTarget(await benchDeploy(DEPLOY_ROUNDS));
  else if (part === 'cold') {
    const cold = await benchCold(COLD_ROUNDS);
    if (typeof cold === 'string') throw new Error(`Containers cannot be measured here: it ${cold}.`);
    judged = coldTarget(cold);
  } else throw new Error(`--only is deploy or cold, not ${part}.`);
  console.log(targetLine(judged));
  process.exitCode = values.quick || judged.met ? 0 : 1;
}

async function benchAll(): Promise<void> {
  // The first stays small; the other one fills up. Both serve at the end, so that depth is compared at the same moment.
  const [small, deep] = [await startEmulator(), await startEmulator()];
  const idle = memoryOf(deep.entry.pid);
  await small.run('apps/echo.py');
  begins('calls');
  const compared = await benchCalls(small);
  begins('a long queue');
  const depth = await benchDepth(small, deep);
  begins('the store alone, imports');
  const [store, imports] = [await benchStoreAlone(small.folder), await benchImport(3)];
  begins('deployments');
  const deploys = await benchDeploy(DEPLOY_ROUNDS);
  begins('containers: a daemon, an image, cold starts, calls');
  const docker = await benchDocker(load, scale, COLD_ROUNDS);
  const figures: BenchFigures = {
    machine,
    queued,
    ...compared,
    ...depth,
    memory: { idle, queued: depth.memory },
    store,
    imports,
    deploys,
    docker,
  };
  console.log(report(figures));
  const simulated = await simulateCore();
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ ...figures, targets: judge(figures) }, null, 2)}\n`);
  process.exitCode = values.quick || (simulated && judge(figures).every(({ met }) => met)) ? 0 : 1;
}

async function startEmulator(): Promise<EmulatorUnderTest> {
  const emulator = await EmulatorUnderTest.start([path.join(here, 'apps')]);
  return resources.add(emulator);
}

/** The same call by four ways, one round of each after the other: the SDK alone, a runner alone, `run`, the queue. */
async function benchCalls(emulator: EmulatorUnderTest): Promise<{ one: Compared; many: Compared }> {
  const asked = await fetch(`${emulator.url}/local/echo/python`, { method: 'POST' });
  const { executable } = (await asked.json()) as { executable: string };
  const sdk = await serveBare(executable, path.join(emulator.folder, 'bare'));
  const runner = resources.add(await BareRunner.start(executable, path.join(here, 'apps/echo.py'), 'Echo'));
  const address = addressOf(emulator);
  const call = { path: '/', kind: 'call', method: 'POST', headers: {}, body: BODY, expectStatus: 200 } as const;
  const cases: Case[] = [
    { ...call, name: 'bare', address: { socket: path.join(emulator.folder, 'bare/app.sock') } },
    { ...call, name: 'runner', address: { socket: runner.socket }, headers: runner.headers },
    { ...call, name: 'run', address, path: '/local/echo' },
    { ...call, name: 'queue', address, path: '/queue/local/echo', kind: 'queue' },
  ];
  const one = await load({ cases, concurrency: 1, rounds: 7, count: 300 * scale, warmUp: 500 * scale });
  const many = await load({ cases, concurrency: 64, rounds: 5, count: 1280 * scale, warmUp: 640 * scale });
  sdk.kill('SIGKILL');
  await runner.dispose();
  return { one: one as unknown as Compared, many: many as unknown as Compared };
}

/** What a long queue costs: submits and status with few waiting, here, and with very many, there. */
async function benchDepth(small: EmulatorUnderTest, deep: EmulatorUnderTest) {
  for (const emulator of [small, deep]) await emulator.run('apps/held.py');
  const submit = (name: string, emulator: EmulatorUnderTest): Case => ({
    ...{ name, address: addressOf(emulator), path: '/queue/local/held', kind: 'call', method: 'POST' },
    ...{ headers: {}, body: BODY, expectStatus: 200 },
  });
  const only = async (plan: Plan) => (await load(plan)).only!;
  // The first takes the slot for good; the rest wait.
  for (const emulator of [small, deep]) {
    const cases = [submit('only', emulator)];
    await only({ cases, concurrency: 1, rounds: 1, count: FEW + 1, warmUp: 0 });
  }
  const cases = [submit('only', deep)];
  const single = await only({ cases, concurrency: 1, rounds: 5, count: 200 * scale, warmUp: 100 * scale });
  const many = await only({ cases, concurrency: 64, rounds: 10, count: 4000 * scale, warmUp: 1000 * scale });
  const rest = queued - 42_100 * scale - FEW;
  await only({ cases, concurrency: 64, rounds: 1, count: rest, warmUp: 0 });
  await sleep(2000);
  const memory = memoryOf(deep.entry.pid);

  // In rounds so short that those with few waiting stay few.
  const both = [submit('shallow', small), submit('deep', deep)];
  const { shallow, deep: deeper } = await load({ cases: both, concurrency: 1, rounds: 9, count: 50, warmUp: 20 });
  const submitted = await fetch(`${deep.url}/queue/local/held`, { method: 'POST', body: BODY });
  const { request_id: id } = (await submitted.json()) as { request_id: string };
  const poll: Case = {
    ...submit('only', deep),
    ...{ path: `/queue/local/held/requests/${id}/status`, method: 'GET', body: null, expectStatus: 202 },
  };
  const status = await only({ cases: [poll], concurrency: 1, rounds: 5, count: 600 * scale, warmUp: 200 * scale });
  return { submit: { one: single, many, shallow: shallow!, deep: deeper! }, status, memory };
}

async function load(plan: Plan): Promise<Record<string, Series>> {
  const { stdout } = await execute(process.execPath, [path.join(here, 'load-generator.ts'), JSON.stringify(plan)]);
  return JSON.parse(stdout) as Record<string, Series>;
}

/** The app by the SDK alone, in the environment that the emulator made for it. */
async function serveBare(python: string, folder: string): Promise<ChildProcess> {
  mkdirSync(folder);
  const server = spawn(python, [path.join(here, 'bare.py'), folder], { stdio: 'ignore' });
  resources.defer(() => void server.kill('SIGKILL'));
  for (let tries = 0; !existsSync(path.join(folder, 'app.sock')); tries++) {
    if (tries > 300 || server.exitCode !== null) throw new Error('The app did not start by the SDK alone within 30 s.');
    await sleep(100);
  }
  return server;
}

/** In a process of its own as well, with the garbage collector at hand for its memory figures. */
async function benchStoreAlone(dir: string): Promise<StoreBenchFigures> {
  const options: StoreBenchOptions = { dir, ops: 500 * scale, concurrency: 64, queued };
  const program = path.join(here, 'store-process.ts');
  const { stdout } = await execute(process.execPath, ['--expose-gc', program, JSON.stringify(options)]);
  return JSON.parse(stdout) as StoreBenchFigures;
}

/** The core alone on a virtual clock; true when it kept to its minute. */
async function simulateCore(): Promise<boolean> {
  const program = [path.join(here, 'simulate.ts'), '--requests', String(1_000_000 * scale)];
  const { code, stdout } = await execute(process.execPath, program).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  );
  console.log(`\n${stdout}`);
  return code === 0;
}

function addressOf(emulator: EmulatorUnderTest): Address {
  return { port: Number(new URL(emulator.url).port) };
}

/** Resident bytes of a process. */
function memoryOf(pid: number): number {
  if (process.platform !== 'linux') {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024;
  }
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
