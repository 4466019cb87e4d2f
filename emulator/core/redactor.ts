/** Takes secret values out of text. Pure; where a secret ends up in two pieces of a stream, use `stream()`. */
export interface Redactor {
  redact(text: string): string;
  /** The same over a text that arrives in chunks: a value cut by a chunk's border is found too. */
  stream(): { push(chunk: string): string; flush(): string };
  /** Any JSON-like value with all its strings redacted; a new value only where something changed. */
  redactDeep<T>(value: T): T;
}

/** Shorter values would match ordinary words; `secret set` warns about them. Characters. */
export const SHORTEST_REDACTED = 6;
const MASK = '[secret]';

/**
 * A redactor for these values, each in the forms in which it tends to be printed: as it is, by lines, URL-encoded, escaped
 * for JSON, and in base64 at any offset (a value inside `user:password` of Basic auth).
 */
export function createRedactor(values: Iterable<string>): Redactor {
  const needles = needlesOf(values);
  if (needles.length === 0) return passThrough;
  const pattern = new RegExp(needles.map(escapeRegExp).join('|'), 'g');
  const longest = needles[0]?.length ?? 0;

  /** Start of the shortest-held tail of `text`, from `from` on, that may grow into a needle; its length when none may. */
  const heldFrom = (text: string, from: number): number => {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at++) {
      const tail = text.slice(at);
      if (needles.some((needle) => needle.length > tail.length && needle.startsWith(tail))) return at;
    }
    return text.length;
  };

  /** Redacts `text` up to where a longer text could change the outcome. */
  const consume = (text: string): [done: string, rest: string] => {
    let out = '';
    let at = 0;
    for (;;) {
      const held = heldFrom(text, at);
      pattern.lastIndex = at;
      const match = pattern.exec(text);
      if (!match || match.index >= held) return [out + text.slice(at, held), text.slice(held)];
      out += text.slice(at, match.index) + MASK;
      at = match.index + match[0].length;
    }
  };

  const redact = (text: string): string => text.replace(pattern, MASK);
  return {
    redact,
    stream: () => {
      let rest = '';
      return {
        push: (chunk) => {
          const [done, held] = consume(rest + chunk);
          rest = held;
          return done;
        },
        flush: () => {
          const last = redact(rest);
          rest = '';
          return last;
        },
      };
    },
    redactDeep: (value) => deep(value, redact) as typeof value,
  };
}

const passThrough: Redactor = {
  redact: (text) => text,
  stream: () => ({ push: (chunk) => chunk, flush: () => '' }),
  redactDeep: (value) => value,
};

/** Longest first: of two that match at one place the longer one must win, or its end stays readable. */
function needlesOf(values: Iterable<string>): string[] {
  const found = new Set<string>();
  for (const value of values) {
    if (value.length < SHORTEST_REDACTED) continue;
    // Log lines come one by one: a key in several lines is never seen whole.
    const parts = [value, ...value.split(/\r?\n/).map((line) => line.trim())];
    for (const part of parts) {
      if (part.length < SHORTEST_REDACTED) continue;
      found.add(part);
      const encoded = urlEncoded(part);
      found.add(encoded);
      found.add(encoded.replaceAll('%20', '+'));
      found.add(JSON.stringify(part).slice(1, -1));
    }
    for (const form of base64Forms(value)) found.add(form);
  }
  return [...found].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
}

/** By way of UTF-8: encodeURIComponent throws on half of a surrogate pair. */
const urlEncoded = (text: string): string => encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));

// Below this the middle part of a base64 form says too little of the value, and matches by chance.
const SHORTEST_BASE64 = 8;

function* base64Forms(value: string): Generator<string> {
  const bytes = Buffer.from(value, 'utf8');
  for (let offset = 0; offset < 3; offset++) {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // Characters that also hold bits of what stands before or after the value differ from text to text.
    const start = offset === 0 ? 0 : offset + 1;
    const end = (offset + bytes.length) % 3 === 0 ? text.length : text.length - 1;
    const core = text.slice(start, end);
    if (core.length < SHORTEST_BASE64) continue;
    yield core;
    yield core.replaceAll('+', '-').replaceAll('/', '_');
  }
}

function deep(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) {
    const mapped = value.map((item) => deep(item, redact));
    return mapped.some((item, index) => item !== value[index]) ? mapped : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, deep(item, redact)] as const);
  const source = value as Record<string, unknown>;
  return entries.some(([key, item]) => item !== source[key]) ? Object.fromEntries(entries) : value;
}

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
