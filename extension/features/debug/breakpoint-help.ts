import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import {
  type BreakpointFinding,
  type BreakpointStates,
  diagnose,
  loadedFilesExpression,
} from '../../core/breakpoint-doctor.ts';
import { type LaunchConfig, PathMappingSchema } from '../../core/launch-config.ts';
import { Debounced } from '../../platform/timers.ts';

/** So long the debugger has for a breakpoint before anything is said. ms. */
const PATIENCE_MS = 3_000;
const REPORT = 'windtunnel-breakpoints';
const MappingsSchema = z.array(PathMappingSchema);

export interface BreakpointHelpParts {
  config: LaunchConfig;
  states: BreakpointStates;
  /** Evaluates Python in the app, wherever it is. Rejects when the debugger cannot. */
  evaluate(expression: string): Promise<string>;
  /** Settles once the app serves, or does not. */
  ready: Promise<unknown>;
  /** Debugs the app anew. */
  restart(changes: Partial<LaunchConfig>): Promise<void>;
}

/** Says, once a session, why breakpoints are not hit, and mends it where a path or a switch does. */
export class BreakpointHelp implements vscode.Disposable {
  private readonly parts: BreakpointHelpParts;
  private readonly timer = new Debounced(PATIENCE_MS, () => void this.look());
  private isReady = false;
  private done = false;

  constructor(parts: BreakpointHelpParts) {
    this.parts = parts;
  }

  /** The debugger has all breakpoints. */
  begin(): void {
    this.timer.trigger();
  }

  dispose(): void {
    this.done = true;
    this.timer.dispose();
  }

  private async look(): Promise<void> {
    const findings = await this.findings();
    if (this.done || findings.length === 0) return;
    if (!this.isReady && findings.every(({ cause }) => cause === 'not-loaded')) {
      // What is imported last may be what they stand in.
      await this.parts.ready.catch(() => undefined);
      this.isReady = true;
      return this.look();
    }
    this.done = true;
    await this.tell(findings);
  }

  private async findings(): Promise<BreakpointFinding[]> {
    const { states, evaluate, config } = this.parts;
    const unbound = states.unbound();
    if (unbound.length === 0) return [];
    let loaded: string[];
    try {
      loaded = z.parse(z.array(z.string()), JSON.parse(await evaluate(loadedFilesExpression(unbound))));
    } catch {
      // The session has ended, or the debugger cannot tell: then nothing is known of these breakpoints.
      return [];
    }
    const own = `${path.dirname(config.file)}${path.sep}`;
    // Breakpoints of other projects are set here too, and nobody expects them to be hit.
    return diagnose(unbound, loaded).filter(({ cause, file }) => cause !== 'not-loaded' || file.startsWith(own));
  }

  private async tell(findings: readonly BreakpointFinding[]): Promise<void> {
    const [first] = findings;
    if (!first) return;
    const where = `${path.basename(first.file)}:${first.line}`;
    const text =
      findings.length === 1
        ? vscode.l10n.t('The breakpoint at {0} will not be hit. {1}', where, reasonOf(first))
        : vscode.l10n.t('{0} breakpoints will not be hit, such as {1}. {2}', findings.length, where, reasonOf(first));
    const mapPaths = vscode.l10n.t('Map Paths and Restart');
    const allCode = vscode.l10n.t('Debug Packages Too');
    const report = vscode.l10n.t('Show Report');
    const fixes = [
      ...(findings.some(({ cause }) => cause === 'elsewhere') ? [mapPaths] : []),
      ...(findings.some(({ cause }) => cause === 'library') ? [allCode] : []),
    ];
    const chosen = await vscode.window.showWarningMessage(text, ...fixes, report);
    if (chosen === report) await showReport(findings, this.parts.config);
    if (chosen === allCode) await this.parts.restart({ justMyCode: false });
    if (chosen === mapPaths) await this.map(findings);
  }

  private async map(findings: readonly BreakpointFinding[]): Promise<void> {
    const { config, restart } = this.parts;
    const found = findings.flatMap((finding) => (finding.cause === 'elsewhere' ? [finding.mapping] : []));
    const added = [...new Map(found.map((one) => [`${one.localRoot} ${one.remoteRoot}`, one])).values()];
    const pathMappings = [...added, ...pathMappingsOf(config)];
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(config.file));
    if (config.pathMappings === undefined && folder) {
      const portable = pathMappings.map(({ localRoot, remoteRoot }) => ({
        localRoot: localRoot.replace(folder.uri.fsPath, WORKSPACE_FOLDER),
        remoteRoot,
      }));
      await settingsOf(config).update('pathMappings', portable, vscode.ConfigurationTarget.WorkspaceFolder);
    }
    await restart({ pathMappings });
  }
}

const WORKSPACE_FOLDER = `$\{workspaceFolder}`;
const settingsOf = ({ file }: LaunchConfig) =>
  vscode.workspace.getConfiguration('windtunnel.debug', vscode.Uri.file(file));

/** Those of the launch configuration, else those of the settings. */
export function pathMappingsOf(config: LaunchConfig): z.infer<typeof MappingsSchema> {
  if (config.pathMappings !== undefined) return config.pathMappings;
  const given = z.safeParse(MappingsSchema, settingsOf(config).get('pathMappings', []));
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(config.file))?.uri.fsPath ?? '';
  return (given.success ? given.data : []).map(({ localRoot, remoteRoot }) => ({
    localRoot: localRoot.replace(WORKSPACE_FOLDER, folder),
    remoteRoot,
  }));
}

function reasonOf(finding: BreakpointFinding): string {
  switch (finding.cause) {
    case 'elsewhere':
      return vscode.l10n.t('The app has loaded this file from {0}.', finding.loaded);
    case 'library':
      return vscode.l10n.t('It stands in a package, and only your own code is debugged.');
    case 'not-loaded':
      return vscode.l10n.t('The app has imported no file of that name.');
  }
}

/** The text of the report, by its number in the address: an open one keeps its own. */
const reports: string[] = [];

export function registerBreakpointReports(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(REPORT, {
    provideTextDocumentContent: ({ query }) => reports[Number(query)] ?? '',
  });
}

async function showReport(findings: readonly BreakpointFinding[], config: LaunchConfig): Promise<void> {
  const lines = findings.flatMap((finding) => [
    `## ${finding.file}:${finding.line}`,
    '',
    reasonOf(finding),
    '',
    `- ${vscode.l10n.t('What the debugger says: {0}', finding.message.replace(/\s+/g, ' ') || '-')}`,
    ...(finding.cause === 'elsewhere'
      ? [
          `- ${vscode.l10n.t('Here: {0}', finding.file)}`,
          `- ${vscode.l10n.t('In the runner: {0}', finding.loaded)}`,
          `- ${vscode.l10n.t('What mends it: {0}', JSON.stringify(finding.mapping))}`,
        ]
      : []),
    '',
  ]);
  const text = [
    `# ${vscode.l10n.t('Breakpoints that are not hit')}`,
    '',
    `\`justMyCode\`: ${config.justMyCode ?? true} · \`pathMappings\`: \`${JSON.stringify(pathMappingsOf(config))}\``,
    '',
    ...lines,
  ].join('\n');
  const query = String(reports.push(text) - 1);
  const uri = vscode.Uri.from({ scheme: REPORT, path: `${path.basename(config.file)}.md`, query });
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}
