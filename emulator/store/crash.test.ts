import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../contract/index.ts';
import type { FailpointName } from '../core/failpoints.ts';
import type { ChildTask } from './fixtures/crash-child.ts';
import { openForTest, stateDir, textOf } from './fixtures/harness.ts';
import type { RequestStore } from './store.ts';

// A child works on a state and is killed -9: by itself at a failpoint, or by us at a random moment. What it had acknowledged
// must be there afterwards. The page cache survives a process, so this is about the order of commit and answer; that the commit
// itself reaches the disk is what sync-order.test.ts shows.

const CHILD = fileURLToPath(new URL('./fixtures/crash-child.ts', import.meta.url));
const KILLS = 12;

const load = (dir: string, task: Partial<ChildTask> = {}): ChildTask => ({
  dir,
  prefix: 'r',
  concurrency: 64,
  requests: 1_000_000,
  complete: true,
  bigEvery: 200,
  bigBytes: LIMITS.inlineBodyBytes + 1,
  rules: null,
  sabotage: null,
  ...task,
});

interface Acknowledged {
  submitted: string[];
  completed: string[];
}

/** Runs the child until it dies; `killAfter` = acknowledgements after which we kill it. */
async function runUntilKilled(task: ChildTask, killAfter = Number.POSITIVE_INFINITY): Promise<Acknowledged> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  let lines = 0;
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    for (const byte of data) if (byte === 0x0a) lines++;
    if (lines >= killAfter) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)));
  expect(signal, errors).toBe('SIGKILL');
  // The last line may be cut.
  const whole = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  const ids = (mark: string) => whole.filter((text) => text.startsWith(mark)).map((text) => text.slice(mark.length));
  return { submitted: ids('S '), completed: ids('C ') };
}

/** Everything acknowledged is there once, whole and in order; nothing else is half there. */
async function expectKept(store: RequestStore, { submitted, completed }: Acknowledged): Promise<void> {
  const records = [...store.records()];
  const seqs = records.map((record) => record.seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  const found = new Set(records.map((record) => record.id));
  expect(submitted.filter((id) => !found.has(id))).toEqual([]);
  expect(completed.filter((id) => store.get(id)?.state !== 'COMPLETED')).toEqual([]);
  for (const { id, outcome } of records) {
    expect(textOf(await store.input(id))?.replace(/\.+$/, '')).toBe(`input of ${id}`);
    const result = textOf(await store.result(id));
    expect(result?.replace(/\.+$/, '')).toBe(outcome ? `result of ${id}` : undefined);
  }
}

describe('kill -9', () => {
  it(`loses nothing that was acknowledged, at ${KILLS} random moments under load`, async () => {
    const dir = stateDir();
    const total: Acknowledged = { submitted: [], completed: [] };
    for (const [round, killAfter] of fc.sample(fc.integer({ min: 1, max: 1500 }), KILLS).entries()) {
      const acknowledged = await runUntilKilled(load(dir, { prefix: `k${round}` }), killAfter);
      total.submitted.push(...acknowledged.submitted);
      total.completed.push(...acknowledged.completed);
    }
    expect(total.submitted.length).toBeGreaterThanOrEqual(KILLS);
    await expectKept(await openForTest(dir), total);
  });

  const points: FailpointName[] = [
    'store.body-file-synced',
    'store.before-commit',
    'store.after-commit-before-ack',
    'store.submit-acknowledged',
    'store.result-before-commit',
    'store.result-after-commit',
  ];
  it.each(points)('loses nothing that was acknowledged, at %s', async (name) => {
    const dir = stateDir();
    const rules = [{ name, hit: 5, action: 'kill' as const }];
    const acknowledged = await runUntilKilled(load(dir, { concurrency: 4, bigEvery: 3, rules }));
    expect(acknowledged.submitted.length).toBeGreaterThan(0);
    const store = await openForTest(dir);
    await expectKept(store, acknowledged);
    await store.flush();
  });

  it('turns red for a writer that acknowledges before it commits', async () => {
    const dir = stateDir();
    const rules = [{ name: 'store.before-commit' as const, hit: 1_000_000, action: 'kill' as const }];
    const task = load(dir, { bigEvery: 0, complete: false, rules, sabotage: 'ack-before-commit' });
    const acknowledged = await runUntilKilled(task, 200);
    await expect(expectKept(await openForTest(dir), acknowledged)).rejects.toThrow();
  });
});
