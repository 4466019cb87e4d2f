import { hostName, productionService } from '../hosts.ts';

/** Every file here has an id of this form; nothing on fal's CDN does. */
export const FILE_ID = /^wt-[0-9a-f]{32}$/;

/** Hosts that fal serves files from; the first is the one that answers are written with. */
const CDN_HOSTS = ['v3.fal.media', 'v3b.fal.media', 'fal.media'];
const CANONICAL = `https://${CDN_HOSTS[0]}/files/`;
const NEEDLE = Buffer.from(`${CANONICAL}wt-`);

/** Base of file URLs for callers that use production names. */
export const PRODUCTION_FILES = `https://${CDN_HOSTS[0]}`;

/** The loopback form of a URL of a file that is here; any other string as it is. For what a person is shown. */
export function localFileUrl(url: string, publicUrl: string): string {
  const parsed = /^https:\/\/([^/?#]+)\/files\/(?:b\/)?(wt-[0-9a-f]{32}.*)$/.exec(url);
  if (!parsed || productionService(hostName(parsed[1]!)) !== 'cdn') return url;
  return `${publicUrl}/files/${parsed[2]}`;
}

/** A JSON value with every file URL of ours in its loopback form. */
export function toLocalForm(value: unknown, publicUrl: string): unknown {
  if (typeof value === 'string') return localFileUrl(value, publicUrl);
  if (Array.isArray(value)) return value.map((item) => toLocalForm(item, publicUrl));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toLocalForm(item, publicUrl)]));
  }
  return value;
}

/** Answers that can hold file URLs; anything else is passed on as it is. */
export function holdsFileUrls(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  return contentType.startsWith('application/json') || contentType.startsWith('text/event-stream');
}

/**
 * Turns our file URLs into their loopback form in a byte stream, without parsing it. Holds back only bytes that may be the
 * start of such a URL, so an event of a stream is never delayed.
 */
export class FileUrlRewriter {
  private readonly replacement: Buffer;
  private held: Buffer | null = null;

  constructor(publicUrl: string) {
    this.replacement = Buffer.from(`${publicUrl}/files/wt-`);
  }

  /** A body that is complete. */
  whole(bytes: Buffer): Buffer {
    return this.replace(bytes);
  }

  /** What may be passed on so far. */
  push(chunk: Buffer): Buffer {
    const bytes = this.held === null ? chunk : Buffer.concat([this.held, chunk]);
    const kept = startOfNeedle(bytes);
    this.held = kept === bytes.length ? null : bytes.subarray(kept);
    return this.replace(kept === bytes.length ? bytes : bytes.subarray(0, kept));
  }

  /** What was held back; the stream has ended. */
  end(): Buffer | null {
    const held = this.held;
    this.held = null;
    return held;
  }

  private replace(bytes: Buffer): Buffer {
    let at = bytes.indexOf(NEEDLE);
    if (at < 0) return bytes;
    const parts: Buffer[] = [];
    let from = 0;
    for (; at >= 0; at = bytes.indexOf(NEEDLE, from)) {
      parts.push(bytes.subarray(from, at), this.replacement);
      from = at + NEEDLE.length;
    }
    parts.push(bytes.subarray(from));
    return Buffer.concat(parts);
  }
}

/** Index from which the rest of `bytes` is a proper beginning of the needle; its length where it is not. */
function startOfNeedle(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - NEEDLE.length + 1);
  for (let at = bytes.indexOf(NEEDLE[0]!, first); at >= 0; at = bytes.indexOf(NEEDLE[0]!, at + 1)) {
    if (NEEDLE.compare(bytes, at, bytes.length, 0, bytes.length - at) === 0) return at;
  }
  return bytes.length;
}
