import type { AppId } from './app.ts';
import type { SerializedError } from './errors.ts';
import type { ColdStart, RecordedBody } from './record.ts';
import type { LogLine, RequestState } from './request.ts';
import type { RunnerExit, RunnerState, StartPhase } from './runner.ts';

/** Everything that happens, as one union: the log, the wire format of the control API and the timeline. `at` is ms since the epoch. */
export type EmulatorEvent = { at: number } & (
  | { type: 'emulator.ready'; url: string; version: string }
  | { type: 'emulator.notice'; level: 'info' | 'warn' | 'error'; code: string; message: string }
  | { type: 'app.registered'; app: AppId; revision: string; file: string; symbol: string }
  | { type: 'app.removed'; app: AppId }
  | { type: 'app.reload'; app: AppId; revision: string; reason: string }
  | { type: 'app.failed'; app: AppId; revision: string; error: SerializedError }
  | { type: 'environment.progress'; app: AppId; message: string }
  | { type: 'environment.ready'; app: AppId; key: string; cached: boolean; seconds: number }
  | { type: 'runner.state'; app: AppId; runner: string; state: RunnerState; phase: StartPhase | null; reason: string }
  | { type: 'runner.exit'; app: AppId; runner: string; exit: RunnerExit }
  | {
      type: 'request.state';
      app: AppId;
      request: string;
      state: RequestState;
      attempt: number;
      runner: string | null;
      /** Below the app, with query. */
      path: string;
      /** Of the result, when COMPLETED. */
      status: number | null;
      /** From the start of the last attempt to the stored result. */
      seconds: number | null;
      reason: string;
    }
  /** A queued request waited, `waited` seconds, for the start of the runner that it was given to. */
  | {
      type: 'request.cold_start';
      app: AppId;
      request: string;
      attempt: number;
      runner: string;
      waited: number;
      seconds: ColdStart;
    }
  | { type: 'request.cancel'; app: AppId; request: string }
  /** It runs `of` again. */
  | { type: 'request.replay'; app: AppId; request: string; of: string }
  /** Only in the story of a request. */
  | { type: 'request.body'; app: AppId; request: string; which: 'input' | 'output'; body: RecordedBody }
  /** A fault was injected on purpose. */
  | { type: 'fault'; app: AppId; request: string | null; runner: string | null; fault: string; detail: string }
  | { type: 'direct.started'; app: AppId; request: string; runner: string; path: string }
  /** A direct call is over; status 0 where there was no answer. */
  | { type: 'direct'; app: AppId; request: string; runner: string; path: string; status: number; seconds: number }
  /** A webhook was called, for the `call`-th time. `status` null: no answer. `nextAt` null: it is not called again. */
  | {
      type: 'webhook';
      app: AppId;
      request: string;
      /** Without query and credentials. */
      url: string;
      call: number;
      result: 'delivered' | 'again' | 'given up';
      status: number | null;
      reason: string;
      nextAt: number | null;
    }
  | { type: 'log'; app: AppId; runner: string | null; request: string | null; line: LogLine }
);

export type EmulatorEventType = EmulatorEvent['type'];
/** An event without its time: the bus stamps it. */
export type NewEvent = EmulatorEvent extends infer E ? (E extends EmulatorEvent ? Omit<E, 'at'> : never) : never;
