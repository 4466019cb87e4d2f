import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';

/** Who calls, and how. */
export interface RpcCall {
  /** Aborts when the client cancels or leaves. */
  signal: AbortSignal;
  /** The host that the client named: `api.alpha.fal.ai`, or `localhost:8799` in test mode. */
  host: string;
}

/** Resolves when the client's end has taken the message in. */
export type Send = (message: object) => Promise<void>;

/** What one method of the controller does. Messages are as protobufjs takes them: snake_case, enums by name. */
export type Rpc =
  | { kind: 'unary'; handle(request: unknown, call: RpcCall): Promise<object> }
  | { kind: 'stream'; handle(request: unknown, call: RpcCall, send: Send): Promise<void> }
  | { kind: 'bidi'; handle(requests: AsyncIterable<unknown>, call: RpcCall, send: Send): Promise<void> };

/** A call with one answer. */
export function unary<S extends z.core.$ZodType>(
  schema: S,
  handle: (request: z.infer<S>, call: RpcCall) => Promise<object> | object,
): Rpc {
  return { kind: 'unary', handle: async (request, call) => handle(parse(schema, request), call) };
}

/** A call that is answered by messages until it ends. */
export function stream<S extends z.core.$ZodType>(
  schema: S,
  handle: (request: z.infer<S>, call: RpcCall, send: Send) => Promise<void>,
): Rpc {
  return { kind: 'stream', handle: async (request, call, send) => handle(parse(schema, request), call, send) };
}

export type Rpcs = Record<string, Rpc>;

function parse<S extends z.core.$ZodType>(schema: S, message: unknown): z.infer<S> {
  const parsed = z.safeParse(schema, message);
  if (parsed.success) return parsed.data;
  throw new WindtunnelError('E_BAD_REQUEST', `The call is malformed: ${z.prettifyError(parsed.error)}`);
}
