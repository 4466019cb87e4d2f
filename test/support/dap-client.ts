import type { Duplex } from 'node:stream';
import { type DapMessage, DapReader, dapFrame } from '../../emulator/contract/index.ts';

interface Answer extends DapMessage {
  request_seq?: number;
  message?: string;
  body?: Record<string, unknown>;
}

/** A debug client as small as one can be: requests with their answers, and events in the order of their arrival. */
export class DapClient {
  private readonly stream: Duplex;
  private seq = 0;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private readonly events: Answer[] = [];
  private wake: () => void = () => undefined;
  readonly closed: Promise<void>;

  constructor(stream: Duplex) {
    this.stream = stream;
    const reader = new DapReader((message) => this.take(message as Answer));
    stream.on('data', (bytes: Buffer) => reader.feed(bytes));
    this.closed = new Promise((resolve) => stream.once('close', () => resolve()));
  }

  /** Sends a request without waiting for its answer, as `attach` must be. */
  async send(command: string, args: Record<string, unknown> = {}): Promise<Answer> {
    this.seq += 1;
    const { seq } = this;
    const answer = new Promise<Answer>((resolve) => this.waiting.set(seq, resolve));
    this.stream.write(dapFrame({ seq, type: 'request', command, arguments: args }));
    return answer;
  }

  /** As `send`; rejects when the adapter refuses. */
  async ask(command: string, args: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const answer = await this.send(command, args);
    if (!answer.success) throw new Error(`${command}: ${answer.message}`);
    return answer.body ?? {};
  }

  /** The next event of that name; others before it are passed over. */
  async event(name: string): Promise<Record<string, unknown>> {
    for (;;) {
      const index = this.events.findIndex(({ event }) => event === name);
      if (index >= 0) return this.events.splice(0, index + 1)[index]?.body ?? {};
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Joins an app: breakpoints of one file, then on. */
  async join(file: string, lines: readonly number[]): Promise<void> {
    await this.ask('initialize', { adapterID: 'windtunnel', pathFormat: 'path', linesStartAt1: true });
    const attached = this.send('attach', {
      listen: { host: '127.0.0.1', port: 0 },
      justMyCode: true,
      subProcess: false,
    });
    await this.event('initialized');
    await this.ask('setBreakpoints', { source: { path: file }, breakpoints: lines.map((line) => ({ line })) });
    await this.ask('configurationDone');
    const answer = await attached;
    if (!answer.success) throw new Error(`attach: ${answer.message}`);
  }

  /** The line at which a thread is stopped. */
  async line(threadId: unknown): Promise<number | undefined> {
    const { stackFrames } = (await this.ask('stackTrace', { threadId })) as { stackFrames: { line: number }[] };
    return stackFrames[0]?.line;
  }

  /** Names and values of the innermost frame's local variables. */
  async locals(threadId: unknown): Promise<Record<string, string>> {
    const { stackFrames } = (await this.ask('stackTrace', { threadId })) as { stackFrames: { id: number }[] };
    const { scopes } = (await this.ask('scopes', { frameId: stackFrames[0]?.id })) as {
      scopes: { name: string; variablesReference: number }[];
    };
    const { variables } = (await this.ask('variables', {
      variablesReference: scopes.find(({ name }) => name === 'Locals')?.variablesReference,
    })) as { variables: { name: string; value: string }[] };
    return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  }

  end(): void {
    this.stream.end();
  }

  private take(message: Answer): void {
    if (message.type === 'event') {
      this.events.push(message);
      this.wake();
    } else if (message.type === 'response') this.waiting.get(message.request_seq ?? 0)?.(message);
  }
}
