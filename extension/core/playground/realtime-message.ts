import { decode, encode } from '@msgpack/msgpack';
import type { FormSchema } from '../../../emulator/contract/index.ts';
import { isObject, type JsonObject, resolvedIn } from './json-schema.ts';
import { bytesAsDataUri } from './media.ts';

/** An input as a frame of fal's realtime protocol: msgpack, with bytes for the data URI of every `bytes` of the form. */
export function encodeRealtime(input: unknown, form: FormSchema | null): Uint8Array {
  return encode(form ? withBytes(input, form, form) : input);
}

/** A frame as JSON can hold it: bytes become data URIs. */
export function decodeRealtime(frame: Uint8Array): unknown {
  return withoutBytes(decode(frame));
}

function withBytes(value: unknown, schema: unknown, root: JsonObject): unknown {
  if (!isObject(schema)) return value;
  const { format, items, properties } = resolvedIn(schema, root);
  if (typeof value === 'string' && format === 'binary') return bytesOf(value);
  if (Array.isArray(value)) return value.map((item) => withBytes(item, items, root));
  if (!isObject(value) || !isObject(properties)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withBytes(inner, properties[name], root)]),
  );
}

function bytesOf(text: string): Uint8Array | string {
  const match = /^data:[^,]*;base64,(.*)$/s.exec(text);
  return match ? new Uint8Array(Buffer.from(match[1] ?? '', 'base64')) : text;
}

function withoutBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return bytesAsDataUri(value);
  if (Array.isArray(value)) return value.map(withoutBytes);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutBytes(inner)]));
}
