import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import type { ControlClient } from '../../../emulator/client/control-client.ts';
import { connectEmulator, findEmulator } from '../../../emulator/client/discover.ts';
import { workspacePaths } from '../../../emulator/client/paths.ts';
import {
  type AppId,
  type EmulatorEvent,
  type Hello,
  type RunRequest,
  type Status,
  toWindtunnelError,
  type WindtunnelError,
} from '../../../emulator/contract/index.ts';
import { LiveRequests } from '../../core/live-requests.ts';
import { runCliOk } from '../../platform/emulator-cli.ts';
import { thisHost } from '../../platform/host.ts';
import { Debounced, now } from '../../platform/timers.ts';
import { watchFolder } from '../../platform/watch-file.ts';
import { requireTrust } from '../../platform/workspace-trust.ts';

export type SessionState =
  | { kind: 'stopped' }
  | { kind: 'starting' }
  | { kind: 'running'; hello: Hello; status: Status }
  | { kind: 'failed'; error: WindtunnelError };

/** `replayed`: it happened before this window joined. */
export interface SessionEvent {
  event: EmulatorEvent;
  replayed: boolean;
}

// Events come in bursts; the status is asked for once they pause. ms.
const SETTLE_MS = 60;
/** An emulator that the editor started ends this long after its last client left (design §3). */
const LINGER_SECONDS = 30;

interface Live {
  client: ControlClient;
  ended: AbortController;
  /** Events before this are replayed ones. ms since the epoch. */
  since: number;
}

/** The emulator of one workspace as this window sees it: finds it, starts it, follows its events. */
export class EmulatorSession implements vscode.Disposable {
  readonly workspace: string;
  readonly requests = new LiveRequests();
  /** Under which this window holds the apps that it runs: they go when it closes. */
  readonly holder = randomUUID();
  private readonly emulatorJs: string;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly happened = new vscode.EventEmitter<SessionEvent>();
  private readonly settle = new Debounced(SETTLE_MS, () => void this.refresh());
  private readonly registryWatch: vscode.Disposable;
  private current: SessionState = { kind: 'stopped' };
  private live: Live | null = null;
  private starting: Promise<ControlClient> | null = null;
  private readonly removals = new Set<Promise<void>>();
  private disposed = false;

  readonly onDidChange = this.changed.event;
  readonly onEvent = this.happened.event;

  constructor(workspace: string, emulatorJs: string) {
    this.workspace = workspace;
    this.emulatorJs = emulatorJs;
    // An emulator that a terminal or another window starts shows by its registry file.
    this.registryWatch = watchFolder(dirname(workspacePaths(thisHost(), workspace).registry), () => void this.find());
  }

  get state(): SessionState {
    return this.current;
  }

  get status(): Status | null {
    return this.current.kind === 'running' ? this.current.status : null;
  }

  /** Joins the emulator if one runs; starts none. */
  async find(): Promise<void> {
    if (this.live || this.starting || this.disposed || !findEmulator(thisHost(), this.workspace)) return;
    try {
      await this.connect();
    } catch (error) {
      this.become({ kind: 'failed', error: toWindtunnelError(error) });
    }
  }

  /** The emulator, started where none runs. Rejects with why it cannot be. */
  async ensure(): Promise<ControlClient> {
    requireTrust();
    if (this.live) return this.live.client;
    this.starting ??= this.start().finally(() => {
      this.starting = null;
    });
    return this.starting;
  }

  /** Registers an app and holds it for this window. */
  async run(request: RunRequest, signal?: AbortSignal) {
    const client = await this.ensure();
    // A restart: the same app may still be on its way out.
    await Promise.allSettled(this.removals);
    return client.run(request, signal, this.holder);
  }

  /** Puts new runners in the place of an app's own; nothing where no emulator runs. */
  async restart(app: AppId): Promise<void> {
    requireTrust();
    await this.live?.client.restart(app);
  }

  async remove(app: AppId): Promise<void> {
    if (!this.live) return;
    const removal = this.live.client.remove(app).finally(() => this.removals.delete(removal));
    this.removals.add(removal);
    await removal;
  }

  /** What a call of an app carries: a key by this name, where the emulator asks for one. */
  async callHeaders(label: string): Promise<Record<string, string>> {
    if (this.current.kind !== 'running' || !this.current.hello.requireKey || !this.live) return {};
    const { secret } = await this.live.client.grant({ label, proxyEnv: {} });
    return { authorization: `Key local:${secret}` };
  }

  get client(): ControlClient | null {
    return this.live?.client ?? null;
  }

  async shutdown(): Promise<void> {
    await this.live?.client.shutdown();
  }

  dispose(): void {
    this.disposed = true;
    this.registryWatch.dispose();
    this.settle.dispose();
    this.live?.ended.abort();
    this.changed.dispose();
    this.happened.dispose();
  }

  private async start(): Promise<ControlClient> {
    this.become({ kind: 'starting' });
    try {
      const args = ['up', '--workspace', this.workspace, '--linger', String(LINGER_SECONDS), '--json'];
      await runCliOk(this.emulatorJs, args, { cwd: this.workspace });
      return await this.connect();
    } catch (thrown) {
      const error = toWindtunnelError(thrown);
      this.become({ kind: 'failed', error });
      throw error;
    }
  }

  private async connect(): Promise<ControlClient> {
    const { client } = await connectEmulator(thisHost(), this.workspace);
    const live: Live = { client, ended: new AbortController(), since: now() };
    this.live = live;
    void this.follow(live);
    await this.refresh();
    return client;
  }

  private async follow(live: Live): Promise<void> {
    try {
      for await (const event of live.client.events({ replay: true, holder: this.holder }, live.ended.signal)) {
        this.requests.apply(event);
        this.happened.fire({ event, replayed: event.at < live.since });
        if (event.type !== 'log') this.settle.trigger();
      }
    } catch (error) {
      this.become({ kind: 'failed', error: toWindtunnelError(error) });
    }
    if (this.live !== live) return;
    this.live = null;
    this.requests.clear();
    if (this.current.kind === 'running') this.become({ kind: 'stopped' });
  }

  private async refresh(): Promise<void> {
    const { live } = this;
    if (!live) return;
    try {
      const [hello, status] = await Promise.all([live.client.hello(), live.client.status()]);
      if (this.live === live) this.become({ kind: 'running', hello, status });
    } catch (thrown) {
      const error = toWindtunnelError(thrown);
      // Its end is told by the stream of events.
      if (error.code !== 'E_EMULATOR_DOWN') this.become({ kind: 'failed', error });
    }
  }

  private become(state: SessionState): void {
    if (this.disposed) return;
    this.current = state;
    this.changed.fire();
  }
}
