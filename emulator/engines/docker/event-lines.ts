import type { Readable } from 'node:stream';
import * as z from 'zod/mini';

/** JSON values, one a line, of a stream of the daemon; what is none of them is passed over. */
export async function* eventLines<T extends z.core.$ZodType>(
  stream: Readable,
  schema: T,
): AsyncGenerator<z.core.output<T>> {
  let rest = '';
  for await (const chunk of stream) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield* parsed(line, schema);
  }
  yield* parsed(rest, schema);
}

function* parsed<T extends z.core.$ZodType>(line: string, schema: T): Generator<z.core.output<T>> {
  if (line.trim() === '') return;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return; // A line that was cut: the connection broke, which whoever reads on is told.
  }
  const result = z.safeParse(schema, value);
  if (result.success) yield result.data;
}
