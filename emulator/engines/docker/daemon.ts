import { toWindtunnelError } from '../../contract/index.ts';
import type { Log } from '../../core/log.ts';
import { isDaemonGone } from './docker-errors.ts';
import { askFacts, type DaemonSearch, type FoundDaemon, findDaemon, ping } from './find-daemon.ts';

/** A daemon that worked before is waited for so long (ms): a restart takes 1 to 13 s. */
const RETURN_MS = 60_000;
const ASK_AGAIN_MS = 500;
/** That it answered counts so long (ms); what it said of itself, while it answers, so long. */
const FRESH_MS = 5_000;
const FACTS_FRESH_MS = 60_000;
const PING_MS = 2_000;

/** The one daemon that the engine uses: found at first need, looked for anew when it is gone. */
export class Daemon {
  private readonly search: DaemonSearch;
  private readonly log: Log;
  private found: FoundDaemon | null = null;
  private checkedAt = Number.NEGATIVE_INFINITY;
  private factsAt = Number.NEGATIVE_INFINITY;
  private finding: Promise<FoundDaemon> | null = null;

  constructor(search: DaemonSearch, log: Log) {
    this.search = search;
    this.log = log;
  }

  /** The daemon if it was found already; asks nobody. */
  get known(): FoundDaemon | null {
    return this.found;
  }

  /** Rejects with E_DOCKER_*. One that worked before is waited for; `onWait` is told once. */
  async connect(signal: AbortSignal, onWait: (line: string) => void = () => undefined): Promise<FoundDaemon> {
    const { clock } = this.search;
    if (this.found && clock.monotonic() - this.checkedAt < FRESH_MS) return this.found;
    const workedBefore = this.found !== null;
    const until = clock.monotonic() + (workedBefore ? RETURN_MS : 0);
    let told = false;
    for (;;) {
      try {
        return await this.find(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (clock.monotonic() >= until || !isDaemonGone(error)) throw error;
        if (!told) {
          told = true;
          onWait(`The Docker daemon is gone; waiting up to ${RETURN_MS / 1000} s for it to come back`);
          this.log.warn('the Docker daemon is gone', { error: toWindtunnelError(error).message });
        }
        await clock.sleep(ASK_AGAIN_MS, signal);
      }
    }
  }

  /** What was known of it may be wrong: the next call asks it again. */
  doubt(): void {
    this.checkedAt = Number.NEGATIVE_INFINITY;
    this.factsAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether it answers now. */
  async answers(): Promise<boolean> {
    if (!this.found) return false;
    try {
      await ping(this.found.docker, this.search.clock, PING_MS);
      return true;
    } catch {
      return false;
    }
  }

  private async find(signal: AbortSignal): Promise<FoundDaemon> {
    // Shared: runners that start together ask once.
    this.finding ??= this.again().finally(() => {
      this.finding = null;
    });
    const found = await this.finding;
    signal.throwIfAborted();
    return found;
  }

  private async again(): Promise<FoundDaemon> {
    const { found, search } = this;
    const address = found?.candidate.address;
    if (found && address) {
      try {
        await ping(found.docker, search.clock, PING_MS);
        if (search.clock.monotonic() - this.factsAt < FACTS_FRESH_MS) return this.keep(found);
        return this.learn({ ...found, facts: await askFacts(found.docker, address, search.clock) });
      } catch (error) {
        this.log.debug('the Docker daemon is looked for anew', { error: toWindtunnelError(error).message });
      }
    }
    return this.learn(await findDaemon(search));
  }

  private learn(found: FoundDaemon): FoundDaemon {
    this.factsAt = this.search.clock.monotonic();
    return this.keep(found);
  }

  private keep(found: FoundDaemon): FoundDaemon {
    if (this.found?.candidate.url !== found.candidate.url || this.found.facts.version !== found.facts.version) {
      const { kind, version } = found.facts;
      this.log.info('using a container engine', { kind, version, at: found.candidate.url });
    }
    this.found = found;
    this.checkedAt = this.search.clock.monotonic();
    return found;
  }
}
