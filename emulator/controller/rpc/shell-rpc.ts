import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import type { Rpc, RpcCall, Send } from '../grpc/rpc.ts';
import type { ControllerParts } from './parts.ts';
import { mustLive } from './runner-info.ts';
import { decodeShellFrames, encodeShellFrame } from './shell-frames.ts';

const InputSchema = z.object({
  runner_id: z._default(z.string(), ''),
  data: z.optional(z.custom<Buffer>((value) => Buffer.isBuffer(value))),
  close: z._default(z.boolean(), false),
  tty_size: z.optional(z.object({ height: z._default(z.number(), 0), width: z._default(z.number(), 0) })),
  command: z._default(z.array(z.string()), []),
  tty: z.optional(z.boolean()),
});

const ExitSchema = z.object({ code: z.number() });

/**
 * `fal runners shell` and `exec`: the first message names the runner and the command, the rest is input and the size of the
 * terminal. Without a command it is a shell; without word on it, a shell has a terminal and a command has none.
 */
export function shellRpc(parts: ControllerParts): Rpc {
  return {
    kind: 'bidi',
    async handle(requests, call, send) {
      const messages = requests[Symbol.asyncIterator]();
      const first = await messages.next();
      if (first.done) throw new WindtunnelError('E_BAD_REQUEST', 'The call names no runner.');
      const { runner_id, command, tty, tty_size } = InputSchema.parse(first.value);
      mustLive(runner_id, parts);
      const stream = await parts.fleet.management.shell(runner_id);
      const leave = () => stream.destroy();
      call.signal.addEventListener('abort', leave, { once: true });
      const start = { command, tty: tty ?? command.length === 0, rows: tty_size?.height, columns: tty_size?.width };
      stream.write(encodeShellFrame('S', JSON.stringify(start)));
      const feeding = feed(messages, stream);
      // Its failing shows by the stream, which it destroys.
      feeding.catch(() => stream.destroy());
      try {
        await answer(stream, send, call);
      } finally {
        call.signal.removeEventListener('abort', leave);
        stream.destroy();
      }
    },
  };
}

async function feed(messages: AsyncIterator<unknown>, stream: Duplex): Promise<void> {
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const { data, close, tty_size } = InputSchema.parse(next.value);
    if (data !== undefined && data.byteLength > 0) stream.write(encodeShellFrame('D', data));
    if (tty_size) {
      stream.write(encodeShellFrame('R', JSON.stringify({ rows: tty_size.height, columns: tty_size.width })));
    }
    if (close) stream.write(encodeShellFrame('E', ''));
  }
}

async function answer(stream: Duplex, send: Send, call: RpcCall): Promise<void> {
  for await (const { kind, payload } of decodeShellFrames(stream)) {
    if (kind === 'X') {
      const { code } = ExitSchema.parse(JSON.parse(payload.toString('utf8')));
      await send({ exit_code: code, close: true });
      return;
    }
    await send({ data: payload, stream: kind === '2' ? 2 : 1 });
  }
  call.signal.throwIfAborted();
  throw new WindtunnelError('E_RUNNER_EXITED', 'The runner ended, and the command with it.');
}
