import type { AppId, RunAnswer, RunRequest } from '../../contract/index.ts';
import type { AppLauncher } from './app-launcher.ts';

/** Registered without a holder: the app stays until it is removed by name. */
const NOBODY = Symbol('nobody');
type Holder = string | typeof NOBODY;

/**
 * Who wants an app to be there. Several `run` of one file share it: it goes with the last of them, whether that says so or just
 * ends.
 */
export class AppHolders {
  private readonly launcher: Pick<AppLauncher, 'register' | 'remove'>;
  private readonly holders = new Map<AppId, Set<Holder>>();
  private readonly removals = new Map<AppId, Promise<void>>();

  constructor(launcher: Pick<AppLauncher, 'register' | 'remove'>) {
    this.launcher = launcher;
  }

  /** Registers an app for a holder, null for one that never leaves. */
  async register(request: RunRequest, holder: string | null, hasLeft: () => boolean): Promise<RunAnswer> {
    const answer = await this.launcher.register(request);
    const { id } = answer.app;
    const holders = this.holders.get(id) ?? new Set();
    this.holders.set(id, holders.add(holder ?? NOBODY));
    // It left while its app was read: nobody would ever take it away.
    if (holder !== null && hasLeft()) await this.leave(id, holder);
    return answer;
  }

  /** Resolves when the app is gone, if this was its last holder. */
  async leave(app: AppId, holder: string): Promise<void> {
    const holders = this.holders.get(app);
    if (holders?.delete(holder) && holders.size === 0) await this.remove(app);
    // Its end may have been noticed before it was told.
    else await this.removals.get(app);
  }

  async leaveAll(holder: string): Promise<void> {
    const held = [...this.holders].filter(([, holders]) => holders.has(holder));
    await Promise.all(held.map(([app]) => this.leave(app, holder)));
  }

  /** Takes an app away, whoever holds it. */
  async remove(app: AppId): Promise<void> {
    this.holders.delete(app);
    const removal = this.launcher.remove(app).finally(() => {
      if (this.removals.get(app) === removal) this.removals.delete(app);
    });
    this.removals.set(app, removal);
    await removal;
  }
}
