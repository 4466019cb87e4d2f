// `npm run mutants:core`: breaks the core on purpose, once per rule of emulator/core/app-model.test.ts, and shows that its
// generated runs see it. Exit code 1 when one survives. That hints are followed is seldom put to the test there: the mutant of item
// 20 and router.test.ts show it.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const core = (file: string) => `emulator/core/${file}`;

/** The rule, what is broken, and the few characters that break it. `find` stands in `file` once. */
export const CORE_MUTANTS: readonly { rule: string; file: string; find: string; replace: string }[] = [
  {
    rule: 'no request is lost: what waited for its retry never comes back',
    file: core('app-requests.ts'),
    find: 'turn.state.waiting--;\n  enqueue(turn, ticket);',
    replace: 'turn.state.waiting--;',
  },
  {
    rule: 'none runs on two runners at once: nobody gives up on what passed its request_timeout',
    file: core('app-step.ts'),
    find: "turn.effects.push({ type: 'abort', id, attempt, error: 'request_timeout' });",
    replace: '',
  },
  {
    rule: 'none ends twice: an ended request stays known',
    file: core('app-requests.ts'),
    find: "  forget(turn, ticket);\n  turn.effects.push({ type: 'end'",
    replace: "  turn.effects.push({ type: 'end'",
  },
  {
    rule: 'what was given up on may report late: its report ends the next attempt',
    file: core('app-step.ts'),
    find: "ticket?.phase !== 'running' || ticket.attempt !== event.attempt",
    replace: "ticket?.phase !== 'running'",
  },
  {
    rule: 'slots are never exceeded: one more than there are',
    file: core('router.ts'),
    find: 'runner.inFlight.size >= runner.slots',
    replace: 'runner.inFlight.size > runner.slots',
  },
  {
    rule: 'first in, first out: a lane gives its last',
    file: core('lane.ts'),
    find: 'return this.head < this.end ? this.items[this.head] : undefined;',
    replace: 'return this.live > 0 ? this.items.findLast((item) => item !== undefined) : undefined;',
  },
  {
    rule: 'positions are told right: one too few',
    file: core('lane.ts'),
    find: 'let i = this.places.placeOf(item); i > 0;',
    replace: 'let i = this.places.placeOf(item) - 1; i > 0;',
  },
  {
    rule: 'normal goes before low: one lane for both',
    file: core('request-queue.ts'),
    find: "members.priorityOf(item) === 'normal' ? 0 : 2",
    replace: '0',
  },
  {
    rule: 'a request is tried so often at most: the count is not looked at',
    file: core('retry-policy.ts'),
    find: 'q.noRetry || q.attempts >= q.maxAttempts',
    replace: 'q.noRetry',
  },
  {
    rule: 'every runner ends: one that has drained stays',
    file: core('app-runners.ts'),
    find: "if (runner.phase === 'draining' && runner.inFlight.size === 0)",
    replace: "if (runner.phase === 'draining' && runner.inFlight.size < 0)",
  },
  {
    rule: 'never more than max_concurrency: those that stop are not counted',
    file: core('app-step.ts'),
    find: 'Math.min(wanted - state.counts.live, max - state.counts.current)',
    replace: 'wanted - state.counts.live',
  },
  {
    rule: 'never fewer than min_concurrency for long: it is not looked at',
    file: core('scaling.ts'),
    find: 'Math.max(settings.minConcurrency,',
    replace: 'Math.max(0,',
  },
  {
    rule: 'an app settles: an idle runner that is needed goes and comes',
    file: core('app-runners.ts'),
    find: 'state.counts.live > needed',
    replace: 'state.counts.live >= needed',
  },
  {
    rule: 'nothing is sent to a runner that was never healthy: readiness is not gated',
    file: core('app-health.ts'),
    find: 'runner.health.pending = true;',
    replace: 'return false;',
  },
  {
    rule: 'no deadline is left behind: a request that ends keeps its own',
    file: core('app-requests.ts'),
    find: 'if (ticket.due) turn.state.deadlines.remove(ticket.due);',
    replace: '',
  },
];

/** What the property says of a core with this edit: null when it holds, else its first complaint. */
async function verdict(file: string, find: string, replace: string): Promise<string | null> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wt-core-'));
  try {
    for (const name of ['emulator', 'package.json', 'tsconfig.json']) {
      cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
    }
    symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
    const target = path.join(folder, file);
    const text = readFileSync(target, 'utf8');
    if (text.split(find).length !== 2) throw new Error(`${file} does not hold this once: ${find}`);
    writeFileSync(
      target,
      text.replace(find, () => replace),
    );
    return await complaint(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function complaint(cwd: string): Promise<string | null> {
  const args = [path.join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'emulator/core/app-model.test.ts'];
  return new Promise((resolve) => {
    // A broken core may also never come to an end.
    execFile(
      process.execPath,
      args,
      { cwd, timeout: 180_000, env: { ...process.env, NO_COLOR: '1' } },
      (error, out, err) => {
        const said =
          /Caused by: (.*)/.exec(out + err)?.[1] ??
          /^Error: (?!Property failed)(.*)/m.exec(out + err)?.[1] ??
          (error?.killed ? 'no end within 3 min' : 'it failed');
        resolve(error ? said : null);
      },
    );
  });
}

let survivors = 0;
// A property that fails anyway shows nothing when a mutant makes it fail.
if ((await verdict(core('lane.ts'), 'export class Lane', 'export class Lane')) !== null)
  throw new Error('The unbroken core fails.');
for (const { rule, file, find, replace } of CORE_MUTANTS) {
  const said = await verdict(file, find, replace);
  if (said === null) survivors += 1;
  console.log(`${said === null ? 'SURVIVES' : 'red'}  ${rule}${said === null ? '' : ` -> ${said}`}`);
}
console.log(`${CORE_MUTANTS.length} mutants of the core, ${survivors} survive`);
process.exitCode = survivors > 0 ? 1 : 0;
