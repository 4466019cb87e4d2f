import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import * as vscode from 'vscode';
import { DapReader, dapFrame, toWindtunnelError, WindtunnelError } from '../../../emulator/contract/index.ts';
import { BreakpointStates } from '../../core/breakpoint-doctor.ts';
import { DapRewrite, type ProtocolMessage } from '../../core/dap-rewrite.ts';
import type { LaunchConfig } from '../../core/launch-config.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import type { StartFailures } from '../problems/start-failures.ts';
import { chosenEngine } from '../run/chosen-engine.ts';
import { withStartProgress } from '../run/start-progress.ts';
import { BreakpointHelp, pathMappingsOf } from './breakpoint-help.ts';

/** Where the harness stands in a container of ours (engines/docker/places.ts). */
const CONTAINER_HARNESS = '/opt/windtunnel/runner';

/** Requests of our own have numbers that an editor does not come to. */
const OWN_SEQ = 2 ** 29;

/** What one debug session of an app needs of the rest. */
export interface DebugContext {
  session: EmulatorSession;
  failures: StartFailures;
  config: LaunchConfig;
  /** Folder of the harness, as the process engine runs it. */
  harness: string;
  /** Ends this session and begins one with these changes. */
  restart(changes: Partial<LaunchConfig>): Promise<void>;
}

/** The editor's end of an app's debug adapter: starts the app for it, passes messages, and stops the app at the end. */
export class AppDebugSession implements vscode.DebugAdapter {
  private readonly context: DebugContext;
  private readonly rewrite: DapRewrite;
  private readonly sent = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  private readonly waiting: ProtocolMessage[] = [];
  private readonly breakpoints = new BreakpointStates();
  private readonly help: BreakpointHelp;
  /** Answers to what this end asks itself, by the number of the request. */
  private readonly own = new Map<number, (answer: ProtocolMessage) => void>();
  private readonly gone = new AbortController();
  private stream: Duplex | null = null;
  private failed = false;
  private app: `${string}/${string}` | null = null;
  private ended: Promise<void> | null = null;

  /** Settles once the app serves, or does not. */
  private readonly ready: Promise<void>;
  private settleReady: () => void = () => undefined;
  /** Settles once there is something to look at: a stop, the app that serves, or the end of the session. */
  private readonly shown: Promise<void>;
  private settleShown: () => void = () => undefined;

  readonly onDidSendMessage = this.sent.event;

  constructor(context: DebugContext) {
    this.context = context;
    this.ready = new Promise((resolve) => {
      this.settleReady = resolve;
    });
    this.shown = new Promise((resolve) => {
      this.settleShown = resolve;
    });
    void this.ready.then(this.settleShown);
    this.rewrite = new DapRewrite({
      justMyCode: context.config.justMyCode ?? true,
      pathMappings: pathMappingsOf(context.config),
      // Python names files by their real path.
      hidden: [realpathSync(context.harness), CONTAINER_HARNESS],
    });
    this.help = new BreakpointHelp({
      config: context.config,
      states: this.breakpoints,
      evaluate: (expression) => this.evaluate(expression),
      ready: this.ready,
      restart: (changes) => context.restart(changes),
    });
    void this.begin();
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    const request = message as ProtocolMessage;
    if (request.command === 'disconnect' && this.context.config.request === 'launch') void this.stopApp();
    if (this.failed) this.refuse(request);
    else if (this.stream) this.write(request);
    else this.waiting.push(request);
  }

  dispose(): void {
    this.gone.abort();
    this.help.dispose();
    this.settleReady();
    this.stream?.end();
    if (this.context.config.request === 'launch') void this.stopApp();
    this.sent.dispose();
  }

  private async begin(): Promise<void> {
    const { session, config, failures } = this.context;
    try {
      const stream = await (config.request === 'launch' ? this.launch() : this.attach());
      if (this.gone.signal.aborted) return void stream.destroy();
      const reader = new DapReader((message) => this.fromAdapter(message as ProtocolMessage));
      stream.on('data', (bytes: Buffer) => reader.feed(bytes));
      stream.once('close', () => this.terminated());
      stream.on('error', () => this.terminated());
      this.stream = stream;
      for (const message of this.waiting.splice(0)) this.write(message);
    } catch (thrown) {
      this.failed = true;
      const error = toWindtunnelError(thrown);
      if (error.kind !== 'cancelled' && !this.gone.signal.aborted) failures.show(error.toJSON(), session, config.file);
      for (const message of this.waiting.splice(0)) this.refuse(message);
      this.terminated();
    }
  }

  private async launch(): Promise<Duplex> {
    const { session, config, failures } = this.context;
    failures.clear(config.file);
    void withStartProgress(session, config.symbol ?? path.basename(config.file), () => this.shown);
    const asked = config.engine === 'auto' ? null : config.engine;
    const engine = asked === undefined ? chosenEngine(config.file) : asked;
    const { signal } = this.gone;
    const { file, symbol = null } = config;
    // Not cut off by the end of the session: what it registers would be nobody's.
    const answer = await session.run({ file, symbol, as: null, engine, watch: false, debug: true });
    this.app = answer.app.id;
    if (signal.aborted) await this.stopApp();
    signal.throwIfAborted();
    const client = await session.ensure();
    // What its start comes to is told by its events; the debugger joins long before it is ready.
    client.start(answer.app.id, signal).then(this.settleReady, (thrown: unknown) => this.startFailed(thrown));
    return client.debug(answer.app.id, signal);
  }

  private async attach(): Promise<Duplex> {
    const { session, config } = this.context;
    const app = session.status?.apps.find(
      ({ file, symbol }) => file === config.file && (config.symbol === undefined || symbol === config.symbol),
    );
    if (!app || !session.client) {
      throw new WindtunnelError('E_UNKNOWN_APP', `${config.file} does not run here.`, { hint: 'Start it with F5.' });
    }
    this.settleReady();
    return session.client.debug(app.id, this.gone.signal);
  }

  private startFailed(thrown: unknown): void {
    const error = toWindtunnelError(thrown);
    if (this.gone.signal.aborted || this.ended || error.kind === 'cancelled') return;
    this.context.failures.show(error.toJSON(), this.context.session, this.context.config.file);
    this.stream?.end();
  }

  /** The app goes with its session. */
  private stopApp(): Promise<void> {
    if (this.app === null) return Promise.resolve();
    this.ended ??= this.removeApp(this.app);
    return this.ended;
  }

  private async removeApp(app: `${string}/${string}`): Promise<void> {
    try {
      await this.context.session.remove(app);
    } catch (thrown) {
      const error = toWindtunnelError(thrown);
      // It was stopped by hand, or with its emulator.
      if (error.code !== 'E_UNKNOWN_APP' && error.code !== 'E_EMULATOR_DOWN') {
        void vscode.window.showErrorMessage(error.message);
      }
    }
  }

  private fromAdapter(message: ProtocolMessage): void {
    const answered = message.type === 'response' ? this.own.get(message.request_seq ?? 0) : undefined;
    if (answered) {
      answered(message);
      return;
    }
    if (message.type === 'event' && message.event === 'stopped') this.settleShown();
    this.breakpoints.toEditor(message);
    if (message.type === 'response' && message.command === 'configurationDone') this.help.begin();
    this.sent.fire(this.rewrite.toEditor(message));
  }

  /** Python in the app, in no frame of its: as a string. */
  private evaluate(expression: string): Promise<string> {
    const seq = OWN_SEQ + this.own.size;
    const answer = new Promise<string>((resolve, reject) => {
      this.gone.signal.addEventListener('abort', () => reject(this.gone.signal.reason), { once: true });
      this.own.set(seq, ({ success, body, message }) => {
        if (success) resolve(String(body?.result));
        else reject(new WindtunnelError('E_NO_DEBUGGER', `The debugger evaluates nothing: ${message ?? ''}`));
      });
    });
    // In this context the result is whole, and no frame is needed.
    this.write({ seq, type: 'request', command: 'evaluate', arguments: { expression, context: 'clipboard' } });
    return answer;
  }

  private write(message: ProtocolMessage): void {
    this.breakpoints.toAdapter(message);
    this.stream?.write(dapFrame(this.rewrite.toAdapter(message)));
  }

  /** Without a word of its own: the failure was told with its cause, at the user's line. */
  private refuse({ seq, command = '' }: ProtocolMessage): void {
    const success = command === 'initialize' || command === 'disconnect';
    const body = success ? {} : { error: { id: 1, format: '', showUser: false } };
    this.sent.fire({ seq: 0, type: 'response', request_seq: seq, command, success, body } as ProtocolMessage);
  }

  private terminated(): void {
    this.settleShown();
    if (this.gone.signal.aborted) return;
    this.sent.fire({ seq: 0, type: 'event', event: 'terminated' } as ProtocolMessage);
  }
}
