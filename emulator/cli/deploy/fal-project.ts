import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';
import { AccountSchema, WindtunnelError } from '../../contract/index.ts';
import { assetUrl } from '../../core/assets.ts';
import type { UserFal } from './user-fal.ts';

const nullable = <T extends z.core.SomeType>(schema: T) => z.nullable(schema);
const FailureSchema = z.object({ type: z.string(), message: z.string(), traceback: z.string() });
export type Failure = z.infer<typeof FailureSchema>;
const attempt = <T extends z.core.SomeType>(value: T) =>
  z.union([z.object({ value }), z.object({ error: FailureSchema })]);

const ScaleSchema = z.record(z.string(), nullable(z.number()));

export const LoadedAppSchema = z.object({
  name: z.string(),
  /** With the environment's suffix. */
  alias: z.string(),
  auth: nullable(z.string()),
  kind: z.string(),
  pythonVersion: nullable(z.string()),
  requirements: z.array(z.string()),
  image: nullable(z.record(z.string(), z.unknown())),
  /** Host options as the SDK sends them. */
  host: z.record(z.string(), z.unknown()),
  secrets: nullable(z.array(z.string())),
  health: nullable(z.object({ path: z.string(), method: z.string() })),
  importSeconds: z.number(),
  pickle: z.union([
    z.object({
      bytes: z.number(),
      /** Modules of the project that the pickle takes from the runner, which does not have them. */
      local: z.array(z.object({ module: z.string(), file: z.string() })),
      /** Modules that no requirement is known to bring, with the packages that they come from here. */
      packages: z.array(z.object({ module: z.string(), packages: z.array(z.string()) })),
    }),
    z.object({ error: z.string(), culprits: z.array(z.string()) }),
  ]),
  code: z.object({
    digest: z.string(),
    files: z.record(z.string(), z.string()),
    main: z.string(),
    text: z.string(),
  }),
});
export type LoadedApp = z.infer<typeof LoadedAppSchema>;

export const RemoteStateSchema = z.object({
  user: z.string(),
  deployed: nullable(
    z.object({
      revision: z.string(),
      auth: z.string(),
      machines: z.array(z.string()),
      regions: z.array(z.string()),
      scale: ScaleSchema,
    }),
  ),
  secrets: z.array(z.string()),
  annotations: z.record(z.string(), z.string()),
});
export type RemoteState = z.infer<typeof RemoteStateSchema>;

export const InspectionSchema = z.object({
  versions: z.object({ fal: z.string(), python: z.string() }),
  account: AccountSchema,
  app: attempt(LoadedAppSchema),
  remote: attempt(RemoteStateSchema),
});
export type Inspection = z.infer<typeof InspectionSchema>;

export const HealthSchema = z.object({
  revision: nullable(z.string()),
  url: z.string(),
  checked: z.string(),
  late: z._default(z.boolean(), false),
});

const LineSchema = z.union([
  z.object({ progress: z.string() }),
  z.object({ answer: z.unknown() }),
  z.object({ error: FailureSchema }),
]);

export interface AskOptions {
  cwd: string;
  signal: AbortSignal;
  onProgress?: (text: string) => void;
}

/** Asks the user's fal one thing (see fal_project.py). Rejects with E_REMOTE, with what it said. */
export async function askFal<T extends z.core.$ZodType>(
  fal: UserFal,
  command: 'inspect' | 'healthy' | 'request' | 'holdings',
  parameters: object,
  schema: T,
  { cwd, signal, onProgress }: AskOptions,
): Promise<z.output<T>> {
  const script = fileURLToPath(new URL('fal_project.py', assetUrl('deploy')));
  const child = spawn(fal.python, [script, command], {
    cwd,
    // Not written beside the files that ship; and nothing of ours in the user's project.
    env: { ...fal.env, PYTHONDONTWRITEBYTECODE: '1' },
    signal,
    killSignal: 'SIGKILL',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-8192);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  // It may end before it has read all: its answer tells why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(parameters));
  const read = async () => {
    const told: { answer: { value: unknown } | null; failure: Failure | null } = { answer: null, failure: null };
    for await (const line of createInterface({ input: child.stdout })) {
      const message = LineSchema.parse(JSON.parse(line));
      if ('progress' in message) onProgress?.(message.progress);
      else if ('error' in message) told.failure = message.error;
      else told.answer = { value: message.answer };
    }
    return told;
  };
  // Together: where it is interrupted, its end fails before its output does.
  const [{ answer, failure }] = await Promise.all([read(), ended]).catch((error: unknown) => {
    throw signal.aborted ? new WindtunnelError('E_CANCELLED', 'Interrupted.', { cause: error }) : error;
  });
  if (failure !== null) {
    throw new WindtunnelError('E_REMOTE', `${failure.type}: ${failure.message}`, { detail: failure.traceback });
  }
  if (answer === null) {
    throw new WindtunnelError('E_FAL_MISSING', `The fal of ${fal.python} could not be asked.`, {
      detail: said,
      hint: 'Windtunnel is tested with fal 1.83: pip install -U fal',
    });
  }
  return z.parse(schema, answer.value);
}
