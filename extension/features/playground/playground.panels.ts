import * as vscode from 'vscode';
import * as z from 'zod/mini';
import { FromPlaygroundSchema, type ToPlayground, toWindtunnelError } from '../../../emulator/contract/index.ts';
import type { AppTarget, CommandArgument } from '../../core/app-target.ts';
import { endpointPath } from '../run/app-commands.ts';
import { pickApp } from '../run/pick-app.ts';
import { pageHtml, pagesFolder, panelIcon } from '../webview/page-html.ts';
import { type PlaygroundContext, PlaygroundSession } from './playground-session.ts';

const VIEW_TYPE = 'windtunnel.playground';

/** What a panel keeps over a reload of its window. */
const SavedSchema = z.object({ target: z.object({ file: z.string(), symbol: z.string() }), path: z.string() });

/** The playgrounds of this window, one for each app. */
export class PlaygroundPanels implements vscode.Disposable {
  private readonly context: PlaygroundContext;
  private readonly extensionUri: vscode.Uri;
  private readonly open = new Map<string, { panel: vscode.WebviewPanel; session: PlaygroundSession }>();
  private readonly subscriptions: vscode.Disposable;

  constructor(context: PlaygroundContext, extensionUri: vscode.Uri) {
    this.context = context;
    this.extensionUri = extensionUri;
    this.subscriptions = vscode.Disposable.from(
      vscode.commands.registerCommand('windtunnel.playground.openPanel', (argument: CommandArgument, path?: unknown) =>
        this.openFor(argument, path),
      ),
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, {
        deserializeWebviewPanel: async (panel, state) => {
          const saved = SavedSchema.safeParse(state);
          if (saved.success) this.attach(panel, saved.data.target, saved.data.path);
          else panel.dispose();
        },
      }),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const { panel } of this.open.values()) panel.dispose();
  }

  /** Opens the playground of an app with the input of a recorded request in its form. */
  async edit(target: AppTarget, request: string): Promise<void> {
    const session = await this.openFor(target, undefined);
    await session?.handle({ type: 'edit', run: request });
  }

  private async openFor(argument: CommandArgument, named: unknown): Promise<PlaygroundSession | null> {
    const app = await pickApp(this.context.apps, argument);
    if (!app) return null;
    const target = { file: app.found.file, symbol: app.found.symbol };
    const path = endpointPath(argument, named, app);
    const known = this.open.get(keyOf(target));
    if (known) {
      known.session.select(path);
      known.panel.reveal();
    } else {
      const panel = vscode.window.createWebviewPanel(VIEW_TYPE, '', vscode.ViewColumn.Beside);
      this.attach(panel, target, path);
    }
    // The form is the app's own: it has to run to tell it.
    if (!app.live && vscode.workspace.isTrusted) await this.context.runner.run(app);
    return this.open.get(keyOf(target))?.session ?? null;
  }

  private attach(panel: vscode.WebviewPanel, target: AppTarget, path: string): void {
    const { webview } = panel;
    panel.title = vscode.l10n.t('Playground: {0}', target.symbol);
    panel.iconPath = panelIcon(this.extensionUri);
    webview.options = { enableScripts: true, localResourceRoots: [pagesFolder(this.extensionUri)] };
    const post = (message: ToPlayground) => void webview.postMessage(message);
    const session = new PlaygroundSession(this.context, target, path, post);
    this.open.set(keyOf(target), { panel, session });
    const listening = webview.onDidReceiveMessage(async (raw: unknown) => {
      try {
        await session.handle(FromPlaygroundSchema.parse(raw));
      } catch (thrown) {
        void vscode.window.showErrorMessage(toWindtunnelError(thrown).message);
      }
    });
    panel.onDidDispose(() => {
      listening.dispose();
      session.dispose();
      this.open.delete(keyOf(target));
    });
    webview.html = pageHtml(webview, this.extensionUri, 'playground', panel.title);
  }
}

const keyOf = ({ file, symbol }: AppTarget): string => `${file}::${symbol}`;
