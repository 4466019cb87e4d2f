import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type {
  AppId,
  AppSettings,
  EmulatorEvent,
  ErrorType,
  FoundEndpoint,
  GpuDemand,
  GpuFit,
  GpuUse,
  HeaderList,
  LogLine,
  Priority,
  RequestDocument,
  RequestRecord,
  RequestSummary,
  RunnerPayload,
  RunnerState,
  Scenario,
  SerializedError,
  StartPhase,
} from '../contract/index.ts';
import type { RolloutStrategy } from '../core/app-protocol.ts';
import type { Disposable } from '../core/disposable.ts';
import type { EnvironmentRequest } from '../environments/environments.ts';
import type { StoredBody } from '../store/store.ts';

/** An app as registered with the fleet. A new revision of the same id replaces the old one without losing a request. */
export interface AppDefinition {
  id: AppId;
  /** Short id of this state of the code, new for each reload. */
  revision: string;
  file: string;
  symbol: string;
  /** Decides the platform's defaults (keep-alive 60 s or 10 s); an app where absent. */
  kind?: 'app' | 'function';
  settings: AppSettings;
  endpoints: FoundEndpoint[];
  payload: RunnerPayload;
  environment: EnvironmentRequest;
  engine: 'process' | 'docker';
  /** Faults that are put between the emulator and its runners; none where absent. */
  scenario?: Scenario;
  /** Extra environment variables: secrets and `.env`, already merged. A function is asked anew for each runner. */
  env: Record<string, string> | (() => Record<string, string>);
  /** Its runners wait for a debug client before their first line. */
  debug?: boolean;
}

export interface SubmitInput {
  app: AppId;
  path: string;
  method: string;
  priority: Priority;
  /** Seconds from now, null for the app's own default or none. */
  startTimeout: number | null;
  hint: string | null;
  noRetry: boolean;
  retryConfig: string | null;
  webhook: string | null;
  storeIo: boolean;
  /** Already stripped of hop-by-hop and `x-fal-*` headers that are the platform's. */
  headers: HeaderList;
  body: StoredBody;
  /** `fal_max_queue_length`: refuse when more than this many wait. */
  maxQueueLength: number | null;
}

export type CancelAnswer = 'CANCELLATION_REQUESTED' | 'ALREADY_COMPLETED' | 'NOT_FOUND';

/** What a status stream is told. `logs` are the lines since the last call. */
export interface RequestChange {
  record: RequestRecord;
  logs: LogLine[];
}

/** The queue, as the gateway sees it. */
export interface Queue {
  /** Resolves after the commit. Rejects with E_LIMIT (429) when the queue is over `maxQueueLength` or a limit. */
  submit(input: SubmitInput): Promise<RequestRecord>;
  get(id: string): RequestRecord | undefined;
  /** Requests of the same app that will run before this one; 0 when none or not queued. */
  position(record: RequestRecord): number;
  logs(id: string, from?: number): Promise<LogLine[]>;
  result(id: string): Promise<StoredBody | null>;
  /** Resolves once the cancellation is durable. */
  cancel(id: string): Promise<CancelAnswer>;
  /** Calls back on each change of state, position or log, at once for the first time; until disposed. */
  watch(id: string, listener: (change: RequestChange) => void): Disposable;
}

/** One taken slot of a ready runner. */
export interface Lease {
  runner: string;
  requestId: string;
  /** Sends to the runner: `dispatcher.request({origin: 'http://runner', path, …})`. Never follows redirects or retries. */
  dispatcher: Dispatcher;
  /** A raw stream to the runner's HTTP server, for upgrades. */
  connect(): Promise<Duplex>;
  /** Headers that must go to the runner: secret, x-fal-request-id, x-fal-endpoint, lifecycle, caller. */
  headers: HeaderList;
  /** Aborts when the runner dies or its request_timeout passes, with the ErrorType as reason. */
  signal: AbortSignal;
  /** Resolves when all that it printed was told, or its runner is gone: an answer may overtake lines. Call it before `release`. */
  lastLine(): Promise<void>;
  /** Gives the slot back. `responseHeaders` are looked at for hints and stop requests. Idempotent. */
  release(report: { status: number | null; responseHeaders?: HeaderList; error?: ErrorType }): void;
  /** POSTs `<path>/cancel` to the same runner with the same request id; a 404 is ignored. */
  cancelOnRunner(path: string): Promise<void>;
}

/** The stories of queued requests. */
export interface Records {
  /** The newest first; of one app where one is named. */
  list(limit: number, app?: string): RequestSummary[];
  /** The request of an id, or of the beginning of one, of eight characters or more. Throws E_USAGE where several begin so. */
  find(id: string): RequestRecord | undefined;
  document(record: RequestRecord): Promise<RequestDocument>;
  /** Submits it again, its input with a merge patch where `edit` is given. Rejects with E_BAD_REQUEST, E_UNKNOWN_APP. */
  replay(record: RequestRecord, edit?: { patch: unknown }): Promise<RequestRecord>;
  /** Its submit and its input. */
  begin(record: RequestRecord): Promise<EmulatorEvent[]>;
  /** What happened since, from the `from`-th event on. */
  told(id: string, from: number): Promise<EmulatorEvent[]>;
  /** Its result; nothing while it is not complete. */
  end(record: RequestRecord): Promise<EmulatorEvent[]>;
}

/** Direct calls: the same slots as the queue, no store. */
export interface Direct {
  /** Waits for a slot, starting runners as needed. Rejects with E_LIMIT, the start error of the app, or the signal's reason. */
  lease(app: AppId, options: { path: string; hint: string | null; signal: AbortSignal }): Promise<Lease>;
}

export interface RunnerView {
  id: string;
  app: AppId;
  revision: string;
  state: RunnerState;
  phase: StartPhase | null;
  inFlight: number;
  slots: number;
  startedAt: number;
  memoryBytes: number | null;
  /** In use on its GPUs; absent where it has none or that cannot be told. */
  gpuMemoryBytes?: number;
  /** The machine type that it got, of the app's list; null before that is known. */
  machine: string | null;
  /** Ids of the GPUs that it holds. */
  gpus: string[];
  hints: string[];
}

export interface AppView {
  id: AppId;
  revision: string;
  file: string;
  symbol: string;
  engine: 'process' | 'docker';
  endpoints: FoundEndpoint[];
  settings: AppSettings;
  /** For each machine type of an app that asks for a GPU, whether what its engine reaches here would do; else empty. */
  gpuDemands: (GpuDemand & { fit: GpuFit })[];
  queued: number;
  running: number;
  runners: RunnerView[];
  /** Why the last start failed, until one succeeds. */
  lastError: SerializedError | null;
}

/** Apps and runners, as control API, watch and CLI see them. */
export interface Apps {
  /**
   * Registers or replaces. For a replacement: resolves once a runner of the new revision is ready (or at once when none is
   * live), rejects with its start error and keeps the old revision serving. `prove`: also where none is live; `recreate`: at
   * once, also where one is.
   */
  register(definition: AppDefinition, reason: string, strategy?: RolloutStrategy): Promise<void>;
  /**
   * Starts a runner if none serves, at once even while a failed start is backing off. Resolves when one is ready, rejects
   * with the start error or E_UNKNOWN_APP.
   */
  start(app: AppId): Promise<void>;
  /** Stops all its runners; its queued requests wait for the next registration. */
  remove(app: AppId): Promise<void>;
  list(): AppView[];
  get(app: AppId): AppView | undefined;
  /** GPUs that runners can have here, with who has them. */
  gpus(): GpuUse[];
  /** The app that `owner/name` means here: exact, else any owner's app of that name (design §3 "Owners"). */
  resolve(owner: string, name: string): AppId | undefined;
  stopRunner(runner: string, graceSeconds?: number): Promise<boolean>;
  /**
   * The debug adapter of its runner, once that exists: the Debug Adapter Protocol. While the client has it stopped, no deadline of
   * the app passes. Rejects with E_UNKNOWN_APP, E_NO_DEBUGGER or why the runner cannot start.
   */
  debug(app: AppId): Promise<Duplex>;
  /** Last lines that no request owns, oldest first. */
  runnerLogs(runner: string): LogLine[];
}

export interface Fleet extends Disposable {
  queue: Queue;
  records: Records;
  direct: Direct;
  apps: Apps;
}

/** What the controller asks of apps and runners besides: `fal apps`, `fal runners`, `fal queue`. */
export interface Management {
  /** Other settings for the revision that serves; machine types count from the next runner on. Throws E_UNKNOWN_APP, E_GPU_DEMAND. */
  rescale(app: AppId, settings: AppSettings): void;
  /**
   * New runners in place of those that serve, one of them before the first old one goes; `force`: after they were killed.
   * Resolves when the new one is ready, at once where nothing serves.
   */
  rollout(app: AppId, force: boolean): Promise<void>;
  /** Starts another one, and stops this one when that serves. False: there is none of that id. */
  replaceRunner(runner: string): boolean;
  /** A command in a runner's own surroundings, spoken to in frames (`shell-frames.ts`). Rejects with E_UNKNOWN_RUNNER. */
  shell(runner: string): Promise<Duplex>;
  /** Cancels all that waits for an app; resolves with how many. Those that run go on. */
  flush(app: AppId): Promise<number>;
}

export interface ManagedFleet extends Fleet {
  readonly management: Management;
}
