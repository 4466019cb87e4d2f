import * as z from 'zod/mini';

const PhaseSchema = z.enum(['booting', 'importing', 'setup']);

/** What a runner says over the link, besides its streams. */
export const HelloSchema = z.object({ version: z.number(), pid: z.number() });
export type Hello = z.infer<typeof HelloSchema>;

/** Where a start stands. */
export const RunnerStateMessageSchema = z.discriminatedUnion('phase', [
  z.object({ phase: z.enum(['mapped']) }),
  z.object({ phase: z.enum(['unmapped']), message: z.string() }),
  z.object({ phase: z.enum(['booting', 'setup']) }),
  z.object({ phase: z.enum(['importing']), pythonVersion: z.string() }),
  z.object({
    phase: z.enum(['ready']),
    /** Where the app answers: its unix socket, or the port it bound itself. */
    listen: z.enum(['socket', 'port']),
    falVersion: z.optional(z.string()),
  }),
  z.object({
    phase: z.enum(['failed']),
    stage: z.enum(['mount', 'devices', 'serving', ...PhaseSchema.options]),
    message: z.string(),
    /** Python class of the error. */
    type: z.optional(z.string()),
    file: z.optional(z.nullable(z.string())),
    line: z.optional(z.nullable(z.number())),
    traceback: z.optional(z.string()),
  }),
]);
export type RunnerStateMessage = z.infer<typeof RunnerStateMessageSchema>;
export type StartFailure = Extract<RunnerStateMessage, { phase: 'failed' }>;

export const LogMessageSchema = z.object({
  level: z.enum(['STDOUT', 'STDERR', 'DEBUG']),
  request: z.nullable(z.string()),
  /** ms since the epoch. */
  at: z.number(),
  /** One or more lines. */
  text: z.string(),
});
export type LogMessage = z.infer<typeof LogMessageSchema>;

export const ExitedSchema = z.object({
  code: z.nullable(z.number()),
  signal: z.nullable(z.string()),
  cause: z.enum(['stopped', 'crashed', 'memory', 'killed', 'link']),
  /** Resident memory of the tree when it was last measured. */
  bytes: z.number(),
});
export type Exited = z.infer<typeof ExitedSchema>;

/** What the emulator tells an agent to run; the agent obeys only the first, or the first after it was told to prepare. */
export interface StartMessage {
  version: number;
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  /** Folder on the runner's side, 0700, for the sockets. */
  dir: string;
  /** Folders to show elsewhere: path in the runner → folder. */
  folders: Record<string, string>;
  /** The start fails where `folders` cannot be mounted; otherwise these two take their place. */
  foldersRequired: boolean;
  envUnmapped: Record<string, string>;
  cwdUnmapped: string;
  graceSeconds: number;
  memoryBytes: number;
  /** The app binds this port itself. */
  port: number | null;
  /** The start fails unless this many device files of these patterns are there: some daemons ignore a request for GPUs. */
  expectedDevices: { patterns: readonly string[]; least: number } | null;
  /** The debug adapter that the agent starts for each client; null: none. Paths are the runner's. */
  debugger: { python: string; folder: string } | null;
  /** What the harness gets; null for a command, which runs without one. */
  harness: HarnessConfig | null;
}

export interface HarnessConfig {
  secret: string;
  /** Name of the header that carries the secret. */
  header: string;
  dir: string;
  /** As in the start message. */
  debugger: StartMessage['debugger'];
  payload: HarnessPayload;
}

export type HarnessPayload =
  | {
      kind: 'source';
      file: string;
      symbol: string;
      /** Search path of the workspace. */
      roots: string[];
      /** Modules that are shipped by value. */
      modules: string[];
      /** Absolute paths of the files that are shipped and can be imported. */
      files: string[];
      /** Folders of the shipped files that are on the search path, relative to the working folder. */
      workPath: string[];
    }
  | { kind: 'pickle'; file: string }
  | { kind: 'entrypoint'; entrypoint: string }
  | { kind: 'calls' }
  /** Of an app that is not known yet: another configuration follows, see runner/ahead.py. */
  | { kind: 'spare' };
