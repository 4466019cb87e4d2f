import * as vscode from 'vscode';
import {
  type AppStatus,
  DESCRIPTION_PATH,
  type EmulatorEvent,
  type FromPlayground,
  type PlaygroundEndpoint,
  type PlaygroundState,
  type RequestSummary,
  type ToPlayground,
  toWindtunnelError,
} from '../../../emulator/contract/index.ts';
import type { AppTarget } from '../../core/app-target.ts';
import { appLabel, appState, type KnownApp } from '../../core/app-tree.ts';
import { clientCode } from '../../core/client-code.ts';
import { endpointForms } from '../../core/playground/endpoint-forms.ts';
import { historyEntry, historyOfRecord } from '../../core/playground/recorded-run.ts';
import { startStep } from '../../core/start-step.ts';
import { Debounced } from '../../platform/timers.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import type { Emulators } from '../emulator/emulators.ts';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';
import type { AppLogs } from '../logs/app-logs.ts';
import type { LastInputs } from '../run/last-inputs.ts';
import type { AppRunner } from '../run/run-app.ts';
import { fileBytes, uploadFile } from './file-transfer.ts';
import { PlaygroundRuns } from './playground-runs.ts';

export interface PlaygroundContext {
  apps: WorkspaceApps;
  emulators: Emulators;
  runner: AppRunner;
  logs: AppLogs;
  inputs: LastInputs;
}

// Events come in bursts. ms.
const SETTLE_MS = 120;
const HISTORY = 50;

/** One playground: what its page shows, and what its page asks for. Knows no panel; `post` reaches the page. */
export class PlaygroundSession implements vscode.Disposable {
  readonly target: AppTarget;
  private readonly context: PlaygroundContext;
  private readonly post: (message: ToPlayground) => void;
  private selected: string;
  private endpoints: PlaygroundEndpoint[] = [];
  private problem: string | null = null;
  /** How far the start is. */
  private step: string | null = null;
  /** Revision that `endpoints` were read from. */
  private revision: string | null = null;
  private readonly runs: PlaygroundRuns;
  private recorded: RequestSummary[] = [];
  private readonly settle = new Debounced(SETTLE_MS, () => void this.refresh());
  private readonly subscriptions: vscode.Disposable;

  constructor(context: PlaygroundContext, target: AppTarget, path: string, post: (message: ToPlayground) => void) {
    this.context = context;
    this.target = target;
    this.selected = path;
    this.post = post;
    this.runs = new PlaygroundRuns({
      session: this.session,
      live: async () => this.app?.live ?? (await this.startedApp()),
      form: (path) => this.endpoints.find((endpoint) => endpoint.path === path)?.form ?? null,
      headers: () => this.headers(),
      post,
      changed: () => this.settle.trigger(),
    });
    this.subscriptions = vscode.Disposable.from(
      this.runs,
      this.settle,
      context.apps.onDidChange(() => this.settle.trigger()),
      this.session.onEvent(({ event, replayed }) => {
        if (!replayed) this.startStep(event);
      }),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  select(path: string): void {
    this.selected = path;
    this.settle.trigger();
  }

  async handle(message: FromPlayground): Promise<void> {
    switch (message.type) {
      case 'ready':
        return this.refresh();
      case 'startApp':
        return this.startApp();
      case 'showAppLogs':
        return this.context.logs.show(this.target.file);
      case 'select':
        return this.select(message.path);
      case 'remember':
        return this.remember(message.path, message.input);
      case 'send':
        await this.remember(message.path, message.input);
        return this.runs.send(message.path, message.mode, message.input);
      case 'cancel':
        return this.runs.cancel(message.run);
      case 'show':
        return this.runs.show(message.run);
      case 'replay':
        return this.runs.replay(message.run);
      case 'edit': {
        const { path, input } = await this.runs.found(message.run);
        return this.post({ type: 'fill', path, input: JSON.stringify(input ?? {}, null, 2) });
      }
      case 'upload':
        return this.upload(message);
      case 'copyCode':
        return this.copyCode(message);
      case 'copyText':
        return vscode.env.clipboard.writeText(message.text);
      case 'saveMedia':
        return this.saveMedia(message.url);
    }
  }

  private startStep(event: EmulatorEvent): void {
    const step = startStep(event);
    const { app } = this;
    if (step === null || !app?.live || !('app' in event) || event.app !== app.live.id) return;
    this.step = step;
    if (appState(app) === 'starting') this.post({ type: 'state', state: this.state(app) });
  }

  /** A change of the app's source, its runners or its requests. */
  private async refresh(): Promise<void> {
    const app = this.app;
    if (app) {
      await this.readForms(app);
      await this.readHistory(app);
    }
    this.post({ type: 'state', state: this.state(app) });
  }

  private state(app: KnownApp | null): PlaygroundState {
    const live = app?.live ?? null;
    const state = !app || !live ? 'stopped' : appState(app) === 'starting' ? 'starting' : 'running';
    const own = new Set(this.runs.all.map(({ request }) => request));
    const history = [
      ...this.runs.all.map(historyEntry),
      ...this.recorded.filter(({ id }) => !own.has(id)).map(historyOfRecord),
    ];
    return {
      target: this.target,
      app: { id: live?.id ?? null, label: app ? appLabel(app) : this.target.symbol, state, step: this.step },
      problem: this.problem,
      endpoints: this.endpoints.map((endpoint) => ({
        ...endpoint,
        lastInput: app ? this.context.inputs.of(app, endpoint.path) : null,
      })),
      selected: this.endpoints.some(({ path }) => path === this.selected)
        ? this.selected
        : (this.endpoints[0]?.path ?? this.selected),
      history: history.toSorted((a, b) => b.at - a.at).slice(0, HISTORY),
    };
  }

  private async readForms(app: KnownApp): Promise<void> {
    const { live } = app;
    const url = this.session.status?.url;
    if (!live || !url || live.revision === this.revision || appState(app) === 'starting') return;
    try {
      const response = await fetch(`${url}/run/${live.id}${DESCRIPTION_PATH}`, { headers: await this.headers() });
      if (!response.ok) throw new Error(`openapi.json was answered with ${response.status}`);
      this.endpoints = endpointForms(await response.json(), live.endpoints);
      this.problem = this.endpoints.length > 0 ? null : vscode.l10n.t('The app describes no endpoint.');
      this.revision = live.revision;
    } catch (thrown) {
      this.problem = vscode.l10n.t('The form could not be made: {0}', toWindtunnelError(thrown).message);
      // Raw JSON needs no description.
      this.endpoints = live.endpoints
        .filter(({ kind }) => kind !== 'websocket')
        .map(({ path, kind }) => ({
          path,
          title: path,
          description: '',
          modes: kind === 'realtime' ? ['realtime'] : ['queue', 'direct', 'stream'],
          form: null,
          hints: [],
          lastInput: null,
        }));
    }
  }

  private async readHistory({ live }: KnownApp): Promise<void> {
    const { client } = this.session;
    if (live && client) this.recorded = await client.requests({ app: live.id, limit: HISTORY });
  }

  private async upload(file: Extract<FromPlayground, { type: 'upload' }>): Promise<void> {
    try {
      const { upload, name } = file;
      await this.session.ensure();
      const url = await uploadFile(this.session.status?.url ?? '', await this.headers(), file);
      this.post({ type: 'uploaded', upload, url, name });
    } catch (thrown) {
      this.post({ type: 'uploadFailed', upload: file.upload, message: toWindtunnelError(thrown).message });
    }
  }

  private async copyCode({ language, path, input }: Extract<FromPlayground, { type: 'copyCode' }>): Promise<void> {
    const { live } = this.app ?? {};
    const url = this.session.status?.url;
    if (!live || !url) return;
    await vscode.env.clipboard.writeText(clientCode(language, { app: live.id, path, url, input }));
    vscode.window.setStatusBarMessage(vscode.l10n.t('Copied'), 2000);
  }

  private async saveMedia(url: string): Promise<void> {
    const name = this.runs.all.flatMap(({ media }) => media).find((one) => one.url === url)?.name ?? 'result';
    const folder = vscode.Uri.file(this.session.workspace);
    const place = await vscode.window.showSaveDialog({ defaultUri: vscode.Uri.joinPath(folder, name) });
    if (place) await vscode.workspace.fs.writeFile(place, await fileBytes(url, this.session.status?.url ?? ''));
  }

  private async startApp(): Promise<void> {
    await this.startedApp();
    this.settle.trigger();
  }

  private async startedApp(): Promise<AppStatus | null> {
    await this.context.apps.ready();
    const app = this.app;
    return app ? (app.live ?? (await this.context.runner.run(app))) : null;
  }

  private async remember(path: string, input: string): Promise<void> {
    const app = this.app;
    if (app) await this.context.inputs.keep(app, path, input);
  }

  private headers(): Promise<Record<string, string>> {
    return this.session.callHeaders('playground');
  }

  private get session(): EmulatorSession {
    return this.context.emulators.of(this.target.file);
  }

  private get app(): KnownApp | null {
    return this.context.apps.inFile(this.target.file).find(({ found }) => found.symbol === this.target.symbol) ?? null;
  }
}
