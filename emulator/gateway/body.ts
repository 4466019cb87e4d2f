import { type FileHandle, open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { LIMITS, WindtunnelError } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { StoredBody } from '../store/store.ts';
import { badRequest, HttpFailure, infrastructureFailure, tooLarge } from './failure.ts';

/** Announced size of a body in bytes; null when it is sent in chunks of unknown number. Refuses what is over `limit`. */
export function announcedSize(req: IncomingMessage, limit: number, what: string): number | null {
  const header = req.headers['content-length'];
  if (header === undefined) return req.headers['transfer-encoding'] === undefined ? 0 : null;
  const size = Number(header);
  if (size > limit) throw tooLarge(what, limit);
  return size;
}

/**
 * Reads a body chunk by chunk; stops the sender while `write` is pending. Rejects with 413 past `limit`, 408 when nothing
 * came for LIMITS.bodyIdleSeconds, 499 when the sender went away. The connection of a refused body is closed by the caller.
 */
export function pump(
  req: IncomingMessage,
  options: { clock: Clock; limit: number; what: string },
  write: (chunk: Buffer) => Promise<void> | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let size = 0;
    let settled = false;
    let last = options.clock.monotonic();
    const idleMs = LIMITS.bodyIdleSeconds * 1000;
    // While we hold the sender back, its silence is ours: a large body may wait minutes for a cold start.
    let holding = false;
    const check = (): void => {
      if (holding) last = options.clock.monotonic();
      const left = last + idleMs - options.clock.monotonic();
      if (left > 0) timer = options.clock.setTimeout(check, left);
      else finish(stalled());
    };
    let timer = options.clock.setTimeout(check, idleMs);
    const finish = (error: unknown): void => {
      if (settled) return;
      settled = true;
      timer.cancel();
      req.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onError);
      // What still comes is thrown away until the answer is out.
      req.on('error', () => undefined);
      if (error === null) resolve(size);
      else reject(error);
    };
    const onData = (chunk: Buffer): void => {
      last = options.clock.monotonic();
      size += chunk.length;
      if (size > options.limit) {
        finish(tooLarge(options.what, options.limit));
        return;
      }
      const pending = write(chunk);
      if (pending === undefined) return;
      holding = true;
      req.pause();
      pending.then(() => {
        holding = false;
        last = options.clock.monotonic();
        req.resume();
      }, finish);
    };
    const onEnd = (): void => finish(null);
    const onClose = (): void => finish(gone());
    const onError = (): void => finish(gone());
    req.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onError);
    if (req.destroyed && !req.complete) finish(gone());
  });
}

/** A body that fits in memory. */
export async function readBytes(
  req: IncomingMessage,
  options: { clock: Clock; limit: number; what: string },
): Promise<Buffer> {
  const announced = announcedSize(req, options.limit, options.what);
  if (announced === 0) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  await pump(req, options, (chunk) => void chunks.push(chunk));
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** A body parsed as a JSON object; an absent one is `{}`. 400 where it is anything else. */
export async function readJsonObject(req: IncomingMessage, clock: Clock): Promise<Record<string, unknown>> {
  const bytes = await readBytes(req, { clock, limit: LIMITS.inlineBodyBytes, what: 'The JSON body' });
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (cause) {
    throw badRequest(`The body is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('The body must be a JSON object.');
  }
  return value as Record<string, unknown>;
}

/**
 * A body for the store: in memory up to LIMITS.inlineBodyBytes, else in a synced file that `newFile` names. Leaves no file
 * when it fails; the caller removes it with `discardBody` when what comes after fails.
 */
export async function readStored(
  req: IncomingMessage,
  options: { clock: Clock; newFile: () => string },
): Promise<StoredBody> {
  const limit = LIMITS.bodyBytes;
  const what = 'The input';
  const announced = announcedSize(req, limit, what);
  if (announced !== null && announced <= LIMITS.inlineBodyBytes) {
    return { kind: 'bytes', bytes: await readBytes(req, { clock: options.clock, limit, what }) };
  }
  let held: Buffer[] = [];
  let heldBytes = 0;
  let path: string | null = null;
  let file: FileHandle | null = null;
  const spill = async (): Promise<void> => {
    if (file === null) {
      path = options.newFile();
      file = await open(path, 'wx', 0o600);
    }
    const chunks = held;
    held = [];
    heldBytes = 0;
    for (const chunk of chunks) await file.writeFile(chunk);
  };
  try {
    const size = await pump(req, { clock: options.clock, limit, what }, (chunk) => {
      held.push(chunk);
      heldBytes += chunk.length;
      return heldBytes > LIMITS.inlineBodyBytes ? spill() : undefined;
    });
    if (file === null) return { kind: 'bytes', bytes: Buffer.concat(held) };
    if (held.length > 0) await spill();
    await (file as FileHandle).sync();
    await (file as FileHandle).close();
    return { kind: 'file', path: path!, size };
  } catch (error) {
    await (file as FileHandle | null)?.close();
    if (path !== null) await rm(path, { force: true });
    throw onDisk(error);
  }
}

/** Removes the file of a body that nobody took over. */
export async function discardBody(body: StoredBody): Promise<void> {
  if (body.kind === 'file') await rm(body.path, { force: true });
}

/** A full disk by its name; anything else as it is. */
export function onDisk(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new WindtunnelError('E_DISK_FULL', 'The disk is full: the body could not be stored.', {
    hint: 'Free some space, or run `windtunnel clean`.',
    cause: error,
  });
}

function gone(): HttpFailure {
  return infrastructureFailure('client_disconnected', 'The client went away while it sent the body.', 'E_CANCELLED');
}

function stalled(): HttpFailure {
  const error = new WindtunnelError('E_LIMIT', `No byte of the body came for ${LIMITS.bodyIdleSeconds} s.`);
  return new HttpFailure(408, error, { headers: [['connection', 'close']] });
}
