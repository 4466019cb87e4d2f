import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod/mini';
import { type Acl, AclSchema } from './access/acl.ts';
import { badRequest } from './failure.ts';

/** The clients' name for it on calls, and the older one that uploads send, alone (JS) or beside it (Python). */
const HEADERS = ['x-fal-object-lifecycle-preference', 'x-fal-object-lifecycle'];

// The SDK types a preference as dict[str, str] (fal/app.py 1.83, RequestContext), so the number may come as text.
const Seconds = z.union([z.number(), z.pipe(z.string().check(z.regex(/^\d{1,12}$/)), z.transform(Number))]);
const LifecycleSchema = z.looseObject({
  expiration_duration_seconds: z.optional(z.nullable(Seconds)),
  initial_acl: z.optional(z.nullable(AclSchema)),
});

export interface FileLifecycle {
  /** Null: kept. */
  seconds: number | null;
  /** Null: anyone with the URL may read. */
  acl: Acl | null;
}

/** What a caller wants of its files; 400 `bad_request` for what can't be read. */
export function fileLifecycle(headers: IncomingHttpHeaders): FileLifecycle {
  for (const name of HEADERS) {
    const text = headers[name];
    if (typeof text !== 'string' || text === '') continue;
    const { expiration_duration_seconds: seconds = null, initial_acl: acl = null } = parse(name, text);
    return { seconds: seconds !== null && seconds > 0 ? seconds : null, acl };
  }
  return { seconds: null, acl: null };
}

function parse(name: string, text: string): z.infer<typeof LifecycleSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest(`${name} is not JSON: ${JSON.stringify(text)}.`);
  }
  const parsed = LifecycleSchema.safeParse(value);
  if (!parsed.success) {
    const example = '{"expiration_duration_seconds": 3600, "initial_acl": {"default": "forbid", "rules": []}}';
    const where = parsed.error.issues[0]?.path.join('.');
    throw badRequest(`${name} must be an object like ${example}${where ? `; not so its ${where}` : ''}.`);
  }
  return parsed.data;
}
