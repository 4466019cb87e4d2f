import type { EmulatorEvent, RecordedBody, RequestSummary } from '../contract/index.ts';
import { localTime, shortId } from './log-line.ts';
import type { Style } from './style.ts';
import { formatBytes } from './table.ts';

/** Of an input or output; `--export` has all of it. */
const BODY_LINES = 20;
const BODY_WIDTH = 400;

/** The head of a request's story. */
export function requestHead({ id, app, path, method }: RequestSummary): string {
  return `request ${id}  ${method} ${app}${path === '/' ? '' : path}`;
}

/** One event of a request as a person reads it; nothing for what others show already. */
export function storyLines(event: EmulatorEvent, style: Style): string[] {
  const say = (text: string) => [`${style.dim(localTime(event.at))}  ${text}`];
  switch (event.type) {
    case 'request.state':
      return say(stateText(event, style));
    case 'request.cold_start': {
      const { image, boot, import: imported, setup } = event.seconds;
      const total = image + boot + imported + setup;
      const parts = `image ${seconds(image)}, boot ${seconds(boot)}, import ${seconds(imported)}, setup ${seconds(setup)}`;
      return say(`cold start ${seconds(total)} (${parts}); this request waited ${seconds(event.waited)} for it`);
    }
    case 'request.cancel':
      return say('cancellation asked for');
    case 'request.replay':
      return say(`runs ${event.of} again`);
    case 'request.body':
      return [...say(bodyText(event.which, event.body)), ...bodyLines(event.body)];
    case 'fault':
      return say(style.yellow(`fault: ${event.detail}`));
    case 'webhook': {
      const { url, status, result, reason, nextAt } = event;
      const next = nextAt === null ? '' : `, again at ${localTime(nextAt)}`;
      const how = result === 'delivered' ? style.green(String(status)) : style.red(`${reason}${next}`);
      return say(`webhook ${url}  ${how}`);
    }
    case 'log':
      return say(`${style.dim('|')} ${event.line.message.trimEnd()}`);
    default:
      return [];
  }
}

function stateText(event: Extract<EmulatorEvent, { type: 'request.state' }>, style: Style): string {
  const { state, attempt, runner, status, reason } = event;
  if (state === 'IN_PROGRESS') return `attempt ${attempt} on runner ${shortId(runner ?? '-')}`;
  if (state === 'IN_QUEUE') return attempt === 0 ? 'queued' : `back in the queue: ${reason}`;
  const painted = (status ?? 0) < 400 ? style.green(String(status)) : style.red(String(status));
  const took = event.seconds === null ? '' : `, ran ${seconds(event.seconds)}`;
  return `completed ${painted}${took}${reason ? `  ${reason}` : ''}`;
}

function bodyText(which: 'input' | 'output', { contentType, bytes, content }: RecordedBody): string {
  const why = content.kind === 'omitted' ? `  not shown: ${content.reason}` : '';
  return `${which}  ${contentType ?? 'no content type'}, ${formatBytes(bytes)}${why}`;
}

/** The body itself, indented, cut after some lines. */
function bodyLines({ content }: RecordedBody): string[] {
  const text = contentText(content);
  if (text === null) return [];
  const lines = text.split('\n');
  const shown = lines.slice(0, BODY_LINES).map((line) => `    ${line.slice(0, BODY_WIDTH)}`);
  return lines.length > BODY_LINES
    ? [...shown, `    … ${lines.length - BODY_LINES} more lines; --export has all`]
    : shown;
}

/** A recorded body as text; null where it is bytes or was left out. */
export function contentText(content: RecordedBody['content']): string | null {
  if (content.kind === 'json') return JSON.stringify(content.value, null, 2);
  return content.kind === 'text' ? content.text : null;
}

export const seconds = (value: number): string =>
  value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
