import * as z from 'zod/mini';
import { WindtunnelError } from '../../../emulator/contract/index.ts';

const InitiatedSchema = z.object({ upload_url: z.string(), file_url: z.string() });

/** Puts a file into the emulator's storage the way an official client does. Resolves with its URL. */
export async function uploadFile(
  url: string,
  headers: Record<string, string>,
  file: { name: string; contentType: string; bytes: Uint8Array },
): Promise<string> {
  const initiated = await fetch(`${url}/storage/upload/initiate?storage_type=fal-cdn-v3`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ file_name: file.name, content_type: file.contentType }),
  });
  if (!initiated.ok) throw refused('The upload', initiated.status, await initiated.text());
  const { upload_url: target, file_url: place } = InitiatedSchema.parse(await initiated.json());
  const put = await fetch(target, {
    method: 'PUT',
    headers: { 'content-type': file.contentType },
    body: new Uint8Array(file.bytes),
  });
  if (!put.ok) throw refused('The upload', put.status, await put.text());
  return place;
}

/** A larger file is saved, not shown: its bytes would be in memory three times. */
export const MAX_SHOWN_BYTES = 64 * 1024 * 1024;

/** Under which address a file that an answer names is to be had here; null where it is not the emulator's. */
export function localAddress(url: string, emulator: string): string | null {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return null;
  const isFals = hostname === 'fal.media' || hostname.endsWith('.fal.media');
  const isHere = /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(hostname) && port === new URL(emulator).port;
  return isFals || isHere ? `${emulator}${pathname}${search}` : null;
}

/** The bytes of a file of the emulator, or of a data URI. Rejects where it is neither. */
export async function fileBytes(url: string, emulator: string): Promise<Uint8Array> {
  const address = url.startsWith('data:') ? url : localAddress(url, emulator);
  if (address === null) throw new WindtunnelError('E_BAD_REQUEST', `Not a file of this emulator: ${url}`);
  const response = await fetch(address);
  if (!response.ok) throw refused(url, response.status, await response.text());
  return new Uint8Array(await response.arrayBuffer());
}

/** Size of a file of the emulator as its head tells it; null where it tells none. */
export async function fileSize(address: string): Promise<number | null> {
  const response = await fetch(address, { method: 'HEAD' });
  if (!response.ok) throw refused(address, response.status, '');
  const length = response.headers.get('content-length');
  return length === null ? null : Number(length);
}

const refused = (what: string, status: number, body: string): WindtunnelError =>
  new WindtunnelError('E_BAD_REQUEST', `${what} was answered with ${status}. ${body.slice(0, 300)}`.trim());
