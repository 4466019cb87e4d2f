import { type AppSettings, type GpuCard, type GpuDemand, type GpuFit, WindtunnelError } from '../contract/index.ts';
import { machineType } from './machine-types.ts';

export interface GpuPolicy {
  /** Runners that one card may have at once; 1: its runner's own. */
  runnersPerGpu: number;
  /** Whether a card may be smaller than that of the machine type. */
  memory: 'required' | 'ignored';
}

export const GPU_POLICY: GpuPolicy = { runnersPerGpu: 1, memory: 'required' };

export type GpuAnswer =
  | { kind: 'taken'; machine: string; gpus: string[] }
  /** Cards that would do are with these runners. */
  | { kind: 'busy'; holders: string[] };

/** Nvidia's 80 GB are 79.6 GiB on one card and 80 GB on the next. */
const VRAM_TOLERANCE = 0.95;

/** The demands of an app, in the order of its machine types. Unknown names are tried last, as a machine without a GPU. */
export function gpuDemands({ machineTypes, numGpus }: Pick<AppSettings, 'machineTypes' | 'numGpus'>): GpuDemand[] {
  const known = machineTypes.filter((name) => machineType(name) !== null);
  const names = known.length > 0 ? known : [machineTypes[0] ?? 'S'];
  return names.map((machine) => {
    const vramBytes = machineType(machine)?.vramBytes ?? null;
    if (vramBytes === null) return { machine, count: 0, vramBytes: 0 };
    return { machine, count: Math.max(1, numGpus ?? 1), vramBytes };
  });
}

/** Whether an app asks for a GPU at all: by some machine type of its list. */
export const asksForGpu = (demands: readonly GpuDemand[]): boolean => demands.some(({ count }) => count > 0);

/** What these cards are to a demand, whoever has them now. */
export function gpuFit(demand: GpuDemand, cards: readonly GpuCard[]): GpuFit {
  if (demand.count === 0) return 'fits';
  if (cards.length === 0) return 'none';
  if (cards.length < demand.count) return 'few';
  const large = cards.filter((card) => isLargeEnough(card, demand));
  if (large.length < demand.count) return 'small';
  return large.filter(({ vramBytes }) => vramBytes !== null).length >= demand.count ? 'fits' : 'unknown';
}

function isLargeEnough({ vramBytes }: GpuCard, demand: GpuDemand): boolean {
  return vramBytes === null || vramBytes >= demand.vramBytes * VRAM_TOLERANCE;
}

/**
 * Which runner has which GPU: each runner's are its own, unless sharing was asked for. The one book of all engines, which keep none:
 * whoever asks says which cards its engine reaches, and a card that two engines reach has one id.
 */
export class GpuSlots {
  readonly policy: GpuPolicy;
  /** Card → the runners on it. */
  private readonly load = new Map<string, Set<string>>();

  constructor(policy: GpuPolicy = GPU_POLICY) {
    this.policy = policy;
  }

  /** Throws E_GPU_DEMAND when no machine type of the list could ever be had of these cards. Without any an app gets none. */
  check(app: string, demands: readonly GpuDemand[], cards: readonly GpuCard[]): void {
    if (cards.length === 0 || demands.some((demand) => this.fitting(demand, cards).length >= demand.count)) return;
    const wanted = demands.map((demand) => this.describe(demand)).join(', or ');
    const have = cards.map(({ name, vramBytes }) => `${name}${gigabytes(vramBytes)}`).join(', ');
    const tooSmall = demands.some(({ count }) => count <= cards.length);
    throw new WindtunnelError('E_GPU_DEMAND', `${app} asks for ${wanted}; this machine has ${have}.`, {
      hint: tooSmall
        ? 'List a smaller machine_type after it, or set "gpus": {"memory": "ignored"} in windtunnel.jsonc to try it anyway.'
        : 'Lower num_gpus, or list another machine_type after it.',
    });
  }

  /** GPUs for a runner: of the first machine type whose demand is met now. It holds them until `free`. */
  take(runner: string, demands: readonly GpuDemand[], cards: readonly GpuCard[]): GpuAnswer {
    const holders = new Set<string>();
    for (const demand of demands) {
      const { machine, count } = demand;
      if (count === 0 || cards.length === 0) return { kind: 'taken', machine, gpus: [] };
      const fitting = this.fitting(demand, cards);
      if (fitting.length < count) continue;
      const open = fitting.filter(({ id }) => this.holders(id).length < this.policy.runnersPerGpu);
      if (open.length >= count) return { kind: 'taken', machine, gpus: this.give(runner, open, count) };
      for (const { id } of fitting) for (const holder of this.holders(id)) holders.add(holder);
    }
    return { kind: 'busy', holders: [...holders] };
  }

  /** The runner is no more. True: it had GPUs. */
  free(runner: string): boolean {
    let had = false;
    for (const [id, runners] of this.load) {
      had = runners.delete(runner) || had;
      if (runners.size === 0) this.load.delete(id);
    }
    return had;
  }

  /** The runners that have this card. */
  holders(id: string): string[] {
    return [...(this.load.get(id) ?? [])];
  }

  private give(runner: string, open: GpuCard[], count: number): string[] {
    // The emptiest first, of these the smallest that does: a large card stays free for who needs it.
    const size = ({ vramBytes }: GpuCard) => vramBytes ?? Number.POSITIVE_INFINITY;
    const load = ({ id }: GpuCard) => this.load.get(id)?.size ?? 0;
    const order = open.toSorted((a, b) => load(a) - load(b) || size(a) - size(b));
    const given = order.slice(0, count).map(({ id }) => id);
    for (const id of given) this.load.set(id, (this.load.get(id) ?? new Set()).add(runner));
    return given;
  }

  private fitting(demand: GpuDemand, cards: readonly GpuCard[]): GpuCard[] {
    return cards.filter((card) => this.policy.memory === 'ignored' || isLargeEnough(card, demand));
  }

  private describe({ machine, count, vramBytes }: GpuDemand): string {
    return `${count} × ${machine}${this.policy.memory === 'required' ? gigabytes(vramBytes) : ''}`;
  }
}

const gigabytes = (bytes: number | null): string => (bytes ? ` (${Math.round(bytes / 1e9)} GB)` : '');
