import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { FailpointRule } from '../../emulator/core/failpoints.ts';
import { type EmulatorUnderTest, gone } from '../support/emulator.ts';
import { Load } from './load.ts';

const APP = 'local/witness';

export interface Finding {
  acknowledged: number;
  completedBeforeRestart: number;
  /** Acknowledged requests that the emulator does not know after the crash, or that never complete. */
  lost: string[];
  /** Requests with a committed result that the app was given again. */
  runAgain: string[];
  /** Cancellations that were acknowledged while queued, and the app saw the request all the same. */
  cancelledButRun: string[];
  /** Results that are not those of their own input. */
  wrong: string[];
}

/**
 * One crash: load, death of the emulator (by a failpoint, or SIGKILL after `killAfterMs`), restart, and the accounts of clients,
 * witness file and store compared.
 */
export async function crashRound(
  emulator: EmulatorUnderTest,
  name: string,
  death: { rules?: FailpointRule[]; sabotage?: string; killAfterMs?: number },
): Promise<Finding> {
  if (death.rules) {
    await emulator.stop();
    emulator.env.WINDTUNNEL_TEST_FAILPOINTS = JSON.stringify(death.rules);
    if (death.sabotage) emulator.env.WINDTUNNEL_TEST_SABOTAGE = death.sabotage;
    await emulator.boot();
    delete emulator.env.WINDTUNNEL_TEST_FAILPOINTS;
    delete emulator.env.WINDTUNNEL_TEST_SABOTAGE;
    await emulator.run('witness.py');
  }
  const { pid, url } = emulator.entry;
  const load = new Load(url, name);
  const running = load.run(16, 4000);
  if (death.killAfterMs !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, death.killAfterMs));
    process.kill(pid, 'SIGKILL');
  }
  await Promise.race([gone(pid), running.then(() => gone(pid))]).finally(() => load.stop());
  await running;

  // Nothing is registered yet after the restart, so what is COMPLETED now was committed before the crash.
  const startsBefore = starts(emulator);
  await emulator.boot();
  const finding: Finding = {
    acknowledged: load.acknowledged.size,
    completedBeforeRestart: 0,
    lost: [],
    runAgain: [],
    cancelledButRun: [],
    wrong: [],
  };
  const committed = new Set<string>();
  for (const id of load.acknowledged.keys()) {
    const status = await read(emulator.url, `${id}/status`);
    if (status.status === 404) finding.lost.push(id);
    else if (status.body.status === 'COMPLETED') committed.add(id);
    else if (load.seenCompleted.has(id)) finding.lost.push(id);
  }
  finding.completedBeforeRestart = committed.size;

  await emulator.run('witness.py');
  for (const [id, key] of load.acknowledged) {
    if (finding.lost.includes(id)) continue;
    const done = await completed(emulator.url, id);
    if (!done) finding.lost.push(id);
    else if (done.status === 200 && done.body.key !== key) finding.wrong.push(id);
    else if (done.status !== 200 && !load.cancelSent.has(id)) finding.wrong.push(id);
  }
  const startsAfter = starts(emulator);
  for (const [id, key] of load.acknowledged) {
    const again = (startsAfter.get(key) ?? 0) - (startsBefore.get(key) ?? 0);
    if (committed.has(id) && again > 0) finding.runAgain.push(id);
    if (load.cancelled.has(id) && !startsBefore.has(key) && again > 0) finding.cancelledButRun.push(id);
  }
  return finding;
}

/** How often the app was given each key, by its own account. */
function starts(emulator: EmulatorUnderTest): Map<string, number> {
  const counts = new Map<string, number>();
  const file = path.join(emulator.folder, 'wt/data/durability/witness.log');
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [what, key] = line.split(' ');
    if (what === 'start' && key) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

async function read(url: string, tail: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${url}/queue/${APP}/requests/${tail}`);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function completed(url: string, id: string) {
  for (let i = 0; i < 1200; i++) {
    const status = await read(url, `${id}/status`);
    if (status.status === 404) return null;
    if (status.body.status === 'COMPLETED') return read(url, id);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}
