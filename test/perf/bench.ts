// `npm run bench [-- --json FILE] [-- --quick]`: latencies and rates of the built emulator on a trivial app.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import type { Load, LoadFigures } from './load-generator.ts';
import type { StoreBenchFigures, StoreBenchOptions } from './store-bench.ts';
import { type BenchFigures, judge, report } from './targets.ts';

const execute = promisify(execFile);
const here = import.meta.dirname;
const { values } = parseArgs({ options: { json: { type: 'string' }, quick: { type: 'boolean', default: false } } });
/** `--quick` proves that the bench runs; its figures say little. */
const scale = values.quick ? 0.1 : 1;
const queued = 100_000 * scale;
const BODY = JSON.stringify({ prompt: 'a cat on a wall', seed: 7, steps: 28 });

const bare = await benchBare();
const emulator = await EmulatorUnderTest.start([path.join(here, 'apps')]);
try {
  const figures: BenchFigures = { queued, bare, ...(await benchEmulator()), store: await benchStoreAlone() };
  console.log(report(figures));
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ ...figures, targets: judge(figures) }, null, 2)}\n`);
  process.exitCode = values.quick || judge(figures).every(({ met }) => met) ? 0 : 1;
} finally {
  await emulator.dispose();
}

async function benchBare(): Promise<BenchFigures['bare']> {
  const [port, metricsPort] = await Promise.all([freePort(), freePort()]);
  const args = [path.join(here, 'bare.py'), String(port), String(metricsPort)];
  const server = spawn(await testPython(), args, { stdio: 'ignore' });
  try {
    const origin = `http://127.0.0.1:${port}`;
    await answers(`${origin}/health`);
    return await oneAndMany({ origin, path: '/', kind: 'call', count: 2000 });
  } finally {
    server.kill('SIGKILL');
  }
}

async function benchEmulator(): Promise<Omit<BenchFigures, 'bare' | 'queued' | 'store'>> {
  const origin = emulator.url;
  const idle = memoryOf(emulator.entry.pid);
  await emulator.run('apps/echo.py');
  await emulator.run('apps/held.py');
  const run = await oneAndMany({ origin, path: '/local/echo', kind: 'call', count: 2000 });
  const queue = await oneAndMany({ origin, path: '/queue/local/echo', kind: 'queue', count: 1000 });

  // The first takes the slot for good; the rest wait.
  const held = { origin, path: '/queue/local/held', kind: 'call', warmUp: false } as const;
  await load({ ...held, count: 11, concurrency: 1 });
  const shallow = await load({ ...held, count: 500 * scale, concurrency: 1 });
  const one = await load({ ...held, count: 1000 * scale, concurrency: 1 });
  const many = await load({ ...held, count: 20_000 * scale, concurrency: 64 });
  const rest = queued - 21_500 * scale - 10;
  await load({ ...held, count: rest, concurrency: 64 });
  await sleep(2000);
  const memory = { idle, queued: memoryOf(emulator.entry.pid) };
  const deep = await load({ ...held, count: 500 * scale, concurrency: 1 });

  const submitted = await fetch(`${origin}/queue/local/held`, { method: 'POST', body: BODY });
  const { request_id: id } = (await submitted.json()) as { request_id: string };
  const statusPath = `/queue/local/held/requests/${id}/status`;
  const poll = { origin, path: statusPath, kind: 'call', method: 'GET', body: null } as const;
  const status = await load({ ...poll, expectStatus: [202], count: 3000 * scale, concurrency: 1 });
  return { run, queue, submit: { one, many, shallow, deep }, status, memory };
}

async function oneAndMany(base: Pick<Load, 'origin' | 'path' | 'kind' | 'count'>) {
  const one = await load({ ...base, count: base.count * scale, concurrency: 1 });
  const many = await load({ ...base, count: base.count * 2 * scale, concurrency: 64 });
  return { one, many };
}

/** The load comes from a process of its own, so that it shares no event loop with what it measures. */
async function load(given: Partial<Load> & Pick<Load, 'origin' | 'path' | 'kind' | 'count' | 'concurrency'>) {
  const full: Load = { method: 'POST', body: BODY, expectStatus: [200], warmUp: true, ...given };
  const { stdout } = await execute(process.execPath, [path.join(here, 'load-generator.ts'), JSON.stringify(full)]);
  return JSON.parse(stdout) as LoadFigures;
}

/** In a process of its own as well, with the garbage collector at hand for its memory figures. */
async function benchStoreAlone(): Promise<StoreBenchFigures> {
  const options: StoreBenchOptions = { dir: emulator.folder, ops: 500 * scale, concurrency: 64, queued };
  const program = path.join(here, 'store-process.ts');
  const { stdout } = await execute(process.execPath, ['--expose-gc', program, JSON.stringify(options)]);
  return JSON.parse(stdout) as StoreBenchFigures;
}

/** Resident bytes of a process. */
function memoryOf(pid: number): number {
  if (process.platform !== 'linux') {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024;
  }
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return address.port;
}

async function answers(url: string): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      last = error;
      await sleep(100);
    }
  }
  throw new Error(`${url} did not answer within 30 s`, { cause: last });
}
