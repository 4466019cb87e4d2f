import { type AppSettings, WindtunnelError } from '../contract/index.ts';
import { machineType } from './machine-types.ts';

/** A GPU of the machine that runners run on. */
export interface GpuCard {
  /** What a runner is given of it: a UUID, or another id that its engine knows. */
  id: string;
  name: string;
  /** Null where it cannot be told: such a card is large enough. */
  vramBytes: number | null;
}

export interface GpuPolicy {
  /** Runners that one card may have at once; 1: its runner's own. */
  runnersPerGpu: number;
  /** Whether a card may be smaller than that of the machine type. */
  memory: 'required' | 'ignored';
}

export const GPU_POLICY: GpuPolicy = { runnersPerGpu: 1, memory: 'required' };

/** What one machine type of an app's list asks for. */
export interface GpuDemand {
  /** Machine type, as written. */
  machine: string;
  /** 0 for a machine without a GPU. */
  count: number;
  vramBytes: number;
}

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

/** Which runner has which GPU: each runner's are its own, unless sharing was asked for. No engine keeps this book. */
export class GpuSlots {
  readonly cards: readonly GpuCard[];
  readonly policy: GpuPolicy;
  /** Card → the runners on it. */
  private readonly load = new Map<string, Set<string>>();

  constructor(cards: readonly GpuCard[], policy: GpuPolicy = GPU_POLICY) {
    this.cards = cards;
    this.policy = policy;
    for (const { id } of cards) this.load.set(id, new Set());
  }

  /** Throws E_GPU_DEMAND when no machine type of the list could ever be had here. Without any GPU an app gets none. */
  check(demands: readonly GpuDemand[], app: string): void {
    if (this.cards.length === 0 || demands.some((demand) => this.fitting(demand).length >= demand.count)) return;
    const wanted = demands.map((demand) => this.describe(demand)).join(', or ');
    const have = this.cards.map(({ name, vramBytes }) => `${name}${gigabytes(vramBytes)}`).join(', ');
    const tooSmall = demands.some(({ count }) => count <= this.cards.length);
    throw new WindtunnelError('E_GPU_DEMAND', `${app} asks for ${wanted}; this machine has ${have}.`, {
      hint: tooSmall
        ? 'List a smaller machine_type after it, or set "gpus": {"memory": "ignored"} in windtunnel.jsonc to try it anyway.'
        : 'Lower num_gpus, or list another machine_type after it.',
    });
  }

  /** GPUs for a runner: of the first machine type whose demand is met now. It holds them until `free`. */
  take(runner: string, demands: readonly GpuDemand[]): GpuAnswer {
    const holders = new Set<string>();
    for (const demand of demands) {
      const { machine, count } = demand;
      if (count === 0 || this.cards.length === 0) return { kind: 'taken', machine, gpus: [] };
      const fitting = this.fitting(demand);
      if (fitting.length < count) continue;
      const open = fitting.filter((card) => this.on(card).size < this.policy.runnersPerGpu);
      if (open.length >= count) return { kind: 'taken', machine, gpus: this.give(runner, open, count) };
      for (const card of fitting) for (const holder of this.on(card)) holders.add(holder);
    }
    return { kind: 'busy', holders: [...holders] };
  }

  /** The runner is no more. True: it had GPUs. */
  free(runner: string): boolean {
    let had = false;
    for (const runners of this.load.values()) had = runners.delete(runner) || had;
    return had;
  }

  /** Runners by card; for what people are shown. */
  holders(): { card: GpuCard; runners: string[] }[] {
    return this.cards.map((card) => ({ card, runners: [...this.on(card)] }));
  }

  private give(runner: string, open: GpuCard[], count: number): string[] {
    // The emptiest first, of these the smallest that does: a large card stays free for who needs it.
    const size = ({ vramBytes }: GpuCard) => vramBytes ?? Number.POSITIVE_INFINITY;
    const order = open.toSorted((a, b) => this.on(a).size - this.on(b).size || size(a) - size(b));
    const given = order.slice(0, count);
    for (const card of given) this.on(card).add(runner);
    return given.map(({ id }) => id);
  }

  private fitting({ vramBytes: wanted }: GpuDemand): GpuCard[] {
    if (this.policy.memory === 'ignored') return [...this.cards];
    return this.cards.filter(({ vramBytes }) => vramBytes === null || vramBytes >= wanted * VRAM_TOLERANCE);
  }

  private on(card: GpuCard): Set<string> {
    return this.load.get(card.id)!;
  }

  private describe({ machine, count, vramBytes }: GpuDemand): string {
    return `${count} × ${machine}${this.policy.memory === 'required' ? gigabytes(vramBytes) : ''}`;
  }
}

const gigabytes = (bytes: number | null): string => (bytes ? ` (${Math.round(bytes / 1e9)} GB)` : '');
