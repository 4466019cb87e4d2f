import type { Duplex } from 'node:stream';
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import type { Log } from '../../core/log.ts';
import type { Method } from '../protocol/protocol.ts';
import type { Rpc, RpcCall, Rpcs, Send } from './rpc.ts';
import { toStatus } from './status.ts';

/** A pickled app or a result of some megabytes is one message; as the SDK's channel has it (sdk.py, base_options). */
const MESSAGE_BYTES = 2 * 1024 * 1024 * 1024 - 1;
/** The SDK pings every 30 s; a connection that is open without a call is closed after this. */
const IDLE_MS = 300_000;

export interface GrpcOptions {
  methods: readonly Method[];
  rpcs: Rpcs;
  log: Log;
  /** Throws E_UNAUTHORIZED or E_FOREIGN_ORIGIN. */
  authorize(metadata: Metadata): void;
}

export interface GrpcServer {
  /** Serves an HTTP/2 connection of which nothing was consumed. */
  adopt(stream: Duplex): void;
  dispose(): Promise<void>;
}

type AnyStream = ServerWritableStream<unknown, object> | ServerDuplexStream<unknown, object>;

/** The gRPC server of the controller. It binds nothing: connections come from the public port. */
export function createGrpcServer({ methods, rpcs, log, authorize }: GrpcOptions): GrpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES,
    'grpc.max_send_message_length': MESSAGE_BYTES,
    'grpc.max_connection_idle_ms': IDLE_MS,
  });
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of methods) {
    const { name, path, requestStream, responseStream } = method;
    definition[name] = {
      path,
      requestStream,
      responseStream,
      // One side of each is never used here: a server writes no requests.
      requestSerialize: () => Buffer.alloc(0),
      requestDeserialize: (bytes: Buffer) => method.readRequest(bytes),
      responseSerialize: (message: object) => method.writeResponse(message),
      responseDeserialize: () => ({}),
    };
    implementation[name] = handler(method, rpcs[name] ?? notCalled(method), authorize, log);
  }
  server.addService(definition, implementation);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    adopt: (stream) => injector.injectConnection(stream),
    dispose: async () => {
      server.forceShutdown();
      injector.destroy();
    },
  };
}

/** A method that neither the CLI nor the SDK calls. */
function notCalled({ name, requestStream, responseStream }: Method): Rpc {
  const refuse = async (): Promise<never> => {
    throw new WindtunnelError('E_NOT_EMULATED', `${name} is not emulated by Windtunnel.`);
  };
  if (requestStream) return { kind: 'bidi', handle: refuse };
  return responseStream ? { kind: 'stream', handle: refuse } : { kind: 'unary', handle: refuse };
}

function handler(
  { name }: Method,
  rpc: Rpc,
  authorize: (metadata: Metadata) => void,
  log: Log,
):
  | handleUnaryCall<unknown, object>
  | handleServerStreamingCall<unknown, object>
  | handleBidiStreamingCall<unknown, object> {
  const failed = (thrown: unknown) => {
    const error = toWindtunnelError(thrown);
    if (error.kind === 'system') log.error('a call of the controller failed', { call: name, error: error.stack });
    else log.info('a call of the controller was refused', { call: name, code: error.code, message: error.message });
    return toStatus(error);
  };
  if (rpc.kind === 'unary') {
    return ((call, done) => {
      const run = async () => {
        authorize(call.metadata);
        return rpc.handle(call.request, contextOf(call));
      };
      run().then(
        (answer) => done(null, answer),
        (error: unknown) => done(failed(error)),
      );
    }) satisfies handleUnaryCall<unknown, object>;
  }
  return (call: AnyStream) => {
    // A client that leaves resets the stream; that is told by `cancelled`.
    call.on('error', (error) => log.debug('a stream of the controller broke', { call: name, error: error.message }));
    const context = contextOf(call);
    const send = sender(call, context.signal);
    const run = async () => {
      authorize(call.metadata);
      if (rpc.kind === 'stream')
        await rpc.handle((call as ServerWritableStream<unknown, object>).request, context, send);
      else await rpc.handle(call as ServerDuplexStream<unknown, object>, context, send);
    };
    run().then(
      () => call.end(),
      (error: unknown) => {
        if (context.signal.aborted) call.end();
        else call.emit('error', failed(error));
      },
    );
  };
}

function contextOf(call: { on(event: 'cancelled', listener: () => void): unknown; getHost(): string }): RpcCall {
  const cancelled = new AbortController();
  call.on('cancelled', () => cancelled.abort(new WindtunnelError('E_CANCELLED', 'The client cancelled the call.')));
  return { signal: cancelled.signal, host: call.getHost() };
}

function sender(call: AnyStream, signal: AbortSignal): Send {
  return async (message) => {
    signal.throwIfAborted();
    if (call.write(message)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        call.off('drain', settle);
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        call.off('drain', settle);
        reject(signal.reason);
      };
      call.once('drain', settle);
      signal.addEventListener('abort', leave, { once: true });
    });
  };
}
