import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import type Docker from 'dockerode';
import { type GpuDevice, WindtunnelError } from '../../contract/index.ts';
import type { StartContext } from '../link/start-message.ts';
import type { DaemonFacts } from './daemon-facts.ts';

/** How the daemon is told which GPUs a container gets. */
export type GpuMethod = 'cdi' | 'nvidia' | 'rocm';

export interface GpuInventory {
  method: GpuMethod | null;
  devices: readonly GpuDevice[];
  /** Why there is none, or none that can be used. */
  reason: string;
}

/** A card as `nvidia-smi` tells it. */
export interface HostGpu {
  index: number;
  uuid: string;
  name: string;
  vramBytes: number;
}

export interface GpuSources {
  /** Cards of this machine; empty without a driver. Counts only where the daemon is on this machine. */
  hostGpus(): Promise<readonly HostGpu[]>;
  /** Device files of this machine, for tests. */
  deviceFolder?: string;
}

const CDI = /^(?:nvidia|amd)\.com\/gpu=(.+)$/;

/** The GPUs that containers of this daemon can have, and by which way: CDI before the older requests. */
export async function gpuInventory(facts: DaemonFacts, sources: GpuSources): Promise<GpuInventory> {
  const dev = sources.deviceFolder ?? '/dev';
  const cards = facts.sharesFiles ? await sources.hostGpus() : [];
  const named = facts.cdiDevices.filter((id) => CDI.test(id) && !id.endsWith('=all'));
  // The toolkit lists each card by its number and by its UUID: one of the two, or a card would be given out twice.
  const byNumber = named.filter((id) => /=\d+$/.test(id));
  const cdi = byNumber.length > 0 ? byNumber : named;
  if (cdi.length > 0) return { method: 'cdi', devices: cdi.map((id) => cdiDevice(id, cards)), reason: '' };
  if (facts.kind === 'podman') {
    if (!facts.cdi) {
      const reason = `Podman ${facts.version} drops requests for GPUs silently; from 5.5 on it passes them on by CDI`;
      return { method: null, devices: [], reason };
    }
    if (cards.length > 0) {
      const devices = cards.map(({ index, name, vramBytes }) => ({ id: `nvidia.com/gpu=${index}`, name, vramBytes }));
      return { method: 'cdi', devices, reason: '' };
    }
  } else if (cards.length > 0) {
    const devices = cards.map(({ uuid, name, vramBytes }) => ({ id: uuid, name, vramBytes }));
    return { method: 'nvidia', devices, reason: '' };
  }
  if (facts.sharesFiles && existsSync(`${dev}/kfd`)) {
    const devices = renderNodes(dev).map((id) => ({ id, name: 'AMD ROCm', vramBytes: null }));
    if (devices.length > 0) return { method: 'rocm', devices, reason: '' };
  }
  const reason = facts.sharesFiles
    ? 'this machine has none whose driver answers'
    : 'the daemon is on another machine and names no GPU by CDI (`nvidia-ctk cdi generate` there)';
  return { method: null, devices: [], reason };
}

function cdiDevice(id: string, cards: readonly HostGpu[]): GpuDevice {
  const local = CDI.exec(id)?.[1] ?? '';
  const card = cards.find(({ index, uuid }) => String(index) === local || uuid === local);
  return { id, name: card?.name ?? id, vramBytes: card?.vramBytes ?? null };
}

/** GPUs of this machine, as `detectGpus` names them, by the names that the daemon has for them. Rejects with E_DOCKER_GPU. */
export async function deviceIds(
  gpus: readonly string[],
  devices: readonly GpuDevice[],
  sources: GpuSources,
): Promise<string[]> {
  const ids = new Set(devices.map(({ id }) => id));
  const cards = await sources.hostGpus();
  return gpus.map((gpu) => {
    const index = cards.find(({ uuid }) => uuid === gpu)?.index ?? CDI.exec(gpu)?.[1];
    const names = [gpu, `nvidia.com/gpu=${gpu}`, `nvidia.com/gpu=${index}`];
    // Without CDI an AMD card is the n-th of its render nodes.
    const found = names.find((name) => ids.has(name)) ?? (gpu.startsWith('amd.com/') && devices[Number(index)]?.id);
    if (found) return found;
    throw new WindtunnelError('E_DOCKER_GPU', `The Docker daemon does not know the GPU ${gpu}.`, {
      hint: `It knows ${[...ids].join(', ')}. Name those under "gpus": {"devices": […]} in windtunnel.jsonc.`,
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

const SMI = ['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits'];
const SMI_MS = 2_000;

/** Asks `nvidia-smi`; no cards where it is missing, fails or does not answer. */
export function nvidiaCards(env: NodeJS.ProcessEnv): Promise<readonly HostGpu[]> {
  return new Promise((resolve) => {
    execFile('nvidia-smi', SMI, { env, timeout: SMI_MS, encoding: 'utf8' }, (error, stdout) => {
      resolve(error ? [] : parseCards(stdout));
    });
  });
}

export function parseCards(text: string): HostGpu[] {
  return text.split('\n').flatMap((line) => {
    const [index = '', uuid = '', name = '', mebibytes = ''] = line.split(',').map((cell) => cell.trim());
    return /^\d+$/.test(index) && uuid !== ''
      ? [{ index: Number(index), uuid, name, vramBytes: Number(mebibytes) * 2 ** 20 }]
      : [];
  });
}
