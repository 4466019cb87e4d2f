import type * as vscode from 'vscode';
import type { RunLogLine } from '../../../emulator/contract/index.ts';
import { logLine } from '../../core/playground/recorded-run.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';

/** Lines that wait for the id of their request at most; the oldest go first. */
const KEPT_LINES = 2000;
const KEPT_CALLS = 500;

interface Claim {
  log(lines: RunLogLine[]): void;
  ended(seconds: number): void;
}

/**
 * Log lines of direct calls. A caller learns the id of its call with the answer, after lines have come: they are kept until then,
 * so that none goes to the wrong one.
 */
export class DirectLogs implements vscode.Disposable {
  private readonly claims = new Map<string, Claim>();
  private readonly ends = new Map<string, number>();
  private waiting: { request: string; line: RunLogLine }[] = [];
  private readonly subscription: vscode.Disposable;

  constructor(session: EmulatorSession) {
    this.subscription = session.onEvent(({ event, replayed }) => {
      if (replayed) return;
      if (event.type === 'log' && event.request !== null) this.take(event.request, logLine(event.line));
      if (event.type === 'direct') this.end(event.request, event.seconds);
    });
  }

  /** From now on, and what came before, `request`'s lines are this caller's. */
  claim(request: string, log: Claim['log'], ended: Claim['ended']): void {
    const early = this.waiting.filter((one) => one.request === request).map(({ line }) => line);
    this.waiting = this.waiting.filter((one) => one.request !== request);
    if (early.length > 0) log(early);
    const seconds = this.ends.get(request);
    this.claims.set(request, { log, ended });
    if (seconds !== undefined) ended(seconds);
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private take(request: string, line: RunLogLine): void {
    const claim = this.claims.get(request);
    if (claim) {
      claim.log([line]);
      return;
    }
    this.waiting.push({ request, line });
    if (this.waiting.length > KEPT_LINES) this.waiting.shift();
  }

  /** Lines may come after the end of their call: a claim stays. */
  private end(request: string, seconds: number): void {
    this.ends.set(request, seconds);
    this.claims.get(request)?.ended(seconds);
    forgetOldest(this.ends);
    forgetOldest(this.claims);
  }
}

function forgetOldest(kept: Map<string, unknown>): void {
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_CALLS && oldest !== undefined) kept.delete(oldest);
}
