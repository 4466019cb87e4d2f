import type { AppId, EmulatorEvent, LogLine } from '../../emulator/contract/index.ts';

export interface EventLine {
  app: AppId;
  level: 'debug' | 'info' | 'warn' | 'error';
  text: string;
}

/** An event as one line of its app's log; null for what no log needs. */
export function eventLine(event: EmulatorEvent): EventLine | null {
  switch (event.type) {
    case 'log': {
      const origin = event.request ?? event.runner;
      const text = event.line.message.trimEnd();
      return { app: event.app, level: levelOf(event.line), text: origin ? `${short(origin)} | ${text}` : text };
    }
    case 'environment.progress':
      return { app: event.app, level: 'debug', text: event.message };
    case 'app.reload':
      return { app: event.app, level: 'info', text: `reload: ${event.reason}` };
    case 'app.failed':
      return {
        app: event.app,
        level: 'error',
        text: [event.error.message, event.error.detail ?? ''].join('\n').trim(),
      };
    case 'runner.state': {
      const why = event.reason ? ` (${event.reason})` : '';
      return { app: event.app, level: 'info', text: `runner ${short(event.runner)}: ${event.state}${why}` };
    }
    case 'request.state': {
      const attempt = event.attempt > 1 ? `, attempt ${event.attempt}` : '';
      const text = `${short(event.request)} ${event.path}: ${event.state}${result(event.status, event.seconds)}${attempt}`;
      return { app: event.app, level: 'info', text };
    }
    case 'direct': {
      const text = `${short(event.request)} ${event.path}: direct${result(event.status, event.seconds)}`;
      return { app: event.app, level: 'info', text };
    }
    default:
      return null;
  }
}

function levelOf({ level, source }: LogLine): EventLine['level'] {
  if (source === 'RUNNER' || level === 'DEBUG') return 'debug';
  if (level === 'ERROR') return 'error';
  return level === 'WARN' ? 'warn' : 'info';
}

const short = (id: string): string => id.slice(0, 8);

const result = (status: number | null, seconds: number | null): string =>
  `${status === null ? '' : ` ${status}`}${seconds === null ? '' : ` ${seconds.toFixed(2)} s`}`;
