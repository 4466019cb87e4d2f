import type { EmulatorEvent, LogEntry } from '../contract/index.ts';
import { errorLines } from './terminal.ts';

/** What a person at `run` is told of each event; no lines for what would only be noise. */
export function eventPrinter(print: (line: string) => void): (event: EmulatorEvent) => void {
  const last = new Map<string, string>();
  return (event) => {
    for (const line of eventLines(event)) {
      // A runner's state is told again when only its reason is new, which says nothing here.
      const text = line.slice(TIME_LENGTH);
      if (event.type === 'runner.state' && last.get(event.runner) === text) continue;
      if (event.type === 'runner.state') last.set(event.runner, text);
      if (event.type === 'runner.exit') last.delete(event.runner);
      print(line);
    }
  };
}

// What uvicorn and the SDK say of each start and stop, of the app and again of its metrics; `windtunnel logs` has it all.
const SERVER_CHATTER =
  /^(\[debug\]|INFO: {5}(Started server|Waiting for app|Application (startup|shutdown)|Shutting down|Finished server|Uvicorn running))/;

const TIME_LENGTH = 'hh:mm:ss'.length;

function eventLines(event: EmulatorEvent): string[] {
  const say = (app: string, text: string) => [`${time(event.at)} ${app}  ${text}`];
  switch (event.type) {
    case 'log':
      return event.request === null && SERVER_CHATTER.test(event.line.message) ? [] : [logLine(event)];
    case 'app.reload':
      return say(event.app, `reload: ${event.reason}`);
    case 'app.failed': {
      const { error } = event;
      return [
        `${time(event.at)} ${event.app}  failed`,
        ...errorLines({ hint: undefined, detail: undefined, ...error }),
      ];
    }
    case 'app.removed':
      return say(event.app, 'removed');
    case 'environment.progress':
      // The installer's list of packages, one a line: the log of the emulator has it.
      return /^ [+~-] /.test(event.message) ? [] : say(event.app, event.message);
    case 'environment.ready':
      return event.cached ? [] : say(event.app, `environment ready in ${event.seconds.toFixed(1)} s`);
    case 'runner.state': {
      const text = runnerState(event);
      return text === null ? [] : say(event.app, `runner ${short(event.runner)} ${text}`);
    }
    case 'runner.exit':
      if (event.exit.cause === 'stopped') return [];
      return say(event.app, `runner ${short(event.runner)} ended: ${exitText(event.exit)}`);
    case 'request.state':
      return say(event.app, `request ${event.request} ${event.state}${event.reason ? ` (${event.reason})` : ''}`);
    case 'direct':
      return say(event.app, `request ${event.request} answered ${event.status} in ${milliseconds(event.seconds)}`);
    case 'emulator.notice':
      return [`${time(event.at)} ${event.level === 'info' ? 'note' : event.level}: ${event.message}`];
    case 'app.registered':
    case 'emulator.ready':
      return [];
  }
}

/** One log line with its origin: the request it belongs to, else the runner. */
export function logLine({ app, request, runner, line }: Pick<LogEntry, 'app' | 'request' | 'runner' | 'line'>): string {
  const origin = request ? short(request) : runner ? `runner ${short(runner)}` : '-';
  return `${line.timestamp.slice(11, 19)} ${app}  ${origin} | ${line.message}`;
}

/** Null for what other events tell better: that it serves, that it has ended. */
function runnerState({ state, phase }: Extract<EmulatorEvent, { type: 'runner.state' }>): string | null {
  if (state === 'PENDING' || state === 'DOCKER_PULL' || state === 'SETUP') return phase ?? state.toLowerCase();
  if (state === 'DRAINING') return 'finishes its requests';
  return state === 'FAILURE_DELAY' ? 'waits before the next try' : null;
}

const time = (at: number): string => new Date(at).toISOString().slice(11, 19);

const short = (id: string): string => id.slice(0, 8);

const milliseconds = (seconds: number): string =>
  seconds < 10 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;

function exitText(exit: { code: number | null; signal: string | null; cause: string }): string {
  const how = exit.signal ?? (exit.code === null ? null : `code ${exit.code}`);
  return how === null ? exit.cause : `${exit.cause}, ${how}`;
}
