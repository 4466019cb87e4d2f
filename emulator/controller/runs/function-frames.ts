import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';

/** What a runner of functions is sent and answers with; the other side is runner/calls.py. */
export interface FunctionCall {
  method: string;
  function: Uint8Array;
  setup: Uint8Array | null;
  entrypoint: string | null;
}

const AnswerSchema = z.union([
  z.object({ abort: z.string() }),
  z.object({
    method: z.string(),
    was_it_raised: z.boolean(),
    stringized_traceback: z.nullable(z.string()),
    exception_type_name: z.optional(z.string()),
    exception_message: z.optional(z.string()),
    result: z.number(),
  }),
]);

const LENGTH_BYTES = 4;

export function encodeCall(call: FunctionCall): Buffer {
  const { method, entrypoint, setup } = call;
  const head = {
    method,
    entrypoint,
    function: call.function.byteLength,
    setup: setup === null ? null : setup.byteLength,
  };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.byteLength);
  return Buffer.concat([length, text, call.function, setup ?? new Uint8Array()]);
}

/** The SerializedObject message in an answer. Throws E_BAD_REQUEST with the runner's words where it could not run it at all. */
export function decodeAnswer(body: Buffer): { was_it_raised: boolean; definition: Buffer } & Record<string, unknown> {
  const end = LENGTH_BYTES + body.readUInt32BE(0);
  const answer = AnswerSchema.parse(JSON.parse(body.subarray(LENGTH_BYTES, end).toString('utf8')));
  if ('abort' in answer) throw new WindtunnelError('E_BAD_REQUEST', answer.abort);
  const { result, stringized_traceback, ...rest } = answer;
  const definition = body.subarray(end, end + result);
  return { ...rest, definition, ...(stringized_traceback === null ? {} : { stringized_traceback }) };
}
