import { stopRunner } from './app-runners.ts';
import type { Runner, Turn } from './app-state.ts';

const SECOND = 1000;

/**
 * The app's own health check of a runner (fal docs, development/add-health-check-endpoint; SDK docstring of `HealthCheck`): it
 * gates readiness, runs every 15 s where the app wants it, and at once where an answer carries `x-fal-runner-health-check`.
 */

/** The server of a runner is up. True: its first health check decides whether it is ready. */
export function awaitFirstCheck(turn: Turn, runner: Runner): boolean {
  // With call_regularly=False the SDK says that start period and threshold do not count: the open port does.
  if (!runner.revision.settings.healthCheck?.callRegularly) return false;
  runner.health.pending = true;
  ask(turn, runner, 'regular');
  return true;
}

/** A runner serves from now on: the next regular check. */
export function scheduleCheck(turn: Turn, runner: Runner): void {
  if (!runner.revision.settings.healthCheck?.callRegularly) return;
  arm(turn, runner, turn.state.constants.healthCheckSeconds);
}

/** A regular check is due. A runner that works is left alone unless the app allows it. */
export function checkIsDue(turn: Turn, runner: Runner): void {
  runner.health.due = null;
  const check = runner.revision.settings.healthCheck;
  if (!check) return;
  if (runner.inFlight.size > 0 && !check.allowOnBusy) scheduleCheck(turn, runner);
  else ask(turn, runner, 'regular');
}

/** An answer of the app asks for a check. Without one of its own, that the port is open is all there is to know. */
export function forceCheck(turn: Turn, runner: Runner): void {
  if (runner.phase !== 'ready' && runner.phase !== 'suspect') return;
  if (runner.revision.settings.healthCheck) ask(turn, runner, 'forced');
  else turn.effects.push({ type: 'probeRunner', runner: runner.id });
}

/** What a check said. True: a runner that was starting has become ready. */
export function checked(turn: Turn, runner: Runner, healthy: boolean, detail: string): boolean {
  const { health } = runner;
  const { constants } = turn.state;
  const forced = health.asked === 'forced';
  health.asked = null;
  health.detail = detail;
  if (runner.phase === 'starting') {
    if (!health.pending) return false;
    if (!healthy) arm(turn, runner, constants.startHealthCheckSeconds);
    else health.pending = false;
    return healthy;
  }
  if (runner.phase === 'stopping') return false;
  health.failures = healthy ? 0 : health.failures + 1;
  const threshold = runner.revision.settings.healthCheck?.failureThreshold ?? 1;
  if (!healthy && forced) stopRunner(turn, runner, `the health check that it asked for failed: ${detail}`, 0);
  else if (health.failures >= threshold) {
    const times = threshold === 1 ? '' : `${threshold} times in a row `;
    stopRunner(turn, runner, `its health check failed ${times}(${detail})`);
  } else scheduleCheck(turn, runner);
  return false;
}

/** How long a start may take: startup_timeout, or the check's start period where that is longer. */
export function startSeconds(runner: Runner): number {
  const { startupTimeout, healthCheck } = runner.revision.settings;
  return Math.max(startupTimeout, healthCheck?.callRegularly ? healthCheck.startPeriod : 0);
}

function ask(turn: Turn, runner: Runner, why: 'regular' | 'forced'): void {
  const { health } = runner;
  const check = runner.revision.settings.healthCheck;
  if (!check) return;
  const underWay = health.asked !== null;
  // One that is under way serves both; that it was asked for decides what its failure means.
  health.asked = why === 'forced' ? 'forced' : (health.asked ?? 'regular');
  if (!underWay) turn.effects.push({ type: 'checkHealth', runner: runner.id, check });
}

function arm(turn: Turn, runner: Runner, seconds: number): void {
  const { health } = runner;
  const { deadlines } = turn.state;
  if (health.due) deadlines.remove(health.due);
  health.due = deadlines.add(turn.now + seconds * SECOND, { type: 'health', runner });
}
