import type { AppId, EmulatorEvent } from '../contract/index.ts';
import { localTime, shortId } from './log-line.ts';
import { StartTimes } from './start-times.ts';
import type { Style } from './style.ts';
import { errorLines } from './terminal.ts';

type Event<T extends EmulatorEvent['type']> = Extract<EmulatorEvent, { type: T }>;

export interface EventPrinterOptions {
  print(line: string): void;
  /** What goes on right now; null when nothing does. */
  status(text: string | null): void;
  style: Style;
  /** Also what servers and the SDK say about themselves, each step of an installer, each state of a runner. */
  verbose: boolean;
  /** The app whose name goes without saying. */
  home: AppId;
  /** Called with each line that says that a runner of `home` is ready. */
  onReady(): void;
}

/** Tells a person at `run` what happens: the app's own output, its starts and failures, and each request in two lines. */
export class EventPrinter {
  private readonly options: EventPrinterOptions;
  private readonly starts = new Map<string, StartTimes>();
  private packages = 0;

  constructor(options: EventPrinterOptions) {
    this.options = options;
  }

  print(event: EmulatorEvent): void {
    switch (event.type) {
      case 'log':
        this.log(event);
        break;
      case 'app.reload':
        this.say(event, `reload: ${event.reason}`);
        break;
      case 'app.removed':
        this.say(event, 'removed');
        break;
      case 'app.failed':
        this.failed(event);
        break;
      case 'environment.progress':
        this.progress(event);
        break;
      case 'environment.ready':
        this.environmentReady(event);
        break;
      case 'runner.state':
        this.runnerState(event);
        break;
      case 'runner.exit':
        this.runnerExit(event);
        break;
      case 'request.state':
        this.request(event);
        break;
      case 'direct.started':
        this.say(event, `${shortId(event.request)}  ${event.path}  direct  started`);
        break;
      case 'direct':
        this.say(event, this.answered(event, 'direct', ''));
        break;
      case 'webhook':
        this.webhook(event);
        break;
      case 'emulator.notice':
        this.notice(event);
        break;
      case 'fault':
        this.say(
          event,
          this.options.style.yellow(`${event.request ? `${shortId(event.request)}  ` : ''}fault: ${event.detail}`),
        );
        break;
      case 'request.replay':
        this.say(event, `${shortId(event.request)}  runs ${shortId(event.of)} again`);
        break;
      case 'request.cold_start':
      case 'request.cancel':
      case 'request.body':
      case 'app.registered':
      case 'emulator.ready':
        break;
    }
  }

  private say(event: { at: number; app: AppId }, text: string): void {
    const app = event.app === this.options.home ? '' : `${event.app}  `;
    this.options.print(`${this.options.style.dim(localTime(event.at))}  ${app}${text}`);
  }

  private log({ at, app, runner, request, line }: Event<'log'>): void {
    const { verbose, style } = this.options;
    if (line.level === 'DEBUG' && !verbose) return;
    const origin = request
      ? `${shortId(request)} `
      : this.starts.size > 1 && runner
        ? `runner ${shortId(runner)} `
        : '';
    const message = line.level === 'DEBUG' ? style.dim(line.message) : line.message;
    this.say({ at: Date.parse(line.timestamp) || at, app }, `${style.dim(`${origin}|`)} ${message}`);
  }

  private failed(event: Event<'app.failed'>): void {
    this.options.status(null);
    this.say(event, this.options.style.red('failed'));
    for (const line of errorLines({ hint: undefined, detail: undefined, ...event.error })) this.options.print(line);
  }

  private progress(event: Event<'environment.progress'>): void {
    // The installers' list of what they did, one package a line.
    const listed = /^ [+~-] /.test(event.message);
    if (listed) this.packages += 1;
    if (this.options.verbose) this.say(event, event.message);
    else if (!listed) this.options.status(`environment: ${event.message.trim()}`);
  }

  private environmentReady(event: Event<'environment.ready'>): void {
    if (event.cached) return;
    this.options.status(null);
    const packages = this.packages > 0 ? `, ${this.packages} packages` : '';
    this.packages = 0;
    this.say(event, `environment ready in ${event.seconds.toFixed(1)} s${packages}`);
  }

  private runnerState(event: Event<'runner.state'>): void {
    const { runner, state, phase, at, reason } = event;
    if (this.options.verbose) {
      this.say(event, this.options.style.dim(`runner ${shortId(runner)} ${state} ${phase ?? ''} ${reason}`.trimEnd()));
    }
    const start = this.starts.get(runner);
    if (state === 'PENDING' && !start) this.starts.set(runner, new StartTimes(at));
    else if (state === 'FAILURE_DELAY') this.waits(event);
    else if (!start) return;
    else if (state === 'TERMINATING') this.terminating(event, start);
    else if (state === 'IDLE' || state === 'RUNNING') this.serves(event, start);
    else if (phase !== null) this.entered(event, start, phase);
  }

  private entered(event: Event<'runner.state'>, start: StartTimes, phase: NonNullable<typeof event.phase>): void {
    if (!start.enter(phase, event.at)) return;
    if (phase === 'importing') this.options.status('importing');
    if (phase !== 'setup') return;
    this.options.status('setup()');
    this.say(event, `imported in ${(start.seconds('booting') + start.seconds('importing')).toFixed(1)} s`);
  }

  private serves(event: Event<'runner.state'>, start: StartTimes): void {
    if (start.ready) return;
    start.ready = true;
    this.options.status(null);
    this.say(event, this.options.style.green(`ready in ${start.summary(event.at)}`));
    if (event.app === this.options.home) this.options.onReady();
  }

  private terminating(event: Event<'runner.state'>, start: StartTimes): void {
    // Why a start ended is told as its error.
    if (start.ready && event.reason !== '') this.say(event, `runner stops: ${event.reason}`);
    else this.options.status(null);
  }

  private waits(event: Event<'runner.state'>): void {
    this.options.status(null);
    this.say(event, event.reason || 'waits before the next start');
  }

  private runnerExit(event: Event<'runner.exit'>): void {
    const { cause, signal, code } = event.exit;
    const wasReady = this.starts.get(event.runner)?.ready ?? true;
    this.starts.delete(event.runner);
    if (cause === 'stopped' || !wasReady) return;
    const how = signal ?? (code === null ? null : `code ${code}`);
    this.say(event, this.options.style.red(`runner ended: ${how === null ? cause : `${cause}, ${how}`}`));
  }

  private request(event: Event<'request.state'>): void {
    const { request, path, attempt, state, reason } = event;
    const id = `${shortId(request)}  ${path}`;
    if (state === 'IN_PROGRESS') this.say(event, `${id}  attempt ${attempt}  started`);
    else if (state === 'COMPLETED') this.say(event, this.answered(event, `attempt ${attempt}`, reason));
    else if (attempt > 0) this.say(event, `${id}  attempt ${attempt}  back in the queue: ${reason}`);
  }

  private answered(event: Event<'request.state'> | Event<'direct'>, how: string, reason: string): string {
    const { style } = this.options;
    const status = String(event.status || 'no answer');
    const painted = /^[123]/.test(status) ? style.green(status) : style.red(status);
    const seconds = event.seconds === null ? '' : `  ${duration(event.seconds)}`;
    return `${shortId(event.request)}  ${event.path}  ${how}  ${painted}${seconds}${reason ? `  ${reason}` : ''}`;
  }

  private webhook(event: Event<'webhook'>): void {
    const { style } = this.options;
    const { request, url, status, result, reason, at, nextAt } = event;
    const painted = result === 'delivered' ? style.green(String(status)) : style.red(String(status ?? 'no answer'));
    const next = nextAt === null ? '' : `; again in ${duration((nextAt - at) / 1000)}`;
    const why = result === 'delivered' ? '' : `  ${reason}${next || '; not called again'}`;
    this.say(event, `${shortId(request)}  webhook ${url}  ${painted}${why}`);
  }

  private notice({ at, level, message }: Event<'emulator.notice'>): void {
    const { style, print } = this.options;
    const mark = level === 'error' ? style.red('error') : level === 'warn' ? style.yellow('warning') : 'note';
    print(`${style.dim(localTime(at))}  ${mark}: ${message}`);
  }
}

const duration = (seconds: number): string =>
  seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
