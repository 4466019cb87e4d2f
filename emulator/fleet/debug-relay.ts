import { Duplex, PassThrough } from 'node:stream';
import * as z from 'zod/mini';
import { type DapMessage, DapReader, dapFrame } from '../contract/index.ts';
import type { DebugChannel } from '../engines/engine.ts';

/** The adapter waits for the app at this address. Source: debugpy's adapter, `attach` with `listen`. */
const WaitingSchema = z.object({ host: z.string(), port: z.number() });

// Requests after whose success the app runs on, until the next `stopped`.
const RESUMING = new Set([
  'continue',
  'next',
  'stepIn',
  'stepOut',
  'reverseContinue',
  'goto',
  'restartFrame',
  'disconnect',
]);

const LAST_SEQ = 2 ** 30;
const KEEP_THE_APP = { terminateDebuggee: false };

/** What the relay sees of the app under the debugger. */
export interface DebugListener {
  onRunning(): void;
  onStopped(): void;
}

/**
 * A client's end of a debug adapter. Passes the bytes on as they are, tells the app where the adapter waits for it, and tells
 * the listener when the app is stopped and when it runs.
 */
export function relayDebugger({ adapter, attach }: DebugChannel, listener: DebugListener): Duplex {
  const fromAdapter = new DapReader((message) => onMessage(message));
  const toClient = new PassThrough();
  const fromClient = new PassThrough();
  const client = Duplex.from({ readable: toClient, writable: fromClient });
  fromClient.on('data', (bytes: Buffer) => adapter.write(bytes));
  fromClient.once('end', () => {
    // A client that is gone without a word would leave the app stopped for good.
    adapter.end(dapFrame({ seq: LAST_SEQ, type: 'request', command: 'disconnect', arguments: KEEP_THE_APP }));
  });
  adapter.on('data', (bytes: Buffer) => {
    toClient.write(bytes);
    try {
      fromAdapter.feed(bytes);
    } catch (error) {
      adapter.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  const ended = () => {
    toClient.end();
    // Nobody holds it any more.
    listener.onRunning();
  };
  adapter.once('end', ended);
  adapter.once('close', ended);
  adapter.on('error', () => toClient.end());
  client.on('error', () => adapter.destroy());
  client.once('close', () => fromClient.end());

  function onMessage(message: DapMessage): void {
    if (message.type === 'event' && message.event === 'debugpyWaitingForServer') {
      const address = z.safeParse(WaitingSchema, message.body);
      if (address.success) attach(address.data);
    } else if (message.type === 'event' && message.event === 'stopped') listener.onStopped();
    else if (message.type === 'event' && (message.event === 'continued' || message.event === 'process')) {
      listener.onRunning();
    } else if (message.type === 'response' && message.success && RESUMING.has(message.command ?? '')) {
      listener.onRunning();
    }
  }
  return client;
}
