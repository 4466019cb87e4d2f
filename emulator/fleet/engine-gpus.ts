import { type AppSettings, type GpuUse, WindtunnelError } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import { asksForGpu, type GpuAnswer, type GpuPolicy, GpuSlots, gpuDemands, gpuFit } from '../core/gpu-slots.ts';
import type { Log } from '../core/log.ts';
import type { EngineGpus, RunnerEngine } from '../engines/engine.ts';
import type { AppDefinition, AppView } from './fleet.ts';
import type { RunnerPlace } from './runner-host.ts';

type EngineName = RunnerEngine['name'];
type Asking = Pick<AppDefinition, 'id' | 'engine' | 'settings'>;

/** Longer than a daemon takes that is there: one that is gone is no reason to wait with a registration. */
const ASK_MS = 2000;

/** The one book of GPUs, and what each engine reaches: asked of it when an app needs one, for none of them keeps a book. */
export class EngineGpuBook {
  readonly policy: GpuPolicy;
  private readonly slots: GpuSlots;
  private readonly engines: Partial<Record<EngineName, RunnerEngine>>;
  private readonly clock: Clock;
  private readonly log: Log;
  /** The last answer of each engine that gave one. */
  private readonly reached = new Map<EngineName, EngineGpus>();

  constructor(options: {
    engines: Partial<Record<EngineName, RunnerEngine>>;
    clock: Clock;
    log: Log;
    policy: GpuPolicy | undefined;
  }) {
    const { engines, clock, log, policy } = options;
    this.slots = new GpuSlots(policy);
    this.policy = this.slots.policy;
    this.engines = engines;
    this.clock = clock;
    this.log = log;
  }

  /** Asks an engine what it reaches; where it cannot be asked, what was known before counts. */
  async look(engine: EngineName): Promise<void> {
    const limit = new AbortController();
    const timer = this.clock.setTimeout(() => limit.abort(new Error(`no answer within ${ASK_MS} ms`)), ASK_MS);
    try {
      await this.ask(engine, limit.signal);
    } catch (error) {
      // Whatever it is, a start tells it.
      this.log.debug('no engine to ask for its GPUs', { engine, error });
    } finally {
      timer.cancel();
    }
  }

  /** Before an app is registered. Rejects with E_GPU_DEMAND where what it asks for can never be had here. */
  async check(definition: Asking): Promise<void> {
    const { engine, settings } = definition;
    if (!asksForGpu(gpuDemands(settings))) return;
    await this.look(engine);
    this.checkKnown(definition);
  }

  /** By what is known already. Throws E_GPU_DEMAND. */
  checkKnown({ id, engine, settings }: Asking): void {
    const known = this.reached.get(engine);
    if (known) this.slots.check(id, gpuDemands(settings), known.cards);
  }

  /** A place for a runner; null where its engine was never reached, so that its GPUs are not known. */
  take(runner: string, { engine, settings }: Asking): GpuAnswer | null {
    const demands = gpuDemands(settings);
    const known = this.reached.get(engine);
    if (!known && asksForGpu(demands)) return null;
    return this.slots.take(runner, demands, known?.cards ?? []);
  }

  /** The same once the engine can be reached. Rejects with E_GPU_DEMAND where none is free, and what keeps the engine from telling. */
  async takeLate(runner: string, definition: Asking, signal: AbortSignal): Promise<RunnerPlace> {
    const { id, engine, settings } = definition;
    const { cards } = await this.ask(engine, signal);
    const demands = gpuDemands(settings);
    this.slots.check(id, demands, cards);
    const place = this.slots.take(runner, demands, cards);
    if (place.kind === 'taken') return place;
    throw new WindtunnelError('E_GPU_DEMAND', `No GPU is free for ${id}: other runners have those that would do.`);
  }

  /** The runner is no more. True: it had GPUs. */
  free(runner: string): boolean {
    return this.slots.free(runner);
  }

  /** The cards of an engine, and why there is none; null where it was never reached. */
  of(engine: EngineName): EngineGpus | null {
    return this.reached.get(engine) ?? null;
  }

  /** For each machine type of an app that asks for a GPU, whether what is here would do. */
  demandsOf({ engine, settings }: { engine: EngineName; settings: AppSettings }): AppView['gpuDemands'] {
    const demands = gpuDemands(settings);
    const cards = this.reached.get(engine)?.cards ?? [];
    return asksForGpu(demands) ? demands.map((demand) => ({ ...demand, fit: gpuFit(demand, cards) })) : [];
  }

  /** All cards that engines are known to reach, with their holders. */
  uses(): GpuUse[] {
    const uses = new Map<string, GpuUse>();
    for (const [engine, { cards }] of this.reached) {
      for (const card of cards) {
        const use = uses.get(card.id) ?? { ...card, engines: [], runners: this.slots.holders(card.id) };
        use.engines.push(engine);
        uses.set(card.id, use);
      }
    }
    return [...uses.values()];
  }

  private async ask(name: EngineName, signal: AbortSignal): Promise<EngineGpus> {
    const engine = this.engines[name];
    if (!engine) throw new WindtunnelError('E_ENGINE_UNAVAILABLE', `The ${name} engine is not available`);
    const answer = await engine.gpus(signal);
    this.reached.set(name, answer);
    return answer;
  }
}
