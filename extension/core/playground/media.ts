import type { MediaItem } from '../../../emulator/contract/index.ts';
import { isObject } from './json-schema.ts';

type Kind = MediaItem['kind'];

/** A file that an answer names, as far as the answer itself tells. */
export interface NamedMedia {
  url: string;
  kind: Kind;
  name: string;
  contentType: string;
}

const TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
  svg: 'image/svg+xml',
  bmp: 'image/bmp',
  mp4: 'video/mp4',
  webm: 'video/webm',
  mov: 'video/quicktime',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
  zip: 'application/zip',
  safetensors: 'application/octet-stream',
  glb: 'model/gltf-binary',
};

/** The files in an answer, in its order, each once: objects with a `url`, as the toolkit writes them, and bare URLs. */
export function mediaIn(value: unknown): NamedMedia[] {
  const found = new Map<string, NamedMedia>();
  const take = (url: string, contentType: string | null, name: string | null): boolean => {
    const media = named(url, contentType, name);
    if (media && !found.has(url)) found.set(url, media);
    return media !== null;
  };
  const visit = (inner: unknown): void => {
    if (typeof inner === 'string') take(inner, null, null);
    else if (Array.isArray(inner)) inner.forEach(visit);
    else if (isObject(inner)) {
      const { url, content_type: type, file_name: file } = inner;
      if (typeof url === 'string') {
        take(url, typeof type === 'string' ? type : null, typeof file === 'string' ? file : null);
      }
      Object.values(inner).forEach(visit);
    }
  };
  visit(value);
  return [...found.values()];
}

function named(url: string, contentType: string | null, name: string | null): NamedMedia | null {
  const data = /^data:([\w.+-]+\/[\w.+-]+)?[;,]/.exec(url);
  if (data) {
    const type = data[1] ?? 'text/plain';
    return { url, kind: kindOf(type), name: name ?? `result.${type.split('/')[1] ?? 'bin'}`, contentType: type };
  }
  if (!/^https?:\/\//.test(url) || /\s/.test(url)) return null;
  const file = decodeURIComponent(
    url
      .replace(/[?#].*$/s, '')
      .split('/')
      .at(-1) ?? '',
  );
  const type = contentType ?? TYPES[file.split('.').at(-1)?.toLowerCase() ?? ''] ?? null;
  // A link that is no file, such as one to a web page.
  if (type === null && name === null) return null;
  return { url, kind: kindOf(type ?? ''), name: name ?? file, contentType: type ?? 'application/octet-stream' };
}

function kindOf(contentType: string): Kind {
  const [family] = contentType.split('/');
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'file';
}

/** Bytes of a realtime message as a data URI, with the type that their first bytes tell. */
export function bytesAsDataUri(bytes: Uint8Array): string {
  return `data:${sniffed(bytes)};base64,${Buffer.from(bytes).toString('base64')}`;
}

function sniffed(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (head.startsWith('\x89PNG')) return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (head.startsWith('GIF8')) return 'image/gif';
  if (head.startsWith('RIFF')) return head.slice(8) === 'WEBP' ? 'image/webp' : 'audio/wav';
  if (head.startsWith('OggS')) return 'audio/ogg';
  return head.slice(4, 8) === 'ftyp' ? 'video/mp4' : 'application/octet-stream';
}
