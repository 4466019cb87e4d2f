import type { LogLine, SerializedError } from '../contract/index.ts';
import type { EndError } from '../core/app-protocol.ts';
import type { RetryBudgets } from '../core/retry-policy.ts';
import type { AppHost } from './app-host.ts';
import type { RunnerHost } from './runner-host.ts';

/** Carries out what the core decides about requests. */
export interface RequestWork {
  dispatch(host: AppHost, id: string, runner: RunnerHost, attempt: number): void;
  abort(id: string, attempt: number, error: string): void;
  cancelOnRunner(id: string, runner: RunnerHost): void;
  requeue(id: string, reason: string, spent: Readonly<RetryBudgets>): void;
  accept(id: string): void;
  end(id: string, error: EndError, detail: string): void;
  refuse(id: string, error: SerializedError): void;
  /** A line that a runner printed while it worked on `request`. False: no request of that id is known. */
  log(request: string, line: LogLine): boolean;
  /** The app is done with it: there are no more lines of it. */
  requestEnded(request: string): void;
  /** No more lines of any of its requests either. */
  runnerGone(runner: string): void;
}
