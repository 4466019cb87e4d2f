import * as l10n from '@vscode/l10n';
import type {
  EmulatorEvent,
  LogLine,
  PlaygroundRun,
  RequestDocument,
  RequestSummary,
  RunLogLine,
  SendMode,
} from '../../../emulator/contract/index.ts';

/** A run before anything has happened to it. */
export function newRun(run: Pick<PlaygroundRun, 'id' | 'path' | 'mode' | 'at' | 'input'>): PlaygroundRun {
  return {
    ...run,
    request: null,
    state: 'sending',
    position: null,
    attempts: 0,
    runner: null,
    status: null,
    seconds: null,
    timings: [],
    logs: [],
    events: [],
    error: null,
    media: [],
  };
}

/** What a recorded request tells of itself, as the playground shows it. */
export function recordedRun(document: RequestDocument): PlaygroundRun {
  const { request, events } = document;
  const body = (which: 'input' | 'output'): unknown => {
    const event = events.find((one) => one.type === 'request.body' && one.which === which);
    return event?.type === 'request.body' ? contentOf(event.body) : undefined;
  };
  const output = body('output');
  return {
    ...newRun({
      id: request.id,
      path: withoutQuery(request),
      mode: 'queue',
      at: request.createdAt,
      input: body('input'),
    }),
    ...facts(document),
    ...(output === undefined ? {} : { output }),
    logs: linesOf(document),
  };
}

/** What is known of a queued request beside its bodies and logs. */
export function facts({ request, events }: RequestDocument) {
  const { startedAt, completedAt } = request;
  return {
    request: request.id,
    state: request.state,
    attempts: request.attempts,
    runner: request.runner,
    status: request.status,
    seconds: startedAt === null || completedAt === null ? null : (completedAt - startedAt) / 1000,
    timings: timings(request, events),
    error: request.error,
  };
}

/** Where the time of a queued request went: waiting, the parts of a cold start that it waited for, the work itself. */
function timings(request: RequestSummary, events: readonly EmulatorEvent[]): PlaygroundRun['timings'] {
  const { createdAt, startedAt, completedAt } = request;
  const cold = events.find((event) => event.type === 'request.cold_start');
  const parts =
    cold?.type === 'request.cold_start' ? COLD_PARTS.map((part) => [part, cold.seconds[part]] as const) : [];
  const waited = cold?.type === 'request.cold_start' ? cold.waited : 0;
  const queued = startedAt === null ? null : Math.max(0, (startedAt - createdAt) / 1000 - waited);
  return [
    ...(queued === null ? [] : [{ label: l10n.t('queued'), seconds: queued }]),
    ...parts
      .filter(([, seconds]) => seconds > 0)
      .map(([label, seconds]) => ({ label: l10n.t('cold start: {0}', coldPart(label)), seconds })),
    ...(startedAt === null || completedAt === null
      ? []
      : [{ label: l10n.t('run'), seconds: (completedAt - startedAt) / 1000 }]),
  ];
}

const COLD_PARTS = ['image', 'boot', 'import', 'setup'] as const;

function coldPart(part: (typeof COLD_PARTS)[number]): string {
  switch (part) {
    case 'image':
      return l10n.t('image');
    case 'boot':
      return l10n.t('boot');
    case 'import':
      return l10n.t('import');
    case 'setup':
      return l10n.t('setup');
  }
}

/** The log lines of a record, those of the app and those of its runner. */
export const linesOf = ({ events }: RequestDocument): RunLogLine[] =>
  events.flatMap((event) => (event.type === 'log' ? [logLine(event.line)] : []));

export function logLine(line: LogLine): RunLogLine {
  const level = line.level === 'ERROR' ? 'error' : line.level === 'WARN' ? 'warn' : 'info';
  const hidden = line.source === 'RUNNER' || line.level === 'DEBUG';
  return { at: Date.parse(line.timestamp), level: hidden ? 'debug' : level, text: line.message.trimEnd() };
}

/** As it counts in the list of runs. */
export const historyEntry = (run: PlaygroundRun) => ({
  id: run.id,
  request: run.request,
  path: run.path,
  mode: run.mode,
  at: run.at,
  state: run.state,
  status: run.status,
  seconds: run.seconds,
});

export const historyOfRecord = (request: RequestSummary) => ({
  id: request.id,
  request: request.id,
  path: withoutQuery(request),
  mode: 'queue' as SendMode,
  at: request.createdAt,
  state: request.state,
  status: request.status,
  seconds:
    request.startedAt === null || request.completedAt === null
      ? null
      : (request.completedAt - request.startedAt) / 1000,
});

const withoutQuery = ({ path }: RequestSummary): string => path.replace(/\?.*$/s, '') || '/';

type Body = Extract<EmulatorEvent, { type: 'request.body' }>['body'];

function contentOf({ content, contentType, bytes }: Body): unknown {
  switch (content.kind) {
    case 'json':
      return content.value;
    case 'text':
      return content.text;
    case 'base64':
      return `data:${contentType ?? 'application/octet-stream'};base64,${content.data}`;
    case 'omitted':
      return l10n.t('({0} bytes, not recorded: {1})', bytes, content.reason);
  }
}
