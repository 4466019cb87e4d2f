import { Duplex, PassThrough } from 'node:stream';
import * as z from 'zod/mini';
import { type DapMessage, DapReader, dapFrame } from '../contract/index.ts';
import type { DebugChannel } from '../engines/engine.ts';

const AttachSchema = z.object({
  arguments: z.optional(z.looseObject({ pathMappings: z.optional(z.array(z.unknown())) })),
});

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
 * A client's end of a debug adapter. Passes the messages on as they are, but for `attach`, which learns where the sources stand in
 * the runner; tells the app where the adapter waits for it, and the listener when the app is stopped and when it runs.
 */
export function relayDebugger({ adapter, attach, sources }: DebugChannel, listener: DebugListener): Duplex {
  const fromAdapter = new DapReader((message) => onMessage(message));
  const toClient = new PassThrough();
  const fromClient = new PassThrough();
  const client = Duplex.from({ readable: toClient, writable: fromClient });
  const ofClient = new DapReader((message) => adapter.write(dapFrame(withSources(message, sources))));
  fromClient.on('data', (bytes: Buffer) => {
    try {
      ofClient.feed(bytes);
    } catch (error) {
      adapter.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
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

/** A client's own mappings come first: it may know of sources that its image brings. */
function withSources(message: DapMessage, sources: DebugChannel['sources']): DapMessage {
  if (message.command !== 'attach' || sources.length === 0) return message;
  const given = z.safeParse(AttachSchema, message);
  if (!given.success) return message;
  const { pathMappings = [], ...rest } = given.data.arguments ?? {};
  return { ...message, arguments: { ...rest, pathMappings: [...pathMappings, ...sources] } };
}
