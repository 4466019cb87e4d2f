import type { AppId, EmulatorEvent, LogLine } from '../../contract/index.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Send } from '../grpc/rpc.ts';
import { toTimestamp } from '../protocol/timestamp.ts';

type Source = 'BUILDER' | 'BRIDGE' | 'USER';

const LEVELS: Record<LogLine['level'], string> = {
  STDOUT: 'STDOUT',
  STDERR: 'STDERR',
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  WARN: 'WARNING',
  ERROR: 'ERROR',
};

/** A line as the CLI takes it: it prints USER lines raw, and BUILDER lines while it builds. */
export function toLog(message: string, source: Source, level: LogLine['level'], at: number): object {
  return { message, source, level: LEVELS[level], timestamp: toTimestamp(at) };
}

/**
 * Passes what an app says on to a client, in order and no faster than it is taken. `pick` tells which lines are the client's;
 * the lines are sent inside of what `wrap` makes.
 */
export class LogTap {
  private waiting: object[] = [];
  private sending: Promise<void> = Promise.resolve();
  private readonly subscription: { dispose(): void };
  private readonly send: Send;
  private readonly wrap: (logs: object[]) => object;

  constructor(
    bus: EventBus,
    pick: (event: Extract<EmulatorEvent, { type: 'log' | 'environment.progress' }>) => boolean,
    wrap: (logs: object[]) => object,
    send: Send,
  ) {
    this.send = send;
    this.wrap = wrap;
    this.subscription = bus.on((event) => {
      if (event.type === 'log' && pick(event)) {
        this.push(toLog(event.line.message, 'USER', event.line.level, Date.parse(event.line.timestamp)));
      } else if (event.type === 'environment.progress' && pick(event)) {
        this.push(toLog(event.message, 'BUILDER', 'INFO', event.at));
      }
    });
  }

  push(log: object): void {
    this.waiting.push(log);
    if (this.waiting.length > 1) return;
    this.sending = this.sending.then(async () => {
      const logs = this.waiting;
      this.waiting = [];
      await this.send(this.wrap(logs));
    });
    // A client that left takes no more lines; that it left is told by its signal.
    this.sending.catch(() => this.subscription.dispose());
  }

  /** No more lines; resolves when the client has those that came before. */
  async end(): Promise<void> {
    this.subscription.dispose();
    await this.sending;
  }
}

/** Lines of one app. */
export const linesOf =
  (app: AppId) =>
  (event: { app: AppId }): boolean =>
    event.app === app;
