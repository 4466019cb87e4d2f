import type Docker from 'dockerode';
import * as z from 'zod/mini';
import type { DaemonFacts } from './daemon-facts.ts';
import { dialJson, statusOf } from './dial.ts';
import { LABELS } from './labels.ts';

const NetworksSchema = z.array(z.object({ Id: z.string(), Name: z.string() }));

/**
 * A network of this emulator's own: its containers reach the internet, and neither each other nor those of others.
 * Returns its id: another program may make one of the same name.
 */
export async function ensureNetwork(
  docker: Docker,
  name: string,
  facts: DaemonFacts,
  labels: Record<string, string>,
): Promise<string> {
  const filters = encodeURIComponent(JSON.stringify({ name: [name] }));
  const found = await dialJson(docker, { path: `/networks?filters=${filters}`, schema: NetworksSchema });
  // The filter takes any name that holds it.
  const known = found.find((network) => network.Name === name);
  if (known) return known.Id;
  const made = await docker.createNetwork({
    Name: name,
    Driver: 'bridge',
    CheckDuplicate: true,
    Labels: labels,
    Options:
      facts.kind === 'podman'
        ? {}
        : {
            'com.docker.network.bridge.enable_icc': 'false',
            // Not taken over by itself: behind a VPN with a smaller MTU nothing would come through.
            ...(facts.mtu ? { 'com.docker.network.driver.mtu': facts.mtu } : {}),
          },
  });
  return made.id;
}

/** Removes the networks of a workspace that no container uses; returns their names. */
export async function removeNetworks(docker: Docker, workspace: string): Promise<string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${LABELS.workspace}=${workspace}`] }));
  const found = await dialJson(docker, { path: `/networks?filters=${filters}`, schema: NetworksSchema });
  const removed: string[] = [];
  for (const { Id, Name } of found) {
    try {
      await docker.getNetwork(Id).remove();
      removed.push(Name);
    } catch (error) {
      // 404: gone by now. 403, 409: a container of a living emulator still uses it.
      if (![403, 404, 409].includes(statusOf(error) ?? 0)) throw error;
    }
  }
  return removed;
}
