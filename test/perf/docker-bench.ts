import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ColdStart } from '../../emulator/contract/index.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { has, NEEDS } from '../support/skip.ts';
import type { Case, Plan, Series } from './load-generator.ts';

const here = import.meta.dirname;
const APP = 'local/echo';
const JSON_HEADERS = { 'content-type': 'application/json' };
const BODY = JSON.stringify({ prompt: 'a cat on a wall', seed: 7, steps: 28 });
/** The app by the SDK alone, as its image has it: it listens on 8080. */
const SERVE = "import asyncio, sys; sys.path.insert(0, '/apps'); from echo import Echo; asyncio.run(Echo().serve())";

/** Seconds of one round. */
export interface ColdRound {
  /** `docker run` of the same image to the first answer of the app, served by the SDK alone. */
  bare: number;
  /** A submit to an app without a runner, to the first byte of its result. */
  emulator: number;
  phases: ColdStart;
}

/** The docker engine on a daemon of its own. */
export interface DockerFigures {
  /** The app in a container by the SDK alone, on a published port; then through `run` and the queue. */
  one: { bare: Series; run: Series; queue: Series };
  many: { bare: Series; run: Series; queue: Series };
  cold: ColdRound[];
}

type Load = (plan: Plan) => Promise<Record<string, Series>>;

/** A reason where this machine cannot start a daemon. */
export async function benchDocker(load: Load, scale: number, rounds: number): Promise<DockerFigures | string> {
  return withDaemon(async (daemon, emulator, image) => {
    const cold = await coldRounds(daemon, emulator, image, rounds);
    return { ...(await transport(daemon, emulator, image, load, scale)), cold };
  });
}

/** The cold starts alone. */
export function benchCold(rounds: number): Promise<ColdRound[] | string> {
  return withDaemon((daemon, emulator, image) => coldRounds(daemon, emulator, image, rounds));
}

async function withDaemon<T>(
  measure: (daemon: TestDaemon, emulator: EmulatorUnderTest, image: string) => Promise<T>,
): Promise<T | string> {
  if (!(await has('dockerd'))) return NEEDS.dockerd.reason;
  const daemon = await TestDaemon.start();
  try {
    const emulator = await EmulatorUnderTest.start([path.join(here, 'apps')], daemon.env);
    try {
      await emulator.run('apps/echo.py', { engine: 'docker' });
      return await measure(daemon, emulator, await daemon.docker('images', '-q', 'windtunnel/app'));
    } finally {
      await emulator.dispose();
    }
  } finally {
    await daemon.dispose();
  }
}

async function coldRounds(
  daemon: TestDaemon,
  emulator: EmulatorUnderTest,
  image: string,
  rounds: number,
): Promise<ColdRound[]> {
  const cold: ColdRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const figures = await coldRound(daemon, emulator, image);
    console.log(`cold start in a container: ${JSON.stringify(figures)}`);
    cold.push(figures);
  }
  return cold;
}

async function coldRound(daemon: TestDaemon, emulator: EmulatorUnderTest, image: string): Promise<ColdRound> {
  const begun = performance.now();
  const bare = await runBare(daemon, image);
  const seconds = (performance.now() - begun) / 1000;
  await daemon.docker('rm', '-f', bare.name);
  await stopRunners(emulator);
  return { bare: seconds, ...(await coldSubmit(emulator)) };
}

/** By the docker command, as anyone would. */
async function runBare(daemon: TestDaemon, image: string): Promise<{ name: string; url: string }> {
  const name = `bare-${Math.random().toString(36).slice(2)}`;
  const options = ['--detach', '--name', name, '--publish', `${daemon.address}:8080:8080`, '--entrypoint', ''];
  const mount = `type=bind,source=${path.join(here, 'apps')},target=/apps,readonly`;
  const python = '/opt/windtunnel/venv/bin/python';
  await daemon.docker('run', ...options, '--mount', mount, '--env', 'IS_ISOLATE_AGENT=1', image, python, '-c', SERVE);
  const url = `http://${daemon.address}:8080/`;
  // Before the app listens, the daemon's proxy takes the connection and drops it.
  while ((await answer(url)) !== BODY) await sleep(2);
  return { name, url };
}

async function answer(url: string): Promise<string> {
  try {
    const response = await fetch(url, { method: 'POST', body: BODY, headers: JSON_HEADERS });
    return JSON.stringify(await response.json());
  } catch {
    return ''; // Not yet.
  }
}

async function stopRunners(emulator: EmulatorUnderTest): Promise<void> {
  const runners = async () => (await emulator.client.status()).apps.flatMap((app) => app.runners);
  for (const { id } of await runners()) await emulator.client.stopRunner(id, 0);
  while ((await runners()).length > 0) await sleep(20);
  // What the daemon still does for the last container is not the next one's.
  await sleep(1000);
}

async function coldSubmit(emulator: EmulatorUnderTest): Promise<Omit<ColdRound, 'bare'>> {
  const base = `${emulator.url}/queue/${APP}`;
  const begun = performance.now();
  const submitted = await fetch(base, { method: 'POST', body: BODY, headers: JSON_HEADERS });
  const { request_id: id } = (await submitted.json()) as { request_id: string };
  await (await fetch(`${base}/requests/${id}/status/stream`)).text();
  const result = await fetch(`${base}/requests/${id}`);
  const seconds = (performance.now() - begun) / 1000;
  if ((await result.text()) !== BODY) throw new Error(`The result was ${result.status}.`);
  return { emulator: seconds, phases: await phasesOf(emulator, id) };
}

async function phasesOf(emulator: EmulatorUnderTest, request: string): Promise<ColdStart> {
  const done = new AbortController();
  for await (const event of emulator.client.events({ replay: true }, done.signal)) {
    if (event.type !== 'request.cold_start' || event.request !== request) continue;
    done.abort();
    return event.seconds;
  }
  throw new Error('The events ended.');
}

async function transport(
  daemon: TestDaemon,
  emulator: EmulatorUnderTest,
  image: string,
  load: Load,
  scale: number,
): Promise<Omit<DockerFigures, 'cold'>> {
  const bare = await runBare(daemon, image);
  const address = { port: Number(new URL(emulator.url).port) };
  const call = {
    path: '/',
    kind: 'call',
    method: 'POST',
    headers: JSON_HEADERS,
    body: BODY,
    expectStatus: 200,
  } as const;
  const cases: Case[] = [
    { ...call, name: 'bare', address: { host: daemon.address, port: 8080 } },
    { ...call, name: 'run', address, path: `/${APP}` },
    { ...call, name: 'queue', address, path: `/queue/${APP}`, kind: 'queue' },
  ];
  const one = await load({ cases, concurrency: 1, rounds: 5, count: 300 * scale, warmUp: 300 * scale });
  const many = await load({ cases, concurrency: 64, rounds: 3, count: 1280 * scale, warmUp: 640 * scale });
  await daemon.docker('rm', '-f', bare.name);
  return { one: one as unknown as DockerFigures['one'], many: many as unknown as DockerFigures['many'] };
}
