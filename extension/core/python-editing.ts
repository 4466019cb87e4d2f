import * as l10n from '@vscode/l10n';
import { type FoundApp, MACHINE_TYPE_NAMES, MACHINE_TYPES } from '../../emulator/contract/index.ts';
import { APP_ATTRIBUTES } from '../../emulator/find/checks/sdk-attributes.ts';

/** What this machine has, to set beside what fal's has. */
export interface ThisMachine {
  memoryBytes: number;
  cpus: number;
  /** What its GPUs are called; null while no emulator has looked. */
  gpus: readonly string[] | null;
}

const GB = 1e9;

/** A machine type in Markdown: what it has at fal and what stands for it here; null for an unknown one. */
export function machineText(name: string, here: ThisMachine): string | null {
  const type = MACHINE_TYPES[name.toUpperCase()];
  if (!type) return null;
  const { cpus, memoryBytes, vramBytes } = type;
  const rows = [
    ...(vramBytes ? [l10n.t('{0} GB of GPU memory', vramBytes / GB)] : []),
    ...(vramBytes === 0 ? [l10n.t('any GPU')] : []),
    ...(cpus === null ? [] : [cpus === 1 ? l10n.t('1 CPU') : l10n.t('{0} CPUs', cpus)]),
    ...(memoryBytes === null ? [] : [l10n.t('{0} GB of memory', memoryBytes / GB)]),
  ];
  const there = l10n.t('{0} at fal: {1}.', `**${name.toUpperCase()}**`, rows.join(', '));
  const mine = l10n.t('This machine has {0} CPUs and {1} GB of memory.', here.cpus, Math.round(here.memoryBytes / GB));
  return `${there}\n\n${mine}${vramBytes === null ? '' : ` ${gpuText(here)}`}`;
}

function gpuText({ gpus }: ThisMachine): string {
  if (gpus === null) return l10n.t('Its GPUs: {0}.', '[Doctor](command:windtunnel.doctor.run)');
  return gpus.length > 0
    ? l10n.t('Its GPUs: {0}.', gpus.join(', '))
    : l10n.t('It has no GPU: the app runs on the CPU.');
}

/** The machine type that a column of a line stands in; null where the line sets none. */
export function machineTypeAt(line: string, column: number): { name: string; start: number; end: number } | null {
  if (!/\bmachine_type\b\s*(?::[^=]*)?=/.test(line)) return null;
  for (const { 0: quoted, index } of line.matchAll(/(["'])([\w-]*)\1/g)) {
    const end = index + quoted.length;
    if (column >= index && column <= end) return { name: quoted.slice(1, -1), start: index, end };
  }
  return null;
}

export interface Suggestion {
  label: string;
  kind: 'attribute' | 'machine';
  detail: string;
  /** Text to insert, with VS Code's tab stops. */
  insert: string;
}

/** What may be written at a place (line from 1) of a file with these apps. */
export function suggestions(apps: readonly FoundApp[], line: number, before: string): Suggestion[] {
  if (/\bmachine_type\b\s*(?::[^=]*)?=.*["'][\w-]*$/.test(before)) {
    return MACHINE_TYPE_NAMES.map((name) => ({ label: name, kind: 'machine', detail: sizeOf(name), insert: name }));
  }
  const app = apps.find(({ kind, lines }) => kind === 'app' && line > lines.start && line <= lines.end + 1);
  // One level in: the body of the class, not that of a method.
  if (!app || !/^(?: {4}|\t)\w*$/.test(before)) return [];
  return APP_ATTRIBUTES.map((label) => ({
    label,
    kind: 'attribute',
    detail: 'fal.App',
    insert: label === 'machine_type' ? 'machine_type = "$1"' : `${label} = $1`,
  }));
}

function sizeOf(name: string): string {
  const type = MACHINE_TYPES[name];
  if (!type) return '';
  if (type.vramBytes !== null)
    return type.vramBytes === 0 ? l10n.t('any GPU') : l10n.t('{0} GB of GPU memory', type.vramBytes / GB);
  return l10n.t('{0} CPU, {1} GB', type.cpus ?? 0, (type.memoryBytes ?? 0) / GB);
}
