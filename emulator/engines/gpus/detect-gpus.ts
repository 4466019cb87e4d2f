import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GpuCard } from '../../contract/index.ts';

/** How this machine is asked; tests answer in its place. */
export interface GpuProbes {
  /** Stdout of a program, null where it is missing, fails or says nothing in time. */
  run(command: string, args: readonly string[]): Promise<string | null>;
  /** Texts of the CDI specifications (JSON or YAML) of this machine. */
  cdiSpecs(): readonly string[];
  /** Names of what is in /dev. */
  devices(): readonly string[];
}

const NVIDIA = ['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits'];
const ROCM = ['--showproductname', '--showmeminfo', 'vram', '--json'];
const MiB = 2 ** 20;

/**
 * The GPUs of this machine, by NVIDIA's tool, else AMD's, else the CDI devices that a toolkit has written down, else what a driver
 * has left in /dev. Apple's counts as none: an app finds it as MPS, never as CUDA.
 */
export async function detectGpus(probes: GpuProbes): Promise<GpuCard[]> {
  const nvidia = nvidiaCards((await probes.run('nvidia-smi', NVIDIA)) ?? '');
  if (nvidia.length > 0) return nvidia;
  const amd = rocmCards((await probes.run('rocm-smi', ROCM)) ?? '');
  if (amd.length > 0) return amd;
  const written = probes.cdiSpecs().flatMap(cdiCards);
  return written.length > 0 ? written : driverCards(probes.devices());
}

/** `0, GPU-5ad…, NVIDIA RTX 4090, 24564`, a line a card; memory in MiB. */
export function nvidiaCards(csv: string): GpuCard[] {
  return csv.split('\n').flatMap((line) => {
    const [index = '', id = '', name = '', memory = ''] = line.split(',').map((cell) => cell.trim());
    // Without a driver that answers it prints words, and a card on unified memory says `[N/A]`.
    if (!/^(GPU|MIG)-/.test(id)) return [];
    return [{ id, name, vramBytes: /^\d+$/.test(memory) ? Number(memory) * MiB : null, index: Number(index) }];
  });
}

/** `{"card0": {"Card Series": …, "VRAM Total Memory (B)": …}}`; the spelling of the keys changes with its versions. */
export function rocmCards(json: string): GpuCard[] {
  let cards: unknown;
  try {
    cards = JSON.parse(json);
  } catch {
    return []; // Not there, or it complains in words.
  }
  if (typeof cards !== 'object' || cards === null) return [];
  return Object.entries(cards).flatMap(([key, fields]: [string, unknown]) => {
    const index = /^card(\d+)$/.exec(key)?.[1];
    if (index === undefined || typeof fields !== 'object' || fields === null) return [];
    const field = (pattern: RegExp): string | undefined =>
      Object.entries(fields)
        .find(([name]) => pattern.test(name))?.[1]
        ?.toString();
    const bytes = Number(field(/vram total memory/i));
    const name = field(/card (series|model)/i) ?? 'AMD GPU';
    return [{ id: `amd.com/gpu=${index}`, name, vramBytes: Number.isFinite(bytes) ? bytes : null }];
  });
}

/** Devices of one CDI specification of GPUs; a card that is listed by number and by UUID counts once. */
export function cdiCards(spec: string): GpuCard[] {
  const kind = /^\s*"?kind"?: *"?((?:nvidia|amd)\.com\/gpu)"?/m.exec(spec)?.[1];
  if (kind === undefined) return [];
  const names = [...spec.matchAll(/^\s{0,8}(?:- )?"?name"?: *"?([\w.:-]+)"?,?\s*$/gm)].map((match) => match[1]!);
  const numbers = names.filter((name) => /^\d+$/.test(name));
  const chosen = numbers.length > 0 ? numbers : names.filter((name) => name !== 'all');
  return [...new Set(chosen)].map((name) => ({ id: `${kind}=${name}`, name: `${kind}=${name}`, vramBytes: null }));
}

/** Without a tool all that is known of a card is its number. */
function driverCards(devices: readonly string[]): GpuCard[] {
  const numbers = devices.flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? []).sort();
  // In WSL all cards are behind one device.
  const nvidia = numbers.length === 0 && devices.includes('dxg') ? ['0'] : numbers;
  if (nvidia.length > 0) return nvidia.map((id) => ({ id, name: `NVIDIA GPU ${id}`, vramBytes: null }));
  if (!devices.includes('kfd')) return [];
  const nodes = devices.filter((name) => name.startsWith('dri/renderD'));
  return nodes.map((_, n) => ({ id: `amd.com/gpu=${n}`, name: `AMD GPU ${n}`, vramBytes: null }));
}

const PROBE_MS = 5000;
/** Where toolkits write CDI specifications (CNCF container device interface). */
const CDI_FOLDERS = ['/etc/cdi', '/var/run/cdi'];

/** Asks this machine. `env` is for PATH. */
export function systemGpuProbes(env: NodeJS.ProcessEnv, folders: readonly string[] = CDI_FOLDERS): GpuProbes {
  return {
    run: (command, args) =>
      new Promise((resolve) => {
        execFile(command, args, { env, timeout: PROBE_MS, encoding: 'utf8' }, (error, stdout) =>
          resolve(error ? null : stdout),
        );
      }),
    cdiSpecs: () =>
      folders.flatMap((folder) =>
        namesIn(folder)
          .filter((name) => /\.(json|ya?ml)$/.test(name))
          .map((name) => readFileSync(join(folder, name), 'utf8')),
      ),
    devices: () => [...namesIn('/dev'), ...namesIn('/dev/dri').map((name) => `dri/${name}`)],
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // No toolkit has written any, no driver made one.
  }
}

/** Why a machine has no GPU to give. */
export const NO_GPU = 'no driver of one answers';

/** Variables that show a process these GPUs and no others: a machine type without a GPU has none, also where this machine has. */
export function visibleDevices(gpus: readonly string[]): Record<string, string> {
  if (gpus.length === 0) return { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1' };
  const amd = gpus.flatMap((id) => /^amd\.com\/gpu=(.+)$/.exec(id)?.[1] ?? []);
  if (amd.length > 0) return { HIP_VISIBLE_DEVICES: amd.join(',') };
  const nvidia = gpus.map((id) => id.replace(/^nvidia\.com\/gpu=/, '')).join(',');
  return { CUDA_VISIBLE_DEVICES: nvidia, NVIDIA_VISIBLE_DEVICES: nvidia };
}
