import type Docker from 'dockerode';
import * as z from 'zod/mini';
import type { Clock } from '../../core/clock.ts';
import { dialJson } from './dial.ts';
import { LABELS, type Ownership, workspaceLabel } from './labels.ts';
import { removeContainer } from './remove-container.ts';

const ContainersSchema = z.array(
  z.object({ Id: z.string(), State: z.optional(z.string()), Labels: z.nullish(z.record(z.string(), z.string())) }),
);

/** Containers of ours on a daemon, running or not. */
export async function ownContainers(docker: Docker, labels: readonly string[]) {
  const filters = encodeURIComponent(JSON.stringify({ label: labels }));
  return dialJson(docker, { path: `/containers/json?all=1&filters=${filters}`, schema: ContainersSchema });
}

/** Removes what another emulator of this workspace on this machine left: there is one at a time, so it is dead. */
export async function sweepContainers(docker: Docker, owner: Ownership, clock: Clock): Promise<string[]> {
  const removed: string[] = [];
  const labels = [`${LABELS.workspace}=${workspaceLabel(owner.workspace)}`, `${LABELS.host}=${owner.host}`];
  for (const { Id, State, Labels } of await ownContainers(docker, labels)) {
    if (Labels?.[LABELS.emulator] === `${owner.emulator.pid}:${owner.emulator.start ?? ''}`) continue;
    // One that the daemon does not remove in time is the next sweep's.
    if (!(await removeContainer(docker.getContainer(Id), clock))) continue;
    removed.push(`container ${Id.slice(0, 12)} (${State ?? 'unknown'}) of ${Labels?.[LABELS.app] ?? 'an app'}`);
  }
  return removed;
}
