import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { testPython } from '../../../test/support/python.ts';
import { RUNNER_SECRET_HEADER, type RunnerPayload, type RunnerSpec } from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import type { RunnerEngine, RunnerHandle, RunnerLog } from '../engine.ts';
import { createProcessEngine, type ProcessEngineOptions } from './process-engine.ts';

const execute = promisify(execFile);
export const HARNESS = path.resolve(import.meta.dirname, '../../runner');
export const FIXTURES = path.join(import.meta.dirname, 'fixtures');
export const GATEWAY_PORT = 8799;

export interface TestRunner {
  handle: RunnerHandle;
  logs: RunnerLog[];
  phases: string[];
  /** Requests whose end was told, each with the number of log lines that came before. */
  ends: { request: string; lines: number }[];
  call(path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; text: string }>;
}

/** An engine with a folder of its own and the real Python; `dispose` removes both. */
export class TestBed {
  readonly engine: RunnerEngine;
  readonly python: string;
  readonly folder: string;

  private constructor(engine: RunnerEngine, python: string, folder: string) {
    this.engine = engine;
    this.python = python;
    this.folder = folder;
  }

  static async make(options: Partial<ProcessEngineOptions> = {}): Promise<TestBed> {
    const folder = await mkdtemp(path.join(tmpdir(), 'wtt-'));
    const engine = createProcessEngine({
      clock: systemClock,
      log: silentLog,
      runtimeDir: path.join(folder, 'run'),
      gatewayPort: () => GATEWAY_PORT,
      harnessDir: HARNESS,
      parentEnv: { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: tmpdir() },
      ...options,
    });
    return new TestBed(engine, await testPython(), folder);
  }

  get dataDir(): string {
    return path.join(this.folder, 'data');
  }

  spec(payload: RunnerPayload, overrides: Partial<RunnerSpec> = {}): RunnerSpec {
    return {
      id: randomUUID(),
      app: 'local/test',
      revision: 'r1',
      payload,
      environment: { kind: 'venv', python: this.python, key: 'k', pythonVersion: '3.11', falVersion: '1.83.0' },
      env: { FAL_KEY: 'id:secret', FAL_APP_NAME: 'local/test' },
      limits: { memoryBytes: 4 * 2 ** 30, cpus: 1 },
      gpus: [],
      graceSeconds: 5,
      exposedPort: null,
      dataDir: this.dataDir,
      secret: `secret-${randomUUID()}`,
      ...overrides,
    };
  }

  async start(
    spec: RunnerSpec,
    onTunnel: (stream: Duplex, target: string) => void = (stream) => stream.destroy(),
  ): Promise<TestRunner> {
    const logs: RunnerLog[] = [];
    const phases: string[] = [];
    const ends: TestRunner['ends'] = [];
    const hooks = {
      onPhase: (phase: string) => void phases.push(phase),
      onLog: (log: RunnerLog) => void logs.push(log),
      onRequestEnd: (request: string) => void ends.push({ request, lines: logs.length }),
      onTunnel,
    };
    const handle = await this.engine.start(spec, hooks, new AbortController().signal);
    const call = (at: string, body: unknown = {}, headers: Record<string, string> = {}) =>
      request(() => handle.connect(), at, body, { [RUNNER_SECRET_HEADER]: spec.secret, ...headers });
    return { handle, logs, phases, ends, call };
  }

  async dispose(): Promise<void> {
    await this.engine.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The payload of an app in a file of its own. */
export function sourcePayload(file: string, symbol: string): RunnerPayload {
  const root = path.dirname(file);
  return {
    kind: 'source',
    file,
    symbol,
    bundle: { root, main: file, modules: [], files: [], guarded: [root] },
  };
}

/** The same app as `fal deploy` uploads it. */
export async function picklePayload(bed: TestBed, file: string, symbol: string): Promise<RunnerPayload> {
  const out = path.join(bed.folder, 'app.pkl');
  await execute(bed.python, [path.join(FIXTURES, 'make_pickle.py'), file, symbol, out]);
  return { kind: 'pickle', file: out };
}

/** One HTTP request over a stream that `connect` opens. */
export async function request(
  connect: () => Promise<Duplex> | Duplex,
  at: string,
  body: unknown,
  headers: Record<string, string>,
  method = 'POST',
): Promise<{ status: number; text: string }> {
  const stream = await connect();
  const agent = new http.Agent();
  Object.assign(agent, { createConnection: () => stream });
  return new Promise((resolve, reject) => {
    const sent = http.request(
      { agent, path: at, method, headers: { host: 'runner', 'content-type': 'application/json', ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(method === 'GET' ? undefined : JSON.stringify(body));
  });
}

/** True while a process runs; a zombie does not. */
export async function runs(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch {
    return false;
  }
}

/** Waits for real processes, which no fake clock can hurry. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, ms = 60_000): Promise<void> {
  const end = systemClock.monotonic() + ms;
  while (!(await holds())) {
    if (systemClock.monotonic() > end) throw new Error(`Not within ${ms} ms: ${what}`);
    await systemClock.sleep(20);
  }
}
