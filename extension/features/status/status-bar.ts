import * as vscode from 'vscode';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import type { Emulators } from '../emulator/emulators.ts';

/** The one status bar item: what the emulators of this window do; a click offers what can be done with them. */
export class StatusBar implements vscode.Disposable {
  private readonly emulators: Emulators;
  private readonly item = vscode.window.createStatusBarItem('windtunnel.status', vscode.StatusBarAlignment.Left, 50);
  private readonly subscription: vscode.Disposable;

  constructor(emulators: Emulators) {
    this.emulators = emulators;
    this.item.name = 'Windtunnel';
    this.item.command = 'windtunnel.emulator.showActions';
    this.subscription = emulators.onDidChange(() => this.update());
    this.update();
    this.item.show();
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }

  private update(): void {
    const states = this.emulators.all.map(({ state }) => state);
    const apps = states.flatMap((state) => (state.kind === 'running' ? state.status.apps : []));
    const failed = states.some(({ kind }) => kind === 'failed');
    const busy = apps.reduce((sum, { running }) => sum + running, 0);
    this.item.backgroundColor = failed ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    if (failed) this.item.text = '$(error) Windtunnel';
    else if (states.some(({ kind }) => kind === 'starting')) this.item.text = '$(loading~spin) Windtunnel';
    else if (apps.length > 0) this.item.text = `$(${busy > 0 ? 'pulse' : 'circle-filled'}) Windtunnel: ${apps.length}`;
    else this.item.text = '$(circle-outline) Windtunnel';
    this.item.tooltip = this.tooltip();
    this.item.accessibilityInformation = { label: spoken(states, apps.length) };
  }

  private tooltip(): string {
    const lines = this.emulators.all.map((session) => `${session.workspace}: ${described(session)}`);
    return lines.length > 0 ? lines.join('\n') : vscode.l10n.t('The Windtunnel emulator does not run');
  }
}

/** What the icon and the colour of the item say. */
function spoken(states: readonly EmulatorSession['state'][], apps: number): string {
  const kinds = new Set(states.map(({ kind }) => kind));
  if (kinds.has('failed')) return vscode.l10n.t('Windtunnel emulator, failed');
  if (kinds.has('starting')) return vscode.l10n.t('Windtunnel emulator, starting');
  return kinds.has('running')
    ? vscode.l10n.t('Windtunnel emulator, {0} apps running', apps)
    : vscode.l10n.t('Windtunnel emulator, not running');
}

function described({ state }: EmulatorSession): string {
  switch (state.kind) {
    case 'running':
      return state.hello.url;
    case 'failed':
      return state.error.message;
    case 'starting':
      return vscode.l10n.t('starting');
    case 'stopped':
      return vscode.l10n.t('not running');
  }
}
