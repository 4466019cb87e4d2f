import type { AppId, EmulatorEvent, LogLine, RunnerState } from '../../contract/index.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Apps } from '../../fleet/fleet.ts';

/** Runners that are no more and can still be listed. */
const DEAD_KEPT = 50;
const LINES_KEPT = 2000;

export interface KnownRunner {
  id: string;
  app: AppId;
  revision: string;
  machineType: string;
  state: RunnerState;
  /** ms since the epoch. */
  startedAt: number;
  endedAt: number | null;
  /** The newest lines, oldest first, of its requests as well. */
  lines: LogLine[];
}

/** What runners there are and were, and what they said, as `fal runners` asks for it. */
export class RunnerBook implements Disposable {
  private readonly runners = new Map<string, KnownRunner>();
  private readonly apps: Apps;
  private readonly subscription: Disposable;

  constructor(bus: EventBus, apps: Apps) {
    this.apps = apps;
    this.subscription = bus.on((event) => this.note(event));
  }

  dispose(): void {
    this.subscription.dispose();
  }

  get(id: string): KnownRunner | undefined {
    return this.runners.get(id);
  }

  /** Oldest first. */
  all(): KnownRunner[] {
    return [...this.runners.values()];
  }

  private note(event: EmulatorEvent): void {
    if (event.type === 'runner.state') {
      const known = this.runners.get(event.runner) ?? this.add(event.runner, event.app, event.at);
      known.state = event.state;
    } else if (event.type === 'runner.exit') {
      const known = this.runners.get(event.runner);
      if (!known) return;
      known.endedAt = event.at;
      this.prune();
    } else if (event.type === 'log' && event.runner !== null) {
      const lines = this.runners.get(event.runner)?.lines;
      lines?.push(event.line);
      if (lines && lines.length > LINES_KEPT * 1.2) lines.splice(0, lines.length - LINES_KEPT);
    }
  }

  private add(id: string, app: AppId, at: number): KnownRunner {
    const view = this.apps.get(app);
    const known: KnownRunner = {
      id,
      app,
      revision: view?.runners.find((runner) => runner.id === id)?.revision ?? view?.revision ?? '',
      machineType: view?.settings.machineTypes[0] ?? '',
      state: 'PENDING',
      startedAt: at,
      endedAt: null,
      lines: [],
    };
    this.runners.set(id, known);
    return known;
  }

  private prune(): void {
    const dead = this.all().filter(({ endedAt }) => endedAt !== null);
    for (const { id } of dead.slice(0, Math.max(0, dead.length - DEAD_KEPT))) this.runners.delete(id);
  }
}
