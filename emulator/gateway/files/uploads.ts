import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { LIMITS, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Acl } from '../access/acl.ts';
import { announcedSize, onDisk, pump } from '../body.ts';
import { badRequest, HttpFailure, tooLarge } from '../failure.ts';
import type { FileMeta, FileStore } from './file-store.ts';

/** What is known of a file before its bytes. */
export interface FileDraft {
  name: string;
  contentType: string | null;
  /** ms since the epoch. */
  expiresAt: number | null;
  /** Null: anyone with the URL may read. */
  acl: Acl | null;
  /** Who uploads. */
  owner: string;
}

interface Part {
  path: string;
  size: number;
  etag: string;
}

/** An upload under way. Its id is the permission to write to it. */
export interface Upload {
  readonly id: string;
  readonly fileId: string;
  readonly draft: FileDraft;
  readonly parts: Map<number, Part>;
  readonly startedAt: number;
  done: boolean;
}

/** Uploads that nobody finishes are forgotten after this. */
const ABANDONED_MS = 24 * 3_600_000;
/** As S3, which fal's multipart form follows. */
const MAX_PARTS = 10_000;

/** Uploads in one piece and in parts, until their file is published. */
export class Uploads {
  private readonly files: FileStore;
  private readonly clock: Clock;
  private readonly pending = new Map<string, Upload>();

  constructor(files: FileStore, clock: Clock) {
    this.files = files;
    this.clock = clock;
  }

  begin(draft: FileDraft): Upload {
    this.forgetAbandoned();
    const upload: Upload = {
      id: randomBytes(16).toString('hex'),
      fileId: this.files.newId(),
      draft,
      parts: new Map(),
      startedAt: this.clock.now(),
      done: false,
    };
    this.pending.set(upload.id, upload);
    return upload;
  }

  /** The upload of an id; 404 when there is none (any more). */
  get(id: string): Upload {
    const upload = this.pending.get(id);
    if (upload !== undefined) return upload;
    const error = new WindtunnelError('E_FILE_GONE', 'No upload of that id is under way.', {
      hint: 'Begin it again: uploads do not outlive the emulator, nor a day.',
    });
    throw new HttpFailure(404, error);
  }

  /** Receives a whole file and publishes it. Again for the same upload = replaces it: clients retry. */
  async receive(req: IncomingMessage, upload: Upload): Promise<FileMeta> {
    const part = await this.write(req, LIMITS.uploadBytes);
    upload.done = true;
    return this.publish(upload, part, req.headers['content-type'] ?? null);
  }

  /** Receives one part, in any order; zero bytes are fine (fal_client's sync upload sends such parts). Returns its ETag. */
  async receivePart(req: IncomingMessage, upload: Upload, number: number): Promise<string> {
    if (upload.done) throw badRequest('The upload is complete already.');
    if (number < 1 || number > MAX_PARTS) throw badRequest(`Part numbers are 1 to ${MAX_PARTS}.`);
    let others = 0;
    for (const [n, part] of upload.parts) if (n !== number) others += part.size;
    const part = await this.write(req, LIMITS.uploadBytes - others);
    const old = upload.parts.get(number);
    upload.parts.set(number, part);
    if (old !== undefined) await rm(old.path, { force: true });
    return part.etag;
  }

  /** Joins the named parts in the order of their numbers and publishes the file. Again = the same answer. */
  async complete(upload: Upload, named: { number: number; etag: string | null }[]): Promise<void> {
    if (upload.done) return;
    const numbers = [...new Set(named.map((part) => part.number))].sort((a, b) => a - b);
    if (numbers.length === 0) throw badRequest('No parts were named.', 'Send {"parts": [{"partNumber", "etag"}, …]}.');
    const etags = new Map(named.map((part) => [part.number, part.etag]));
    const parts = numbers.map((number) => {
      const part = upload.parts.get(number);
      if (part === undefined) throw badRequest(`Part ${number} was never uploaded.`);
      const etag = etags.get(number);
      if (etag !== null && bare(etag ?? '') !== bare(part.etag)) throw badRequest(`Part ${number} has another ETag.`);
      return part;
    });
    upload.done = true;
    const joined = await this.join(parts).catch((error: unknown) => {
      upload.done = false;
      throw onDisk(error);
    });
    await this.publish(upload, joined, null);
    for (const part of upload.parts.values()) await rm(part.path, { force: true });
    upload.parts.clear();
  }

  private async publish(upload: Upload, part: Part, sentType: string | null): Promise<FileMeta> {
    const meta: FileMeta = {
      id: upload.fileId,
      name: upload.draft.name,
      contentType: upload.draft.contentType ?? sentType ?? 'application/octet-stream',
      size: part.size,
      etag: part.etag,
      createdAt: this.clock.now(),
      expiresAt: upload.draft.expiresAt,
      acl: upload.draft.acl,
      owner: upload.draft.owner,
    };
    await this.files.publish(part.path, meta);
    return meta;
  }

  private async write(req: IncomingMessage, limit: number): Promise<Part> {
    const what = 'The upload';
    announcedSize(req, Math.max(limit, 0), what);
    const path = this.files.newTemp();
    const hash = createHash('sha256');
    return this.intoFile(path, hash, (file) => {
      return pump(req, { clock: this.clock, limit, what }, (chunk) => {
        hash.update(chunk);
        return file.writeFile(chunk);
      });
    });
  }

  private async join(parts: Part[]): Promise<Part> {
    const path = this.files.newTemp();
    const hash = createHash('sha256');
    return this.intoFile(path, hash, async (file) => {
      let size = 0;
      for (const part of parts) {
        for await (const chunk of createReadStream(part.path, { highWaterMark: 1024 * 1024 })) {
          hash.update(chunk);
          await file.writeFile(chunk);
          size += chunk.length;
        }
      }
      if (size > LIMITS.uploadBytes) throw tooLarge('The upload', LIMITS.uploadBytes);
      return size;
    });
  }

  private async intoFile(
    path: string,
    hash: ReturnType<typeof createHash>,
    fill: (file: FileHandle) => Promise<number>,
  ): Promise<Part> {
    try {
      const file = await open(path, 'wx', 0o600);
      let size: number;
      try {
        size = await fill(file);
        await file.sync();
      } finally {
        await file.close();
      }
      return { path, size, etag: `"${hash.digest('hex').slice(0, 32)}"` };
    } catch (error) {
      await rm(path, { force: true });
      throw onDisk(error);
    }
  }

  private forgetAbandoned(): void {
    const before = this.clock.now() - ABANDONED_MS;
    for (const upload of this.pending.values()) {
      // In order of their begin.
      if (upload.startedAt > before) return;
      this.pending.delete(upload.id);
      for (const part of upload.parts.values()) void rm(part.path, { force: true });
    }
  }
}

function bare(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}
