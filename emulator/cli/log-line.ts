import type { LogEntry, LogLine } from '../contract/index.ts';
import type { Style } from './style.ts';

/** `hh:mm:ss` by this machine's clock; with the day before it where that is not `today`. Times in ms since the epoch. */
export function localTime(at: number, today: number = at): string {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date(today).toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

export const shortId = (id: string): string => id.slice(0, 8);

/** One line of `windtunnel logs`: when, which app, which request or else runner, what. */
export function entryLine({ app, request, runner, line }: LogEntry, now: number, style: Style): string {
  const origin = request ? shortId(request) : runner ? `runner ${shortId(runner)}` : '-';
  return `${style.dim(`${localTime(Date.parse(line.timestamp), now)} ${app}  ${origin} |`)} ${text(line, style)}`;
}

/** One line of a request that is being looked at. */
export function requestLine(line: LogLine, style: Style): string {
  return `${style.dim(`${localTime(Date.parse(line.timestamp))} |`)} ${text(line, style)}`;
}

function text({ level, message }: Pick<LogLine, 'level' | 'message'>, style: Style): string {
  const shown = message.trimEnd();
  return level === 'DEBUG' ? style.dim(shown) : shown;
}

const two = (value: number): string => String(value).padStart(2, '0');
