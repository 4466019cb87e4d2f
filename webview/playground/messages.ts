import type { FromPlayground, ToPlayground } from '../../emulator/contract/playground.ts';
import { Host } from '../page/host.ts';

export const host = new Host<ToPlayground, FromPlayground>();

const uploads = new Map<string, { resolve(url: string): void; reject(error: Error): void }>();

/** Hands a file to the extension, which puts it into the emulator's storage. Resolves with its URL there. */
export async function upload(file: File): Promise<string> {
  const id = crypto.randomUUID();
  const bytes = new Uint8Array(await file.arrayBuffer());
  const placed = new Promise<string>((resolve, reject) => uploads.set(id, { resolve, reject }));
  const contentType = file.type || 'application/octet-stream';
  host.send({ type: 'upload', upload: id, name: file.name, contentType, bytes });
  return placed;
}

/** What became of an upload. */
export function uploadEnded(message: Extract<ToPlayground, { type: 'uploaded' | 'uploadFailed' }>): void {
  const waiting = uploads.get(message.upload);
  uploads.delete(message.upload);
  if (message.type === 'uploaded') waiting?.resolve(message.url);
  else waiting?.reject(new Error(message.message));
}
