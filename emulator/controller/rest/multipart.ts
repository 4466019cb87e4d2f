import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { WindtunnelError } from '../../contract/index.ts';
import { UPLOAD_BYTES } from './route.ts';

interface Upload {
  target: string;
  /** Temporary file of each part by its number. */
  parts: Map<number, string>;
  bytes: number;
}

/** Uploads of one file in parts, which may arrive in any order and at once. */
export class MultipartUploads {
  private readonly uploads = new Map<string, Upload>();
  private readonly newFile: () => string;

  /** `newFile`: a path for a part, on the file system of what is assembled. */
  constructor(newFile: () => string) {
    this.newFile = newFile;
  }

  begin(target: string): string {
    const id = randomUUID();
    this.uploads.set(id, { target, parts: new Map(), bytes: 0 });
    return id;
  }

  /** Keeps one part and answers with its etag (MD5, as S3 has it). Rejects with E_LIMIT, E_BAD_REQUEST. */
  async put(id: string, target: string, number: number, bytes: Uint8Array): Promise<string> {
    const upload = this.mustHave(id, target);
    upload.bytes += bytes.byteLength;
    if (upload.bytes > UPLOAD_BYTES)
      throw new WindtunnelError('E_LIMIT', `The upload is larger than ${UPLOAD_BYTES} bytes.`);
    const file = upload.parts.get(number) ?? this.newFile();
    upload.parts.set(number, file);
    const handle = await open(file, 'w', 0o600);
    try {
      await handle.writeFile(bytes);
    } finally {
      await handle.close();
    }
    return createHash('md5').update(bytes).digest('hex');
  }

  /** The whole file, in the order of its parts, at a new path that is the caller's; and its MD5. */
  async complete(id: string, target: string): Promise<{ file: string; md5: string }> {
    const upload = this.mustHave(id, target);
    const file = this.newFile();
    const md5 = createHash('md5');
    const handle = await open(file, 'w', 0o600);
    try {
      for (const [, part] of [...upload.parts].sort(([a], [b]) => a - b)) {
        for await (const chunk of createReadStream(part) as AsyncIterable<Buffer>) {
          md5.update(chunk);
          await handle.writeFile(chunk);
        }
      }
    } finally {
      await handle.close();
    }
    await this.cancel(id);
    return { file, md5: md5.digest('hex') };
  }

  async cancel(id: string): Promise<void> {
    const upload = this.uploads.get(id);
    this.uploads.delete(id);
    for (const part of upload?.parts.values() ?? []) await rm(part, { force: true });
  }

  private mustHave(id: string, target: string): Upload {
    const upload = this.uploads.get(id);
    if (upload?.target === target) return upload;
    throw new WindtunnelError('E_FILE_GONE', `No upload ${id} is under way for ${target}.`);
  }
}
