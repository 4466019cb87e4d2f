import * as l10n from '@vscode/l10n';
import type { Decision, DepthStep, RequestRow, Stretch } from './timeline-model.ts';
import { DEPTH_HEIGHT, memoryText, ROW_HEIGHT, type Row, ticks, type Window, xOf } from './timeline-view.ts';

/** Colours of the theme, read once for each theme. */
export interface Palette {
  text: string;
  muted: string;
  line: string;
  selected: string;
  queued: string;
  cold: string;
  run: string;
  failed: string;
  idle: string;
  starting: string;
  ending: string;
  background: string;
  contrast: boolean;
}

export function readPalette(body: HTMLElement): Palette {
  const style = getComputedStyle(body);
  const color = (name: string, fallback: string): string => style.getPropertyValue(name).trim() || fallback;
  const text = color('--vscode-foreground', '#888');
  return {
    text,
    muted: color('--vscode-descriptionForeground', text),
    line: color('--vscode-panel-border', color('--vscode-contrastBorder', '#8884')),
    selected: color('--vscode-list-activeSelectionBackground', '#8884'),
    queued: color('--vscode-charts-yellow', '#ca3'),
    cold: color('--vscode-charts-blue', '#38c'),
    run: color('--vscode-charts-green', '#3a5'),
    failed: color('--vscode-charts-red', '#c33'),
    idle: color('--vscode-charts-lines', '#8888'),
    starting: color('--vscode-charts-purple', '#95c'),
    ending: color('--vscode-charts-orange', '#d83'),
    background: color('--vscode-editor-background', '#000'),
    contrast: body.classList.contains('vscode-high-contrast') || body.classList.contains('vscode-high-contrast-light'),
  };
}

/** Labels stand left of the lanes; px. */
export const LABEL_WIDTH = 170;

export interface Scene {
  window: Window;
  rows: readonly Row[];
  /** Index of the first of `rows` in the whole list. */
  first: number;
  scrollTop: number;
  selected: string | null;
  depth: readonly DepthStep[];
  decisions: readonly Decision[];
  now: number;
}

/** Draws what is seen, and only that. Sizes in CSS px. */
export function drawTimeline(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  scene: Scene,
  palette: Palette,
): void {
  const lanes = width - LABEL_WIDTH;
  context.clearRect(0, 0, width, height);
  context.font = '11px sans-serif';
  context.textBaseline = 'middle';
  grid(context, lanes, height, scene, palette);
  for (const [index, row] of scene.rows.entries()) {
    const y = DEPTH_HEIGHT + (scene.first + index) * ROW_HEIGHT - scene.scrollTop;
    if (y + ROW_HEIGHT < DEPTH_HEIGHT) continue;
    if (row.id === scene.selected) {
      context.fillStyle = palette.selected;
      context.fillRect(0, y, width, ROW_HEIGHT);
      if (palette.contrast) frame(context, 0, y, width, palette.text);
    }
    context.fillStyle = palette.text;
    context.fillText(label(row), 8, y + ROW_HEIGHT / 2, LABEL_WIDTH - 16);
    if (row.kind === 'runner') {
      lane(context, row.runner.states, y, lanes, scene, palette, (state) => stateColor(state, palette));
      if (row.runner.states.at(-1)?.to === null) memory(context, memoryText(row.runner.memory), width, y, palette);
    } else lane(context, row.request.parts, y, lanes, scene, palette, (part) => partColor(part, row.request, palette));
  }
  scale(context, lanes, scene, palette);
}

function label(row: Row): string {
  if (row.kind === 'runner') return `▪ ${row.id.slice(0, 8)} ${row.runner.app.split('/')[1] ?? ''}`;
  return `${row.id.slice(0, 8)} ${row.request.path}`;
}

function lane<Kind extends string>(
  context: CanvasRenderingContext2D,
  stretches: readonly Stretch<Kind>[],
  y: number,
  width: number,
  { window, now }: Scene,
  palette: Palette,
  color: (kind: Kind) => string,
): void {
  for (const { kind, from, to } of stretches) {
    const end = to ?? now;
    if (end < window.from || from > window.to) continue;
    const left = Math.max(0, xOf(from, window, width));
    const right = Math.min(width, xOf(end, window, width));
    // What is over in less than a pixel is still to be seen.
    const wide = Math.max(2, right - left);
    context.fillStyle = color(kind);
    context.fillRect(LABEL_WIDTH + left, y + 4, wide, ROW_HEIGHT - 8);
    if (palette.contrast) {
      context.strokeStyle = palette.text;
      context.strokeRect(LABEL_WIDTH + left + 0.5, y + 4.5, wide, ROW_HEIGHT - 9);
    }
  }
}

/** Behind the lanes. */
function grid(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  { window }: Scene,
  palette: Palette,
): void {
  context.strokeStyle = palette.line;
  context.beginPath();
  for (const { at } of ticks(window)) {
    const x = LABEL_WIDTH + xOf(at, window, width);
    context.moveTo(x, DEPTH_HEIGHT);
    context.lineTo(x, height);
  }
  context.stroke();
}

/** The head over the lanes, which rows scroll under. */
function scale(context: CanvasRenderingContext2D, width: number, scene: Scene, palette: Palette): void {
  context.clearRect(0, 0, width + LABEL_WIDTH, DEPTH_HEIGHT);
  context.strokeStyle = palette.line;
  context.fillStyle = palette.muted;
  context.beginPath();
  for (const { at, label: text } of ticks(scene.window)) {
    const x = LABEL_WIDTH + xOf(at, scene.window, width);
    context.moveTo(x, 14);
    context.lineTo(x, DEPTH_HEIGHT);
    // One that would be cut off at the edge would say another time.
    if (x + 3 + context.measureText(text).width <= width + LABEL_WIDTH) context.fillText(text, x + 3, 7);
  }
  context.moveTo(0, DEPTH_HEIGHT);
  context.lineTo(width + LABEL_WIDTH, DEPTH_HEIGHT);
  context.stroke();
  depthGraph(context, width, scene, palette);
  decisionMarks(context, width, scene, palette);
}

/** How many wait, as steps, over the lanes. */
function depthGraph(
  context: CanvasRenderingContext2D,
  width: number,
  { depth, window, now }: Scene,
  palette: Palette,
): void {
  const most = depth.reduce((max, { waiting }) => Math.max(max, waiting), 0);
  context.fillStyle = palette.text;
  context.fillText(l10n.t('queue depth (at most {0})', most), 8, DEPTH_HEIGHT - 20, LABEL_WIDTH - 16);
  if (most === 0) return;
  context.fillStyle = palette.queued;
  for (const [index, { at, waiting }] of depth.entries()) {
    const next = depth[index + 1]?.at ?? now;
    if (waiting === 0 || next < window.from || at > window.to) continue;
    const left = Math.max(0, xOf(at, window, width));
    const right = Math.min(width, xOf(next, window, width));
    const tall = Math.max(2, (waiting / most) * (DEPTH_HEIGHT - 20));
    context.fillRect(LABEL_WIDTH + left, DEPTH_HEIGHT - tall, Math.max(1, right - left), tall);
  }
}

/** What a runner holds, at the right end of its lane. */
function memory(context: CanvasRenderingContext2D, text: string, right: number, y: number, palette: Palette): void {
  if (text === '') return;
  const wide = context.measureText(text).width + 10;
  context.fillStyle = palette.background;
  context.fillRect(right - wide - 4, y + 2, wide, ROW_HEIGHT - 4);
  context.fillStyle = palette.text;
  context.fillText(text, right - wide + 1, y + ROW_HEIGHT / 2);
}

/** Runners more and fewer: marks up and down on the lower edge of the head. */
function decisionMarks(
  context: CanvasRenderingContext2D,
  width: number,
  { decisions, window }: Scene,
  palette: Palette,
): void {
  for (const { at, kind } of decisions) {
    if (at < window.from || at > window.to) continue;
    const x = LABEL_WIDTH + xOf(at, window, width);
    const [base, tip] = kind === 'start' ? [DEPTH_HEIGHT, DEPTH_HEIGHT - 9] : [DEPTH_HEIGHT - 9, DEPTH_HEIGHT];
    context.fillStyle = kind === 'start' ? palette.starting : palette.ending;
    context.beginPath();
    context.moveTo(x - 5, base);
    context.lineTo(x + 5, base);
    context.lineTo(x, tip);
    context.fill();
    if (palette.contrast) {
      context.closePath();
      context.strokeStyle = palette.text;
      context.stroke();
    }
  }
}

function frame(context: CanvasRenderingContext2D, x: number, y: number, width: number, color: string): void {
  context.strokeStyle = color;
  context.strokeRect(x + 0.5, y + 0.5, width - 1, ROW_HEIGHT - 1);
}

function partColor(part: string, { status }: RequestRow, palette: Palette): string {
  if (part === 'queued') return palette.queued;
  if (part === 'cold') return palette.cold;
  if (part === 'failed attempt') return palette.failed;
  return status === null || (status >= 200 && status < 400) ? palette.run : palette.failed;
}

function stateColor(state: string, palette: Palette): string {
  if (state === 'RUNNING') return palette.run;
  if (state === 'IDLE') return palette.idle;
  if (state === 'FAILURE_DELAY') return palette.failed;
  return state === 'DRAINING' || state === 'TERMINATING' ? palette.ending : palette.starting;
}
