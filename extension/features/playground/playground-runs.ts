import { randomUUID } from 'node:crypto';
import * as vscode from 'vscode';
import {
  type AppStatus,
  type FormSchema,
  type PlaygroundRun,
  type SendMode,
  type ToPlayground,
  toWindtunnelError,
} from '../../../emulator/contract/index.ts';
import { newRun, recordedRun } from '../../core/playground/recorded-run.ts';
import { now } from '../../platform/timers.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import { DirectLogs } from './direct-logs.ts';
import { outputMedia } from './output-media.ts';
import {
  cancelQueued,
  followQueued,
  type Sending,
  sendDirect,
  sendQueued,
  sendRealtime,
  sendStream,
} from './request-sender.ts';

/** What the requests of a playground need of it. */
export interface RunSource {
  session: EmulatorSession;
  /** The app, started where it does not run; null where it cannot be. */
  live(): Promise<AppStatus | null>;
  form(path: string): FormSchema | null;
  headers(): Promise<Record<string, string>>;
  post(message: ToPlayground): void;
  /** A run has changed: the history shows it. */
  changed(): void;
}

interface Running {
  cancelled: AbortController;
  sending: Sending;
}

/** The requests of one playground: sent, followed to their end, sent again. */
export class PlaygroundRuns implements vscode.Disposable {
  private readonly source: RunSource;
  private readonly runs = new Map<string, PlaygroundRun>();
  private readonly running = new Map<string, Running>();
  private readonly directLogs: DirectLogs;

  constructor(source: RunSource) {
    this.source = source;
    this.directLogs = new DirectLogs(source.session);
  }

  get all(): PlaygroundRun[] {
    return [...this.runs.values()];
  }

  dispose(): void {
    this.directLogs.dispose();
    for (const { cancelled } of this.running.values()) cancelled.abort();
  }

  async send(path: string, mode: SendMode, input: string): Promise<void> {
    const run = newRun({ id: randomUUID(), path, mode, at: now(), input: JSON.parse(input) });
    const by = { queue: sendQueued, direct: sendDirect, stream: sendStream, realtime: sendRealtime };
    await this.carryOut(run, (sending) => by[mode](sending, input));
  }

  async replay(id: string): Promise<void> {
    const original = await this.found(id);
    if (original.mode !== 'queue' || original.request === null) {
      return this.send(original.path, original.mode, JSON.stringify(original.input));
    }
    const { client } = this.source.session;
    if (!client) return;
    const { replay } = await client.replay(original.request);
    const run = newRun({ id: replay.id, path: original.path, mode: 'queue', at: now(), input: original.input });
    await this.carryOut({ ...run, request: replay.id, state: 'IN_QUEUE' }, (sending) =>
      followQueued(sending, replay.id),
    );
  }

  private async carryOut(run: PlaygroundRun, send: (sending: Sending) => Promise<void>): Promise<void> {
    this.runs.set(run.id, run);
    this.source.post({ type: 'run', run, show: true });
    const cancelled = new AbortController();
    const changed = () => {
      this.source.post({ type: 'run', run, show: false });
      this.source.changed();
    };
    try {
      const sending = await this.sending(run, cancelled.signal, changed);
      this.running.set(run.id, { cancelled, sending });
      await send(sending);
      await this.showMedia(run);
    } catch (thrown) {
      const state = cancelled.signal.aborted ? 'cancelled' : 'failed';
      Object.assign(run, { state, error: state === 'cancelled' ? null : toWindtunnelError(thrown).message });
    } finally {
      this.running.delete(run.id);
      changed();
    }
  }

  private async sending(run: PlaygroundRun, signal: AbortSignal, changed: () => void): Promise<Sending> {
    const live = await this.source.live();
    const { client, status } = this.source.session;
    if (!live || !client || !status) throw new Error(vscode.l10n.t('The app does not run.'));
    const log = (lines: PlaygroundRun['logs']) => {
      run.logs.push(...lines);
      changed();
    };
    return {
      url: status.url,
      app: live.id,
      path: run.path,
      form: this.source.form(run.path),
      headers: await this.source.headers(),
      client,
      signal,
      change: (change) => {
        Object.assign(run, change);
        changed();
      },
      log,
      event: (value) => {
        run.events.push(value);
        changed();
      },
      claim: (request) => {
        // A queued one's lines come with its status.
        if (run.mode === 'queue') return;
        this.directLogs.claim(request, log, (seconds) => {
          run.seconds = seconds;
          run.timings = [{ label: 'run', seconds }];
          changed();
        });
      },
    };
  }

  async cancel(id: string): Promise<void> {
    const running = this.running.get(id);
    const run = this.runs.get(id);
    if (!running || !run) return;
    // A queued one ends by the emulator's word: its result says that it was cancelled.
    if (run.mode === 'queue' && run.request) await cancelQueued(running.sending, run.request);
    else running.cancelled.abort();
  }

  async show(id: string): Promise<void> {
    const run = await this.found(id);
    this.source.post({ type: 'run', run, show: true });
    await this.showMedia(run);
    this.source.post({ type: 'run', run, show: false });
  }

  /** A run of this playground, or of the emulator's records. */
  async found(id: string): Promise<PlaygroundRun> {
    const known = this.runs.get(id);
    if (known) return known;
    const client = await this.source.session.ensure();
    const run = recordedRun(await client.request(id));
    this.runs.set(id, run);
    return run;
  }

  private async showMedia(run: PlaygroundRun): Promise<void> {
    const url = this.source.session.status?.url;
    if (run.output === undefined || !url) return;
    run.media = await outputMedia(run.output, url, (media, bytes) =>
      this.source.post({ type: 'media', url: media.url, contentType: media.contentType, bytes }),
    );
  }
}
