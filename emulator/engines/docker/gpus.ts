import { existsSync, readdirSync, statSync } from 'node:fs';
import type Docker from 'dockerode';
import { type GpuCard, WindtunnelError } from '../../contract/index.ts';
import type { EngineGpus } from '../engine.ts';
import { NO_GPU } from '../gpus/detect-gpus.ts';
import type { StartContext } from '../link/start-message.ts';
import type { DaemonFacts } from './daemon-facts.ts';

/** How the daemon is told which GPUs a container gets. */
export type GpuMethod = 'cdi' | 'nvidia' | 'rocm';

/** The GPUs that runners on this machine may have. */
export interface HostGpus {
  cards: readonly GpuCard[];
  /** The user has named them: those and no others, also where the daemon is on another machine. */
  configured: boolean;
}

export interface DaemonGpus extends EngineGpus {
  method: GpuMethod | null;
  /** Id of a card → what the daemon calls it. */
  names: ReadonlyMap<string, string>;
}

const CDI = /^(?:nvidia|amd)\.com\/gpu=(.+)$/;
const AMD = /^(?:amd\.com\/gpu=|\/dev\/dri\/)/;

/** The GPUs that containers of this daemon can have, and by which way: CDI before the older requests. `dev` is for tests. */
export function daemonGpus(facts: DaemonFacts, host: HostGpus, dev = '/dev'): DaemonGpus {
  // A daemon elsewhere has cards of its own, that are none of this machine's.
  const here = facts.sharesFiles || host.configured ? host.cards : [];
  if (host.configured && here.length === 0) return none('"gpus" of windtunnel.jsonc names none');
  const cdi = cdiNames(facts);
  if (cdi.length > 0) return byCdi(cdi, here, host.configured, facts.sharesFiles);
  if (!facts.sharesFiles) {
    return none('the daemon is on another machine and names no GPU by CDI (`nvidia-ctk cdi generate` there)');
  }
  if (here.length === 0) return none(NO_GPU);
  if (facts.kind === 'podman') {
    if (!facts.cdi) {
      const reason = `Podman ${facts.version} drops requests for GPUs silently`;
      throw new WindtunnelError('E_DOCKER_GPU', `${reason}; from 5.5 on it passes them on by CDI.`);
    }
    return given('cdi', here, (card) => (CDI.test(card.id) ? card.id : `nvidia.com/gpu=${card.index ?? card.id}`));
  }
  const amd = here.filter(({ id }) => AMD.test(id));
  if (amd.length < here.length) return given('nvidia', here, ({ id }) => CDI.exec(id)?.[1] ?? id);
  const nodes = existsSync(`${dev}/kfd`) ? renderNodes(dev) : [];
  if (nodes.length === 0) return none(NO_GPU);
  // The tool's n-th card is the n-th of the render nodes.
  return given('rocm', amd, ({ id }) => (id.startsWith('/') ? id : nodes[Number(CDI.exec(id)?.[1])]));
}

const none = (reason: string): DaemonGpus => ({ method: null, cards: [], reason, names: new Map() });

function given(
  method: GpuMethod,
  cards: readonly GpuCard[],
  nameOf: (card: GpuCard) => string | undefined,
): DaemonGpus {
  const names = new Map<string, string>();
  for (const card of cards) {
    const name = nameOf(card);
    if (name !== undefined) names.set(card.id, name);
  }
  return { method, cards, reason: '', names };
}

/** The toolkit lists each card by its number and by its UUID: one of the two, or a card would be given out twice. */
function cdiNames({ cdiDevices }: DaemonFacts): string[] {
  const named = cdiDevices.filter((id) => CDI.test(id) && !id.endsWith('=all'));
  const byNumber = named.filter((id) => /=\d+$/.test(id));
  return byNumber.length > 0 ? byNumber : named;
}

function byCdi(cdi: readonly string[], here: readonly GpuCard[], configured: boolean, shared: boolean): DaemonGpus {
  const nameOf = ({ id, index }: GpuCard) => {
    const number = index ?? CDI.exec(id)?.[1] ?? id;
    return [id, `nvidia.com/gpu=${id}`, `nvidia.com/gpu=${number}`].find((name) => cdi.includes(name));
  };
  if (configured) return given('cdi', here, nameOf);
  const names = new Map<string, string>();
  const cards = cdi.map((name) => {
    // A card of this machine keeps its id, by which other engines know it too; no card elsewhere may be taken for it.
    const unknown = { id: shared ? name : `daemon:${name}`, name, vramBytes: null };
    const card = here.find((one) => nameOf(one) === name) ?? unknown;
    names.set(card.id, name);
    return card;
  });
  return { method: 'cdi', cards, reason: '', names };
}

/** What the daemon calls the GPUs of a runner. Throws E_DOCKER_GPU. */
export function daemonNames(gpus: readonly string[], { names }: Pick<DaemonGpus, 'names'>): string[] {
  return gpus.map((gpu) => {
    const name = names.get(gpu);
    if (name !== undefined) return name;
    const known = [...names.values()].join(', ') || 'none';
    throw new WindtunnelError('E_DOCKER_GPU', `The Docker daemon does not know the GPU ${gpu}.`, {
      hint: `It knows ${known}. Name those under "gpus": {"devices": […]} in windtunnel.jsonc.`,
    });
  });
}

function renderNodes(dev: string): string[] {
  try {
    return readdirSync(`${dev}/dri`)
      .filter((name) => name.startsWith('renderD'))
      .map((name) => `${dev}/dri/${name}`);
  } catch {
    return []; // No graphics devices at all.
  }
}

/** What of a container's description gives it these GPUs. */
export function gpuRequest(
  method: GpuMethod | null,
  ids: readonly string[],
): Pick<Docker.HostConfig, 'DeviceRequests' | 'Devices' | 'GroupAdd'> {
  if (method === null || ids.length === 0) return {};
  if (method === 'rocm') {
    const kfd = `${ids[0]!.split('/dri/')[0]}/kfd`;
    const files = [kfd, ...ids];
    return {
      Devices: files.map((file) => ({
        PathOnHost: file,
        PathInContainer: `/dev/${file.slice(file.lastIndexOf('/dev/') + 1).replace(/^dev\//, '')}`,
        CgroupPermissions: 'rwm',
      })),
      // Numbers: the image need not know the groups `render` and `video` by name.
      GroupAdd: [...new Set(files.map((file) => String(statSync(file).gid)))],
    };
  }
  if (method === 'cdi') return { DeviceRequests: [{ Driver: 'cdi', Count: 0, DeviceIDs: [...ids], Capabilities: [] }] };
  return {
    DeviceRequests: [
      { Driver: 'nvidia', Count: 0, DeviceIDs: [...ids], Capabilities: [['gpu', 'compute', 'utility']], Options: {} },
    ],
  };
}

/** What the app's process is told of them, and what must be in the container once they were given. */
export function gpuContext(
  method: GpuMethod | null,
  ids: readonly string[],
): Pick<StartContext, 'devices' | 'expectedDevices'> {
  // An image may say `all`, and a daemon whose default runtime is NVIDIA's would obey it.
  if (method === null || ids.length === 0)
    return { devices: { NVIDIA_VISIBLE_DEVICES: 'void' }, expectedDevices: null };
  if (method === 'rocm') {
    return { devices: {}, expectedDevices: { patterns: ['/dev/dri/renderD*'], least: ids.length } };
  }
  if (ids.some((id) => id.startsWith('amd.com/'))) {
    return { devices: {}, expectedDevices: { patterns: ['/dev/dri/renderD*'], least: 1 } };
  }
  // In WSL all cards are behind one device.
  const wsl = existsSync('/dev/dxg');
  return {
    devices: { NVIDIA_VISIBLE_DEVICES: ids.map((id) => id.replace(CDI, '$1')).join(',') },
    expectedDevices: wsl
      ? { patterns: ['/dev/dxg'], least: 1 }
      : { patterns: ['/dev/nvidia[0-9]*'], least: ids.length },
  };
}
