import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { basePython } from '../../../test/support/python.ts';
import { LIMITS } from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { FRAME, frameHeader, LINK_VERSION, WINDOW_BYTES } from './frames.ts';
import type { Exited, StartMessage } from './messages.ts';
import { LinkMux } from './mux.ts';
import type { MuxStream } from './mux-stream.ts';

const AGENT = path.resolve(import.meta.dirname, '../../runner/agent.py');
const PEER = path.join(import.meta.dirname, 'fixtures/peer.py');

const MIB = 2 ** 20;
/** Bytes each way; WINDTUNNEL_TEST_LINK_MIB=1024 is what a large upload is. */
const FLOOD = Number(process.env.WINDTUNNEL_TEST_LINK_MIB ?? 64) * MIB;

let folder: string;
let agent: ChildProcess;
let link: Duplex;
let mux: LinkMux;
let listening: Promise<void>;
let exited: Exited | null;
let onTunnel: (stream: MuxStream, target: string) => void;

/** Over stdio, as in a container; the process engine's tests use an inherited socket. */
async function startAgent(python: string, overrides: Partial<StartMessage> = {}): Promise<void> {
  agent = spawn(python, ['-I', '-S', '-B', AGENT, 'stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!agent.stdin || !agent.stdout) throw new Error('no stdio');
  link = Duplex.from({ readable: agent.stdout, writable: agent.stdin });
  const message: StartMessage = {
    version: LINK_VERSION,
    argv: [python, '-I', '-S', PEER],
    env: { PYTHONUNBUFFERED: '1' },
    cwd: '/',
    dir: folder,
    folders: {},
    foldersRequired: false,
    envUnmapped: {},
    cwdUnmapped: '/',
    graceSeconds: 0.2,
    memoryBytes: 2 ** 31,
    port: null,
    expectedDevices: null,
    debugger: null,
    harness: null,
    ...overrides,
  };
  exited = null;
  onTunnel = (stream) => stream.destroy();
  await new Promise<void>((resolve) => {
    listening = new Promise((listens) => {
      mux = new LinkMux(link, {
        onHello: () => {
          mux.start(message);
          resolve();
        },
        onState: () => undefined,
        onLog: (log) => {
          if (log.text === 'listening') listens();
        },
        onRequestEnd: () => undefined,
        onMemory: () => undefined,
        onTunnel: (stream, target) => onTunnel(stream, target),
        onExited: (value) => {
          exited = value;
        },
        onClose: () => undefined,
      });
    });
  });
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wtl-'));
  await startAgent(await basePython());
});
afterEach(async () => {
  mux.close(null);
  if (agent.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
  await rm(folder, { recursive: true, force: true });
});

function command(text: string): MuxStream {
  const stream = mux.open('app');
  stream.on('error', () => undefined);
  stream.write(`${text}\n`);
  return stream;
}

async function echo(bytes: Buffer): Promise<Buffer> {
  const stream = command('echo');
  stream.end(bytes);
  return buffer(stream);
}

async function residentBytes(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) * 4096;
}

const gone = () =>
  Promise.race([
    once(agent, 'exit'),
    systemClock.sleep(60_000).then(() => Promise.reject(new Error('The agent lives on.'))),
  ]);
const appPids = async () => {
  const pids: string[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    if (line.includes(`WINDTUNNEL_OUT=${folder}/`)) pids.push(name);
  }
  return pids;
};

describe('streams', () => {
  it('carry any bytes both ways, many at a time', async () => {
    await listening;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 6 }), async (sizes) => {
        const bodies = sizes.map((size, i) => Buffer.alloc(size, `${i}abc`));
        const answers = await Promise.all(bodies.map(echo));
        expect(answers.map((answer, i) => answer.equals(bodies[i]!))).toEqual(bodies.map(() => true));
      }),
      { numRuns: 15 },
    );
  });

  it('are reset when the app does not listen', async () => {
    const stream = mux.open('metrics');
    const [error] = await once(stream, 'error');
    expect(String(error)).toContain('No such file');
  });

  it(`hold a slow reader of ${FLOOD / MIB} MiB to its credit, both ways, and nobody else`, async () => {
    await listening;
    const before = process.memoryUsage().rss;
    const slow = command(`flood ${FLOOD}`);
    slow.once('readable', () => undefined); // starts it, takes nothing
    const held = command('swallow');
    const sent = Buffer.alloc(64 * 1024);
    let taken = 0;
    const filled = new Promise<void>((resolve) => {
      const push = (left: number): void => {
        if (left === 0) return void held.end(() => resolve());
        held.write(sent, () => {
          taken += sent.length;
          push(left - sent.length);
        });
      };
      push(FLOOD);
    });
    const body = Buffer.alloc(MIB, 'e');
    for (let i = 0; i < 5; i++) expect((await echo(body)).equals(body)).toBe(true);
    expect(slow.readableLength).toBeLessThanOrEqual(WINDOW_BYTES + 64 * 1024);
    // What the kernel holds besides: the app's socket buffers.
    expect(taken).toBeLessThan(WINDOW_BYTES + 2 * MIB);
    const peaks = { agent: await residentBytes(agent.pid!), here: 0 };
    command('read').resume();
    const answer = buffer(held);
    let came = 0;
    for await (const chunk of slow) {
      const whole = Math.floor(came / (16 * MIB));
      came += chunk.length;
      if (Math.floor(came / (16 * MIB)) === whole) continue;
      peaks.agent = Math.max(peaks.agent, await residentBytes(agent.pid!));
      peaks.here = Math.max(peaks.here, process.memoryUsage().rss - before);
    }
    await filled;
    expect([came, Number(await answer)]).toEqual([FLOOD, FLOOD]);
    expect(peaks.agent).toBeLessThan(60 * MIB);
    // Pieces that are read are garbage for a while.
    expect(peaks.here).toBeLessThan(300 * MIB);
  }, 600_000);

  it('tell when the other end is gone', async () => {
    await listening;
    const stream = command('reset');
    stream.write('never read');
    await new Promise((resolve) => stream.once('close', resolve));
    expect((await echo(Buffer.from('still there'))).toString()).toBe('still there');
  });

  it('lead out what the app dials, with its target', async () => {
    await listening;
    const targets: string[] = [];
    onTunnel = (stream, target) => {
      targets.push(target);
      stream.on('error', () => undefined);
      stream.end('answer');
    };
    const stream = command('dial v3.fal.media:443');
    const [data] = await once(stream, 'data');
    expect([targets, String(data)]).toEqual([['v3.fal.media:443'], 'answer']);
    stream.destroy();
  });
});

describe('the end', () => {
  it('of the app is told with its signal', async () => {
    await listening;
    mux.signal(15);
    await gone();
    expect(exited).toMatchObject({ code: null, signal: 'SIGTERM', cause: 'stopped' });
  });

  it('of the link is the end of the app', async () => {
    await listening;
    expect(await appPids()).toHaveLength(1);
    mux.close(null);
    await gone();
    expect(await appPids()).toEqual([]);
  });

  it('of the link ends an app that hangs before it has read what to run', async () => {
    await listening;
    mux.close(null);
    await gone();
    await rm(path.join(folder, 'out.sock'));
    const python = await basePython();
    // More than a socket takes while nobody reads it.
    const harness = { text: 'x'.repeat(900_000) } as unknown as StartMessage['harness'];
    await startAgent(python, { argv: [python, '-I', '-S', '-c', 'import time; time.sleep(600)'], harness });
    await expect.poll(appPids).toHaveLength(1);
    mux.close(null);
    await gone();
    expect(await appPids()).toEqual([]);
  });

  it('of the agent, however sudden, is the end of the app', async () => {
    await listening;
    agent.kill('SIGKILL');
    await gone();
    await expect.poll(appPids).toEqual([]);
  });
});

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

describe('an agent stops rather than obey', () => {
  const open = (stream: number) => [frameHeader(FRAME.open, stream, 3), Buffer.from('app')];
  it.each<[string, Buffer[]]>([
    ['a frame of 4 GiB', [frameHeader(FRAME.data, 1, 0xffffffff)]],
    ['a frame over the limit', [frameHeader(FRAME.data, 1, LIMITS.frameBytes + 1)]],
    ['an unknown type', [frameHeader(200, 0, 0)]],
    ['data for a stream that never was', [frameHeader(FRAME.data, 77, 1), Buffer.from('x')]],
    ['data for stream 0', [frameHeader(FRAME.data, 0, 1), Buffer.from('x')]],
    ["a stream of the runner's own numbers", open(2)],
    ['a stream that is opened twice', [...open(1), ...open(1)]],
    ['a window that is no number', [...open(1), frameHeader(FRAME.window, 1, 2), Buffer.from('xx')]],
    ['a second start', [frameHeader(FRAME.start, 0, 2), Buffer.from('{}')]],
    ['a signal that is no number', [frameHeader(FRAME.signal, 0, 3), Buffer.from('abc')]],
  ])('%s', async (_name, frames) => {
    await listening;
    for (const frame of frames) link.write(frame);
    await gone();
    expect(await appPids()).toEqual([]);
  });

  it('more data than it granted', async () => {
    await listening;
    command('ignore');
    await systemClock.sleep(100);
    const piece = Buffer.alloc(64 * 1024);
    // The app takes what its socket buffer holds, and each byte it took is granted anew: far beyond both.
    for (let i = 0; i < 64; i++) {
      link.write(frameHeader(FRAME.data, 1, piece.length));
      link.write(piece);
    }
    await gone();
    expect(await appPids()).toEqual([]);
  });

  it('but takes late frames of a stream that is over', async () => {
    await listening;
    expect((await echo(Buffer.from('one'))).toString()).toBe('one');
    for (const type of [FRAME.data, FRAME.end, FRAME.reset]) link.write(frameHeader(type, 1, 0));
    link.write(Buffer.concat([frameHeader(FRAME.window, 1, 4), u32(9)]));
    expect((await echo(Buffer.from('two'))).toString()).toBe('two');
  });
});
