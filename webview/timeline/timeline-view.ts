import * as l10n from '@vscode/l10n';
import type { RunnerMemory } from '../../emulator/contract/timeline.ts';
import type { RequestRow, RunnerRow, TimelineModel } from './timeline-model.ts';

/** The part of time that is seen, ms since the epoch. */
export interface Window {
  from: number;
  to: number;
}

export type Row =
  | { kind: 'runner'; id: string; runner: RunnerRow }
  | { kind: 'request'; id: string; request: RequestRow };

/** px. */
export const ROW_HEIGHT = 20;
export const DEPTH_HEIGHT = 56;
const SHORTEST_MS = 20;

/** Lanes of runners, then requests, newest first. `app` null: of all. */
export function rowsOf(model: TimelineModel, app: string | null): Row[] {
  const mine = (row: { app: string }) => app === null || row.app === app;
  const runners = [...model.runners.values()].filter(mine).reverse();
  const requests = [...model.requests.values()].filter(mine).reverse();
  return [
    ...runners.map((runner): Row => ({ kind: 'runner', id: runner.id, runner })),
    ...requests.map((request): Row => ({ kind: 'request', id: request.id, request })),
  ];
}

/** The rows between two places of the scrolled list: what has to be drawn, however many there are. */
export function visibleRows(
  rows: readonly Row[],
  top: number,
  height: number,
): { first: number; rows: readonly Row[] } {
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT));
  return { first, rows: rows.slice(first, Math.ceil((top + height) / ROW_HEIGHT) + 1) };
}

export const xOf = (at: number, { from, to }: Window, width: number): number => ((at - from) / (to - from)) * width;

/** Nearer (`factor` below 1) or farther, the moment at `centre` (0 to 1 of the width) stays where it is. */
export function zoomed(window: Window, factor: number, centre: number): Window {
  const at = window.from + (window.to - window.from) * centre;
  const length = Math.max(SHORTEST_MS, (window.to - window.from) * factor);
  return { from: at - length * centre, to: at + length * (1 - centre) };
}

export const moved = ({ from, to }: Window, share: number): Window => {
  const by = (to - from) * share;
  return { from: from + by, to: to + by };
};

/** Everything, with a little room at both ends. */
export function fitted(model: TimelineModel, now: number): Window {
  const span = model.span(now) ?? { from: now - 60_000, to: now };
  const length = Math.max(1000, span.to - span.from);
  return { from: span.from - length * 0.02, to: span.from + length * 1.04 };
}

/** Moments for the scale: about eight, at round seconds, minutes or hours. */
export function ticks({ from, to }: Window): { at: number; label: string }[] {
  const wanted = (to - from) / 8;
  const step = STEPS_MS.find((one) => one >= wanted) ?? STEPS_MS.at(-1)!;
  const marks: { at: number; label: string }[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const time = new Date(at).toLocaleTimeString(undefined, { hour12: false });
    marks.push({ at, label: step < 1000 ? `${time}.${String(at % 1000).padStart(3, '0')}` : time });
  }
  return marks;
}

const STEPS_MS = [
  5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
  3_600_000, 21_600_000, 86_400_000,
];

/** A row in words, for screen readers and the detail's head. */
export function rowText(row: Row): string {
  if (row.kind === 'runner') {
    const { id, app, states, exit, memory } = row.runner;
    const last = states.at(-1);
    const state = last && last.to === null ? last.kind : exit ? l10n.t('ended ({0})', exit) : l10n.t('ended');
    return l10n.t('Runner {0} of {1}: {2}', id.slice(0, 8), app, listed([state, memoryText(memory)]));
  }
  const { id, app, path, status, parts, attempts, kind } = row.request;
  const [first, last] = [parts[0], parts.at(-1)];
  const over = last && last.to !== null && first ? `${((last.to - first.from) / 1000).toFixed(2)} s` : '';
  const going = last?.kind === 'queued' ? l10n.t('waits') : l10n.t('runs');
  const answer = status === null ? going : status === 0 ? l10n.t('no answer') : String(status);
  const tries = attempts > 1 ? l10n.t('{0} attempts', attempts) : '';
  const said = listed([answer, over, tries, kind === 'direct' ? l10n.t('direct') : '']);
  return l10n.t('Request {0} {1}: {2}', id.slice(0, 8), `${app}${path === '/' ? '' : path}`, said);
}

const listed = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ');

/** `812 MB`, with GPUs `812 MB, GPU 0: 3.4 of 80.0 GB`; empty where nothing can be told. */
export function memoryText({ bytes, gpu }: RunnerMemory): string {
  const gigabytes = (one: number | null) => (one === null ? '?' : (one / 2 ** 30).toFixed(1));
  return [
    ...(bytes === null ? [] : [`${Math.round(bytes / 2 ** 20)} MB`]),
    ...(gpu === null
      ? []
      : [l10n.t('GPU {0}: {1} of {2} GB', gpu.ids.join(', '), gigabytes(gpu.used), gigabytes(gpu.total))]),
  ].join(', ');
}
