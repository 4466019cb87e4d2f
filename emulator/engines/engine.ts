import type { Duplex } from 'node:stream';
import type { GpuCard, RunnerExit, RunnerSpec, SourcePlace, StartPhase } from '../contract/index.ts';

/** A line that the runner printed, before it is stored. `request` is null where the line can't be attributed. */
export interface RunnerLog {
  request: string | null;
  level: 'STDOUT' | 'STDERR' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
  message: string;
  /** ms since the epoch, by the runner's clock. */
  at: number;
}

export interface RunnerHooks {
  onPhase(phase: StartPhase, detail: string): void;
  onLog(log: RunnerLog): void;
  /** The app is done with the request of this id (`x-fal-request-id`), and `onLog` had its last line; see `reportsEnds`. */
  onRequestEnd(request: string): void;
  /** A connection that the app opened to one of fal's hosts or to our files, as `host:port`. The receiver owns the stream. */
  onTunnel(stream: Duplex, target: string): void;
}

/** What the harness knows once the app serves. */
export interface ReadyInfo {
  pythonVersion: string;
  falVersion: string;
  /** The end of each request is told by `onRequestEnd`. Not so for a server that binds its own port: no harness sees its requests. */
  reportsEnds: boolean;
  /** Seconds by phase. */
  seconds: Partial<Record<StartPhase, number>>;
}

/** A debug adapter of the runner's own. */
export interface DebugChannel {
  /** Debug Adapter Protocol; its end ends the adapter. */
  adapter: Duplex;
  /** Tells the app where the adapter waits for it. */
  attach(address: { host: string; port: number }): void;
  /** Where the user's sources stand in the runner; the first that fits. */
  sources: readonly SourcePlace[];
}

export interface RunnerHandle {
  readonly id: string;
  /** Resolves when the app answers; rejects with the user's own error (E_APP_IMPORT, E_APP_SETUP, E_RUNNER_EXITED, …). */
  readonly ready: Promise<ReadyInfo>;
  /** Always resolves, once nothing of the runner is left. */
  readonly exited: Promise<RunnerExit>;
  /** A fresh byte stream to the app's HTTP server. Rejects when the runner is gone or does not listen. */
  connect(): Promise<Duplex>;
  /** A stream to a helper beside the app that runs commands for `fal runners shell`; see shell.py for what it speaks. */
  shell(): Promise<Duplex>;
  /** SIGTERM, `graceSeconds`, SIGKILL. Resolves with `exited`. Calling it again with a shorter grace shortens it. */
  stop(graceSeconds: number): Promise<RunnerExit>;
  /** Ends the whole tree now, as a crash: not asked for by anybody. */
  kill(): void;
  /** A new debug adapter. Throws E_NO_DEBUGGER where the runner was not started for one. Absent: as if so. */
  debug?(): DebugChannel;
  /** Resident memory of the whole process tree in bytes, null where unknown. */
  memory(): Promise<number | null>;
}

/** The GPUs that runners of an engine can have. */
export interface EngineGpus {
  cards: readonly GpuCard[];
  /** Why there is none; '' where there are some. */
  reason: string;
}

/** Starts runners. Nothing here assumes a shared file system, a local path or a local port on the runner's side. */
export interface RunnerEngine {
  readonly name: 'process' | 'docker';
  /** Resolves when the runner exists (not: is ready). Rejects with a typed error when it can't be made. */
  start(spec: RunnerSpec, hooks: RunnerHooks, signal: AbortSignal): Promise<RunnerHandle>;
  /** Asked before a runner is placed: an engine keeps no book of them. Rejects where there is nobody to ask (E_DOCKER_*). */
  gpus(signal: AbortSignal): Promise<EngineGpus>;
  /**
   * An app is about to be deployed: the engine may start ahead what a runner like the last deployed one needs before
   * its app is known. Absent: it has no such thing.
   */
  startAhead?(): void;
  /** Removes what a dead emulator of this workspace left behind; returns what it removed, one line each. */
  sweep(): Promise<string[]>;
  dispose(): Promise<void>;
}
