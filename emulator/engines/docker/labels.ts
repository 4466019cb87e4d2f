import { createHash } from 'node:crypto';

/** Labels of everything that we make on a daemon. */
export const LABELS = {
  workspace: 'windtunnel.workspace',
  /** `pid:start` of the emulator. */
  emulator: 'windtunnel.emulator',
  /** The machine that it runs on: a daemon may serve several. */
  host: 'windtunnel.host',
  runner: 'windtunnel.runner',
  app: 'windtunnel.app',
  /** Of an image: the key of its recipe. */
  image: 'windtunnel.image',
} as const;

/** Whom a thing on the daemon belongs to. */
export interface Ownership {
  workspace: string;
  emulator: { pid: number; start: string | null };
  /** Name of this machine. */
  host: string;
}

/** Short name of a workspace. */
export const workspaceLabel = (workspace: string): string =>
  createHash('sha256').update(workspace).digest('hex').slice(0, 12);

export function ownershipLabels({ workspace, emulator, host }: Ownership): Record<string, string> {
  return {
    [LABELS.workspace]: workspaceLabel(workspace),
    [LABELS.emulator]: `${emulator.pid}:${emulator.start ?? ''}`,
    [LABELS.host]: host,
  };
}
