import type { AppId } from './app.ts';
import type { SerializedError } from './errors.ts';

/** Runner states as fal names them. */
export type RunnerState =
  | 'PENDING'
  | 'DOCKER_PULL'
  | 'SETUP'
  | 'IDLE'
  | 'RUNNING'
  | 'DRAINING'
  | 'TERMINATING'
  | 'TERMINATED'
  | 'FAILURE_DELAY';

/** Finer phases of a start, told by the harness over the link. */
export type StartPhase = 'installing' | 'booting' | 'importing' | 'setup' | 'ready';

/** What a runner executes. Paths are on the emulator's machine; an engine brings them to the runner. */
export type RunnerPayload =
  | { kind: 'source'; bundle: SourceBundle; file: string; symbol: string }
  | { kind: 'pickle'; file: string; files?: ShippedFile[] }
  | { kind: 'entrypoint'; entrypoint: string; files?: ShippedFile[] }
  /** Functions that arrive with each call, see runner/calls.py. */
  | { kind: 'calls'; files?: ShippedFile[] }
  | { kind: 'command'; argv: string[]; port: number };

/** A file for the working folder: absolute path here → path relative to that folder. */
export interface ShippedFile {
  from: string;
  to: string;
}

/** What `fal deploy` would ship of a source app: nothing else of the workspace may be imported. */
export interface SourceBundle {
  /** Folder that holds the app's module (its top package's parent); absolute. */
  root: string;
  /** Absolute path of the app's file. */
  main: string;
  /** Top-level module or package names under a search path that are shipped by value. */
  modules: string[];
  /** Files for the working folder (/app in production): absolute source → path relative to the working folder. */
  files: ShippedFile[];
  /** Folders of the workspace whose other modules must be refused, with the word that deploy would not ship them. */
  guarded: string[];
  /** The app's own working folder, relative to that of `files` (`app_files_context_dir`); absent or '' where it is the same. */
  cwd?: string;
}

/** A built environment: where the runner's Python is. */
export type BuiltEnvironment =
  | { kind: 'venv'; python: string; key: string; pythonVersion: string; falVersion: string }
  | {
      kind: 'image';
      /** Id or tag that the daemon knows. */
      image: string;
      key: string;
      /** Absolute path of the interpreter in it. */
      python: string;
      /** Put before the runner's command. */
      entrypoint: readonly string[];
      /** Made by the author's own Dockerfile: its user and working folder count. */
      authored: boolean;
    };

export interface RunnerLimits {
  memoryBytes: number;
  cpus: number;
}

export interface RunnerSpec {
  /** Runner id (= FAL_JOB_ID), a uuid. */
  id: string;
  app: AppId;
  revision: string;
  payload: RunnerPayload;
  environment: BuiltEnvironment;
  /** Secrets, fal's own variables (§5.1 of the data plane), CA bundle: the whole environment beyond the engine's own. */
  env: Record<string, string>;
  limits: RunnerLimits;
  /** Ids of the GPUs that are this runner's own, of those that its engine reaches. */
  gpus: string[];
  /** Seconds between SIGTERM and SIGKILL. */
  graceSeconds: number;
  /** The app's server binds this port itself. */
  exposedPort: number | null;
  /** Folder that the runner sees as /data; absolute, on the emulator's machine. */
  dataDir: string;
  /** Secret that every request to this runner carries; the harness refuses others. */
  secret: string;
  /** Folder with debugpy, on the emulator's machine; the app waits for a debug client before its first line. Absent: no debugger. */
  debugger?: string;
}

/** Why a runner is no more. */
export interface RunnerExit {
  code: number | null;
  signal: string | null;
  cause: 'stopped' | 'crashed' | 'memory' | 'killed' | 'link' | 'startup';
  error: SerializedError | null;
}

/** Header that carries `RunnerSpec.secret` on every request to a runner; the harness checks and removes it. */
export const RUNNER_SECRET_HEADER = 'x-wt-secret';
/** Behind the secret: a question of the emulator that the harness answers itself. No caller can ask it. */
export const RUNNER_PROBE_MARK = ' probe';
