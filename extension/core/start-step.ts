import type { EmulatorEvent } from '../../emulator/contract/index.ts';

/** What an event tells of a start that goes on, in one line; null: nothing. */
export function startStep(event: EmulatorEvent): string | null {
  if (event.type === 'environment.progress') return event.message.trimEnd().split('\n').at(-1)?.trim() || null;
  return event.type === 'runner.state' ? (event.phase ?? null) : null;
}
