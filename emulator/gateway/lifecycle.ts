import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod/mini';
import { badRequest } from './failure.ts';

/** The clients' name for it on calls, and the older one that uploads send, alone (JS) or beside it (Python). */
const HEADERS = ['x-fal-object-lifecycle-preference', 'x-fal-object-lifecycle'];

// The SDK types a preference as dict[str, str] (fal/app.py 1.83, RequestContext), so the number may come as text.
const Seconds = z.union([z.number(), z.pipe(z.string().check(z.regex(/^\d{1,12}$/)), z.transform(Number))]);
// The ACL is taken and has no meaning on one machine.
const LifecycleSchema = z.looseObject({ expiration_duration_seconds: z.optional(z.nullable(Seconds)) });

/** Seconds that a caller's files are to live, null where nothing is said; 400 `bad_request` for what can't be read. */
export function fileLifetime(headers: IncomingHttpHeaders): number | null {
  for (const name of HEADERS) {
    const text = headers[name];
    if (typeof text !== 'string' || text === '') continue;
    const seconds = parse(name, text).expiration_duration_seconds ?? null;
    return seconds !== null && seconds > 0 ? seconds : null;
  }
  return null;
}

function parse(name: string, text: string): z.infer<typeof LifecycleSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest(`${name} is not JSON: ${JSON.stringify(text)}.`);
  }
  const parsed = LifecycleSchema.safeParse(value);
  if (!parsed.success) throw badRequest(`${name} must be an object like {"expiration_duration_seconds": 3600}.`);
  return parsed.data;
}
