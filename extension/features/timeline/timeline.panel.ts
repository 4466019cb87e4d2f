import * as vscode from 'vscode';
import * as z from 'zod/mini';
import type { ControlClient } from '../../../emulator/client/control-client.ts';
import {
  type EmulatorEvent,
  type FromTimeline,
  FromTimelineSchema,
  type PlaygroundRun,
  type ToTimeline,
  toWindtunnelError,
} from '../../../emulator/contract/index.ts';
import { logLine, newRun, recordedRun } from '../../core/playground/recorded-run.ts';
import { runnerMemory } from '../../core/runner-memory.ts';
import { Debounced } from '../../platform/timers.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import type { Emulators } from '../emulator/emulators.ts';
import { pickSession } from '../emulator/pick-session.ts';
import { pageHtml, pagesFolder, panelIcon } from '../webview/page-html.ts';

const VIEW_TYPE = 'windtunnel.timeline';
const SavedSchema = z.object({ workspace: z.string() });
/** As many as the page keeps. */
const RECORDED = 10_000;
/** Events go to the page together. ms. */
const TOGETHER_MS = 100;

export interface TimelineContext {
  emulators: Emulators;
  /** Opens a recorded request in the playground of its app. */
  editInPlayground(file: string, symbol: string, request: string): Promise<void>;
}

/** The timeline of each emulator of this window. */
export class TimelinePanels implements vscode.Disposable {
  private readonly context: TimelineContext;
  private readonly extensionUri: vscode.Uri;
  private readonly open = new Map<string, vscode.WebviewPanel>();
  private readonly subscriptions: vscode.Disposable;

  constructor(context: TimelineContext, extensionUri: vscode.Uri) {
    this.context = context;
    this.extensionUri = extensionUri;
    this.subscriptions = vscode.Disposable.from(
      vscode.commands.registerCommand('windtunnel.timeline.openPanel', () => this.show()),
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, {
        deserializeWebviewPanel: async (panel, state) => {
          const saved = SavedSchema.safeParse(state);
          if (saved.success) this.attach(panel, this.context.emulators.of(saved.data.workspace));
          else panel.dispose();
        },
      }),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const panel of this.open.values()) panel.dispose();
  }

  private async show(): Promise<void> {
    const session = await pickSession(this.context.emulators);
    if (!session) return;
    const known = this.open.get(session.workspace);
    if (known) known.reveal();
    else this.attach(vscode.window.createWebviewPanel(VIEW_TYPE, '', vscode.ViewColumn.Active), session);
  }

  private attach(panel: vscode.WebviewPanel, session: EmulatorSession): void {
    const { webview } = panel;
    panel.title = vscode.l10n.t('Timeline');
    panel.iconPath = panelIcon(this.extensionUri);
    webview.options = { enableScripts: true, localResourceRoots: [pagesFolder(this.extensionUri)] };
    this.open.set(session.workspace, panel);
    const feed = new TimelineFeed(session, (message) => void webview.postMessage(message));
    const listening = webview.onDidReceiveMessage(async (raw: unknown) => {
      try {
        await this.handle(FromTimelineSchema.parse(raw), session, feed);
      } catch (thrown) {
        void vscode.window.showErrorMessage(toWindtunnelError(thrown).message);
      }
    });
    panel.onDidDispose(() => {
      listening.dispose();
      feed.dispose();
      this.open.delete(session.workspace);
    });
    webview.html = pageHtml(webview, this.extensionUri, 'timeline', panel.title);
  }

  private async handle(message: FromTimeline, session: EmulatorSession, feed: TimelineFeed): Promise<void> {
    switch (message.type) {
      case 'ready':
        return feed.begin();
      case 'detail':
        return feed.detail(message.request);
      case 'replay':
        return feed.replay(message.request);
      case 'openInPlayground': {
        const { request } = (await session.client?.request(message.request)) ?? {};
        const app = session.status?.apps.find(({ id }) => id === request?.app);
        if (request && app) await this.context.editInPlayground(app.file, app.symbol, request.id);
        return;
      }
      case 'copyText':
        return vscode.env.clipboard.writeText(message.text);
    }
  }
}

/** What goes to one timeline's page: records of before, then events as they happen. */
class TimelineFeed implements vscode.Disposable {
  private readonly session: EmulatorSession;
  private readonly post: (message: ToTimeline) => void;
  private readonly subscription: vscode.Disposable;
  private readonly together = new Debounced(TOGETHER_MS, () => this.flush());
  private waiting: EmulatorEvent[] = [];
  private client: ControlClient | null = null;
  private following: AbortController | null = null;

  constructor(session: EmulatorSession, post: (message: ToTimeline) => void) {
    this.session = session;
    this.post = post;
    this.subscription = session.onDidChange(() => {
      if (session.client !== this.client) void this.begin();
      else this.memory();
    });
  }

  /** From the start: at the page's first word, and for each emulator after another. */
  async begin(): Promise<void> {
    this.following?.abort();
    this.waiting = [];
    const { client } = this.session;
    this.client = client;
    if (!client) return this.post({ type: 'ended' });
    const following = new AbortController();
    this.following = following;
    this.post({ type: 'reset', workspace: this.session.workspace });
    this.post({ type: 'recorded', requests: await client.requests({ limit: RECORDED }) });
    for await (const event of client.events({ replay: true }, following.signal)) {
      if (event.type === 'log' || event.type === 'environment.progress') continue;
      this.waiting.push(event);
      this.together.trigger();
    }
  }

  async detail(id: string): Promise<void> {
    const { client } = this.session;
    if (!client) return;
    this.post({ type: 'detail', run: await story(client, id) });
  }

  /** Runs it again; the page goes on with the new one. */
  async replay(id: string): Promise<void> {
    const { client } = this.session;
    if (!client) return;
    const { replay } = await client.replay(id);
    this.post({ type: 'select', request: replay.id });
  }

  dispose(): void {
    this.subscription.dispose();
    this.together.dispose();
    this.following?.abort();
  }

  private flush(): void {
    this.post({ type: 'events', events: this.waiting });
    this.waiting = [];
    this.memory();
  }

  private memory(): void {
    const { status } = this.session;
    if (status) this.post({ type: 'memory', runners: runnerMemory(status) });
  }
}

/** A queued request's record; of a direct call, which leaves none, its log lines. */
async function story(client: ControlClient, id: string): Promise<PlaygroundRun> {
  try {
    return recordedRun(await client.request(id));
  } catch (thrown) {
    if (toWindtunnelError(thrown).code !== 'E_UNKNOWN_REQUEST') throw thrown;
    const run = newRun({ id, path: '', mode: 'direct', at: 0, input: null });
    const done = new AbortController();
    for await (const { line } of client.logs({ of: id, follow: false }, done.signal)) run.logs.push(logLine(line));
    return { ...run, request: id, state: 'COMPLETED' };
  }
}
