// `npm run soak [-- --minutes 15] [-- --engine process|docker] [-- --clients 8]`: mixed traffic on one app of the built emulator,
// with crashes and redeploys. Nothing may be lost or stuck, memory has to stay flat, nothing may be left. Linux only. Containers
// are those of DOCKER_HOST, else of a daemon of its own, which needs root.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { takeCensus } from '../support/census.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { Traffic } from './traffic.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { minutes: text, engine: text, clients: text } });
const minutes = Number(values.minutes ?? 15);
const engine = values.engine === 'docker' ? 'docker' : 'process';
/** Between two looks at the memory, and between two redeploys. */
const SAMPLE_MS = 2000;
const REDEPLOY_MS = 30_000;
/** Of the last third over the first. */
const MEMORY_GROWS = 1.1;

let failures = 0;
/** Told at once: nobody waits for the end of a soak that has failed. */
function fail(what: string): void {
  failures += 1;
  console.log(`FAILED: ${what}`);
}

const daemon = engine === 'docker' && !process.env.DOCKER_HOST ? await TestDaemon.start() : null;
const emulator = await EmulatorUnderTest.prepare([path.join(import.meta.dirname, 'apps')], daemon?.env);
try {
  const before = await takeCensus(emulator);
  await emulator.boot();
  const app = await emulator.run('apps/mixed.py', { watch: true, engine });
  const traffic = new Traffic(emulator.url, app, fail);
  const ended = traffic.run(Number(values.clients ?? 8));
  const memory = await watch(minutes * 60_000);
  traffic.stop();
  await ended;
  const { queued, running } = (await emulator.client.status()).apps[0]!;
  if (queued + running > 0) fail(`${queued} requests wait and ${running} run at the end`);
  for (const [kind, outcomes] of Object.entries(traffic.tally)) console.log(`${kind}: ${JSON.stringify(outcomes)}`);
  judgeMemory(memory);
  await emulator.stop();
  const containers = (await daemon?.containers()) ?? [];
  if (containers.length > 0) fail(`containers are left: ${containers.join(', ')}`);
  const after = await takeCensus(emulator);
  if (JSON.stringify(after) !== JSON.stringify(before)) {
    fail(`left behind: ${JSON.stringify(after)}; before: ${JSON.stringify(before)}`);
  }
} finally {
  await emulator.dispose();
  await daemon?.dispose();
}
console.log(`soak, ${engine} engine, ${minutes} min: ${failures} failures`);
process.exitCode = failures > 0 ? 1 : 0;

/** Redeploys now and then; resolves with the emulator's resident memory over time, in MB. */
async function watch(ms: number): Promise<number[]> {
  const memory: number[] = [];
  const { pid } = emulator.entry;
  const file = path.join(emulator.workspace, 'apps/mixed.py');
  const source = readFileSync(file, 'utf8');
  let version = 0;
  const end = performance.now() + ms;
  for (let next = performance.now() + REDEPLOY_MS; performance.now() < end; ) {
    await sleep(SAMPLE_MS);
    try {
      memory.push(residentMB(pid));
    } catch (cause) {
      throw new Error(`The emulator has died. Its last words:\n${lastWords()}`, { cause });
    }
    if (performance.now() < next) continue;
    writeFileSync(file, source.replace('VERSION = 0', `VERSION = ${++version}`));
    next += REDEPLOY_MS;
  }
  console.log(`${version} redeploys`);
  return memory;
}

function judgeMemory(memory: readonly number[]): void {
  // The first minute is start and warm-up.
  const steady = memory.slice(Math.min(30, Math.floor(memory.length / 4)));
  const third = Math.floor(steady.length / 3);
  const mean = (part: readonly number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
  const [first, last] = [mean(steady.slice(0, third)), mean(steady.slice(-third))];
  console.log(`memory of the emulator: ${first.toFixed(0)} MB in the first third, ${last.toFixed(0)} MB in the last`);
  if (last > first * MEMORY_GROWS) fail(`memory grew from ${first.toFixed(0)} to ${last.toFixed(0)} MB`);
}

function lastWords(): string {
  const state = path.join(emulator.folder, 'wt/workspaces');
  const [log] = globSync('*/emulator.log', { cwd: state });
  return log ? readFileSync(path.join(state, log), 'utf8').split('\n').slice(-60).join('\n') : '(it left no log)';
}

function residentMB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
