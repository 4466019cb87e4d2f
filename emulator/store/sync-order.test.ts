import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { requires } from '../../test/support/skip.ts';
import { LIMITS } from '../contract/index.ts';
import type { ChildTask } from './fixtures/crash-child.ts';
import { stateDir } from './fixtures/harness.ts';
import type { Sabotage } from './protocol.ts';

// The system calls of a working store, as strace saw them: between the write that carries a request's id into SQLite's log and
// the line that acknowledges it, that log must have been synced. This is what survives a power cut, and what no kill can show.

const CHILD = fileURLToPath(new URL('./fixtures/crash-child.ts', import.meta.url));
const REQUESTS = 60;

/** One finished system call: `begin` and `end` are positions in the trace. */
interface Call {
  name: string;
  args: string;
  begin: number;
  end: number;
}

beforeEach(requires('strace'));

describe('an acknowledgement', () => {
  it('follows a sync of the log that holds the request, one at a time', async () => {
    expect(unsynced(await trace({ concurrency: 1 }))).toEqual([]);
  });

  it('follows a sync of the log that holds the request, many at a time', async () => {
    expect(unsynced(await trace({ concurrency: 16 }))).toEqual([]);
  });

  it('of a large body follows a sync of its file and then of its folder, before the row is written', async () => {
    const calls = await trace({ concurrency: 1, requests: 5, bigEvery: 1, bigBytes: LIMITS.inlineBodyBytes + 1 });
    expect(unsynced(calls)).toEqual([]);
    const files = calls.filter((call) => call.name === 'fdatasync' && /\/bodies\/[0-9a-f-]+>/.test(call.args));
    expect(files).toHaveLength(10);
    for (const file of files) {
      const folder = calls.find(
        (call) => call.name === 'fsync' && call.args.includes('/bodies>') && call.begin > file.end,
      );
      const name = /\/bodies\/([0-9a-f-]+)>/.exec(file.args)?.[1] ?? '';
      const row = calls.find((call) => isLogWrite(call) && call.args.includes(name));
      expect(folder?.end).toBeLessThan(row?.begin ?? 0);
    }
  });

  it('turns red for synchronous=OFF', async () => {
    expect(unsynced(await trace({ concurrency: 1, sabotage: 'sync-off' })).length).toBeGreaterThan(REQUESTS);
  });

  it('cannot be sabotaged where no failpoints are armed', async () => {
    expect(unsynced(await trace({ concurrency: 1, sabotage: 'sync-off', rules: null }))).toEqual([]);
  });

  it('turns red for acknowledging before the commit', async () => {
    expect(unsynced(await trace({ concurrency: 1, sabotage: 'ack-before-commit' })).length).toBeGreaterThan(REQUESTS);
  });
});

async function trace(task: Partial<ChildTask> & { concurrency: number; sabotage?: Sabotage }): Promise<Call[]> {
  const dir = stateDir();
  const whole: ChildTask = {
    dir,
    prefix: 'request',
    requests: REQUESTS,
    complete: true,
    bigEvery: 0,
    bigBytes: 0,
    rules: task.sabotage ? [] : null,
    sabotage: null,
    ...task,
  };
  const output = join(dirname(dir), 'trace');
  const strace = ['-f', '-y', '-s', '9000', '-o', output, '-e', 'trace=write,pwrite64,writev,fsync,fdatasync'];
  await promisify(execFile)('strace', [...strace, process.execPath, CHILD, JSON.stringify(whole)]);
  return parse(readFileSync(output, 'utf8'));
}

/** strace splits a call that another thread interrupts into an `<unfinished ...>` and a `<... resumed>` line. */
function parse(text: string): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, Call>();
  for (const [at, entry] of text.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/s.exec(entry) ?? [];
    const begun = /^(\w+)\((.*)$/s.exec(rest);
    if (rest.startsWith('<...')) {
      const call = open.get(thread);
      if (call) calls.push({ ...call, end: at });
      open.delete(thread);
    } else if (begun) {
      const call: Call = { name: begun[1] ?? '', args: begun[2] ?? '', begin: at, end: at };
      if (rest.endsWith('<unfinished ...>')) open.set(thread, call);
      else calls.push(call);
    }
  }
  return calls.sort((a, b) => a.begin - b.begin);
}

const isLogWrite = (call: Call) => call.name === 'pwrite64' && call.args.includes('/state.db-wal>');
const isLogSync = (call: Call) => /^f(data)?sync$/.test(call.name) && call.args.includes('/state.db-wal>');

/** Acknowledgements that no sync of the log, after the write that holds their request or result, has come before. */
function unsynced(calls: Call[]): string[] {
  const logWrites = calls.filter(isLogWrite);
  const syncs = calls.filter(isLogSync);
  const acks = calls.flatMap((call) => {
    const ack = call.name === 'write' ? /^1<[^>]*>, "([SC]) ([\w-]+)\\n"/.exec(call.args) : null;
    return ack ? [{ kind: ack[1], id: ack[2] ?? '', at: call.begin }] : [];
  });
  expect(acks.length).toBeGreaterThanOrEqual(10);
  return acks.flatMap(({ kind, id, at }) => {
    const mark = new RegExp(`${kind === 'S' ? 'input' : 'result'} of ${id}(?![0-9])`);
    const big = new RegExp(`${id}(?![0-9])`);
    const written = logWrites.find((call) => mark.test(call.args)) ?? logWrites.find((call) => big.test(call.args));
    const synced = written && syncs.some((sync) => sync.begin > written.end && sync.end < at);
    return synced ? [] : [`${kind} ${id}`];
  });
}
