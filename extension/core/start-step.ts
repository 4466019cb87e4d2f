import * as l10n from '@vscode/l10n';
import type { EmulatorEvent, StartPhase } from '../../emulator/contract/index.ts';

/** What an event tells of a start that goes on, in one line; null: nothing. */
export function startStep(event: EmulatorEvent): string | null {
  if (event.type === 'environment.progress') return event.message.trimEnd().split('\n').at(-1)?.trim() || null;
  return event.type === 'runner.state' && event.phase !== null ? phaseText(event.phase) : null;
}

/** A phase of a start in the language of the editor. */
export function phaseText(phase: StartPhase): string {
  const words: Record<StartPhase, string> = {
    installing: l10n.t('installing'),
    booting: l10n.t('booting'),
    importing: l10n.t('importing'),
    setup: l10n.t('setup'),
    ready: l10n.t('ready'),
  };
  return words[phase];
}
