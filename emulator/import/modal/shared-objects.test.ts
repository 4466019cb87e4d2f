import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { testPython } from '../../../test/support/python.ts';
import { sharedSource } from './shared-objects.ts';

const ITEMS = 300;
// Each takes one item and says so; told to go on, both take what is left.
const TAKER = `
import json, sys

SharedQueue.place = sys.argv[1]
jobs = SharedQueue("jobs")
if sys.argv[2] == "put":
    jobs.put_many(list(range(${ITEMS})))
    sys.exit()
taken = [jobs.get()]
print("ready", flush=True)
sys.stdin.readline()
while more := jobs.get_many(3, block=False):
    taken += more
print(json.dumps(taken), flush=True)
`;

it('two processes that take from one queue at once get each item once, and all of them', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'windtunnel-queue-'));
  try {
    const { parts, modules } = sharedSource(new Set(['SharedQueue']), false);
    const program = path.join(folder, 'taker.py');
    writeFileSync(program, [...modules.map((name) => `import ${name}`), ...parts, TAKER].join('\n'));
    const python = await testPython();
    const start = (role: string) => spawn(python, [program, folder, role], { stdio: ['pipe', 'pipe', 'inherit'] });
    expect(await once(start('put'), 'exit')).toEqual([0, null]);
    const takers = [start('take'), start('take')].map((child) => {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return { child, next: async () => String((await lines.next()).value) };
    });
    expect(await Promise.all(takers.map(({ next }) => next()))).toEqual(['ready', 'ready']);
    for (const { child } of takers) child.stdin.write('go\n');
    const taken = await Promise.all(takers.map(async ({ next }) => JSON.parse(await next()) as number[]));
    expect(taken.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: ITEMS }, (_, index) => index));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
