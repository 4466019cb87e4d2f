import { copyFile, rm } from 'node:fs/promises';
import { LIMITS, type RequestRecord, WindtunnelError } from '../contract/index.ts';
import { mergePatch } from '../core/merge-patch.ts';
import type { StoredBody } from '../store/store.ts';
import type { Queue } from './fleet.ts';
import type { FleetContext } from './options.ts';

/**
 * Submits a recorded request again: same app, path, headers and input, the latter with a merge patch where `edit` is given. Its
 * webhook is not asked for again. Rejects with E_BAD_REQUEST where there is no input to send, or none that can be edited.
 */
export async function replay(
  context: FleetContext,
  queue: Queue,
  original: RequestRecord,
  edit?: { patch: unknown },
): Promise<RequestRecord> {
  const { app, path, method, priority, hint, noRetry, retryConfig, headers, id: of } = original;
  if (!original.storeIo && original.state === 'COMPLETED') {
    throw new WindtunnelError('E_BAD_REQUEST', `The input of ${of} was not stored: its caller sent X-Fal-Store-IO: 0.`);
  }
  const input = await context.store.input(of);
  const body = edit ? edited(of, input, edit.patch) : await copied(context, input);
  const rest = { priority, hint, noRetry, retryConfig, headers, startTimeout: null, maxQueueLength: null };
  try {
    const record = await queue.submit({ app, path, method, body, webhook: null, storeIo: original.storeIo, ...rest });
    context.bus.emit({ type: 'request.replay', app, request: record.id, of });
    return record;
  } catch (error) {
    if (body.kind === 'file') await rm(body.path, { force: true });
    throw error;
  }
}

/** The file of a body belongs to its request. */
async function copied(context: FleetContext, input: StoredBody): Promise<StoredBody> {
  if (input.kind === 'bytes') return input;
  const path = context.store.newBodyFile();
  await copyFile(input.path, path);
  return { ...input, path };
}

function edited(of: string, input: StoredBody, patch: unknown): StoredBody {
  if (input.kind === 'file') {
    const limit = LIMITS.inlineBodyBytes;
    throw new WindtunnelError(
      'E_BAD_REQUEST',
      `The input of ${of} is larger than ${limit} bytes and cannot be edited.`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(input.bytes).toString('utf8') || '{}');
  } catch (cause) {
    throw new WindtunnelError('E_BAD_REQUEST', `The input of ${of} is no JSON and cannot be edited.`, { cause });
  }
  return { kind: 'bytes', bytes: Buffer.from(JSON.stringify(mergePatch(value, patch))) };
}
