import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import { beforeEach, expect, it } from 'vitest';
import type { AppId } from '../../contract/index.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { silentLog } from '../../core/log.ts';
import { ContainerBody } from './container-body.ts';
import type { Daemon } from './daemon.ts';

let clock: FakeClock;
let doubts: number;
let left: string[];
let kills: number;

beforeEach(() => {
  clock = new FakeClock();
  [doubts, left, kills] = [0, [], 0];
});

/** A container of a stand-in daemon that answers at once: it runs until this many kills; the first of them may be lost. */
function make({
  diesAt = Number.POSITIVE_INFINITY,
  losesFirst = false,
  removes = true,
  exit = { OOMKilled: false, ExitCode: 137 },
} = {}) {
  const stateOf = () => ({ State: { Running: kills < diesAt, ...exit } });
  const container = {
    id: 'c0ffee',
    modem: { dial: (_: object, done: (error: null, answer: object) => void) => done(null, stateOf()) },
    kill: async () => {
      kills++;
      if (losesFirst && kills === 1) throw new Error('socket hang up');
    },
    remove: ({ abortSignal }: { abortSignal: AbortSignal }) =>
      new Promise<void>((resolve, reject) => {
        if (removes) resolve();
        else abortSignal.addEventListener('abort', () => reject(abortSignal.reason));
      }),
  };
  const link = new PassThrough();
  const body = new ContainerBody({
    app: 'local/app' as AppId,
    container: container as unknown as Docker.Container,
    link,
    daemon: { doubt: () => doubts++ } as Partial<Daemon> as Daemon,
    clock,
    log: silentLog,
    leave: (id) => left.push(id),
  });
  return { body, link };
}

it('a removal that the daemon never answers: the runner is over, and the container left to later', async () => {
  const { body } = make({ removes: false });
  const over = body.cleanUp();
  await clock.advanceAsync(60_000);
  await over;
  expect([left, doubts]).toEqual([['c0ffee'], 1]);
});

it('a container that is removed is not left', async () => {
  await make().body.cleanUp();
  expect([left, doubts]).toEqual([[], 0]);
});

it('a kill that was lost with its daemon is repeated', async () => {
  const { body, link } = make({ diesAt: 2, losesFirst: true });
  body.kill();
  link.destroy();
  await clock.advanceAsync(60_000);
  expect(await body.gone).toEqual({ error: null, known: null });
  expect([kills, doubts]).toEqual([2, 1]);
});

it('a container that no kill ends is given up, not waited for', async () => {
  const { body, link } = make();
  body.kill();
  link.destroy();
  await clock.advanceAsync(60_000);
  expect(await body.gone).toEqual({ error: null, known: null });
  expect(kills).toBeGreaterThan(3);
});

it('a container that ends by itself, as its link is closed, is not killed', async () => {
  const { body, link } = make({ diesAt: 0 });
  link.destroy();
  await clock.advanceAsync(60_000);
  expect(await body.gone).toEqual({ error: null, known: null });
  expect(kills).toBe(0);
});

it.each([
  [
    { OOMKilled: false, ExitCode: 7 },
    { by: 'exit', code: 7 },
  ],
  [
    { OOMKilled: true, ExitCode: 7 },
    { by: 'exit', code: 7 },
  ],
  [{ OOMKilled: true, ExitCode: 137 }, { by: 'memory' }],
  [{ OOMKilled: false, ExitCode: 0 }, null],
])('a container that ended with %j says how, should its link have been cut before', async (exit, known) => {
  const { body, link } = make({ diesAt: 0, exit });
  link.destroy();
  await clock.advanceAsync(60_000);
  expect(await body.gone).toEqual({ error: null, known });
});

it('a container that was killed by us says nothing of its own end', async () => {
  const { body, link } = make({ diesAt: 1, exit: { OOMKilled: false, ExitCode: 7 } });
  body.kill();
  link.destroy();
  await clock.advanceAsync(60_000);
  expect(await body.gone).toEqual({ error: null, known: null });
});
