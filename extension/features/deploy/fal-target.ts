import * as vscode from 'vscode';

/** Where at fal a file's app goes: settings of its folder, each empty where fal's own choice counts. */
export interface FalTarget {
  environment: string;
  profile: string;
  team: string;
}

const SECTION = 'windtunnel.deploy';

export function falTarget(file: string): FalTarget {
  const settings = vscode.workspace.getConfiguration(SECTION, vscode.Uri.file(file));
  const text = (name: keyof FalTarget) => settings.get<string>(name, '').trim();
  return { environment: text('environment'), profile: text('profile'), team: text('team') };
}

/** The same as flags of the CLI. */
export function targetFlags({ environment, profile, team }: FalTarget): string[] {
  const flag = (name: string, value: string) => (value === '' ? [] : [name, value]);
  return [...flag('--env', environment), ...flag('--profile', profile), ...flag('--team', team)];
}

/** Asks which of the three is to be another one, and writes that into the settings. Resolves whether it is. */
export async function changeTarget(file: string): Promise<boolean> {
  const uri = vscode.Uri.file(file);
  const now = falTarget(file);
  const unset = vscode.l10n.t('as fal chooses');
  const choices = [
    { label: vscode.l10n.t('Environment'), name: 'environment', description: now.environment || 'main' },
    { label: vscode.l10n.t('Profile'), name: 'profile', description: now.profile || unset },
    { label: vscode.l10n.t('Team'), name: 'team', description: now.team || unset },
  ] as const;
  const title = vscode.l10n.t('Deploy Elsewhere');
  const chosen = await vscode.window.showQuickPick(choices, {
    title,
    placeHolder: vscode.l10n.t('Which of these is to be another?'),
    ignoreFocusOut: true,
  });
  if (!chosen) return false;
  const value = await vscode.window.showInputBox({
    title: `${title}: ${chosen.label}`,
    prompt: vscode.l10n.t('Its name at fal; nothing for the usual one'),
    value: now[chosen.name],
    ignoreFocusOut: true,
  });
  if (value === undefined || value.trim() === now[chosen.name]) return false;
  const { WorkspaceFolder, Global } = vscode.ConfigurationTarget;
  const where = vscode.workspace.getWorkspaceFolder(uri) ? WorkspaceFolder : Global;
  await vscode.workspace.getConfiguration(SECTION, uri).update(chosen.name, value.trim() || undefined, where);
  return true;
}
