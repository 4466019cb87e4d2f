import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod/mini';
import type { FileDraft } from './uploads.ts';

const LifecycleSchema = z.object({ expiration_duration_seconds: z.optional(z.nullable(z.number())) });

const NAME_LENGTH = 128;
const CONTENT_TYPE = /^[\w.+-]+\/[\w.+-]+(?:\s*;[\x20-\x7e]*)?$/;

/** What the caller says of a file that is to come. */
export function fileDraft(name: unknown, contentType: unknown, headers: IncomingHttpHeaders, now: number): FileDraft {
  const seconds = lifetime(headers);
  return {
    name: safeName(typeof name === 'string' ? name : ''),
    contentType: typeof contentType === 'string' && CONTENT_TYPE.test(contentType) ? contentType : null,
    expiresAt: seconds === null ? null : now + seconds * 1000,
  };
}

/** A file name as one URL segment: letters, digits, `._-`; the last characters win, they carry the extension. */
export function safeName(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? '';
  const safe = last
    .normalize('NFKD')
    .replaceAll(/[^\w.-]+/g, '_')
    .replace(/^\.+/, '')
    .slice(-NAME_LENGTH);
  return safe === '' ? 'file.bin' : safe;
}

/** Seconds that a file is to live. A header that can't be read is ignored; the ACL in it has no meaning on one machine. */
function lifetime(headers: IncomingHttpHeaders): number | null {
  const text = headers['x-fal-object-lifecycle-preference'] ?? headers['x-fal-object-lifecycle'];
  if (typeof text !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = LifecycleSchema.safeParse(value);
  const seconds = parsed.success ? parsed.data.expiration_duration_seconds : null;
  return typeof seconds === 'number' && seconds > 0 ? seconds : null;
}
