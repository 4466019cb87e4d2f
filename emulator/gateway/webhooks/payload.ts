import { readFile } from 'node:fs/promises';
import { LIMITS, type RequestOutcome, type RequestRecord } from '../../contract/index.ts';
import type { StoredBody } from '../../store/store.ts';
import { FileUrlRewriter } from '../files/file-urls.ts';

/** fal's own words (docs: model-apis/inference/webhooks). */
const NOT_JSON =
  'Response payload is not JSON serializable. Either return a JSON serializable object or use the queue endpoint to retrieve the response.';

/**
 * The body of a webhook: OK where the final answer is HTTP 200, else ERROR with the status; the app's JSON as its payload, byte
 * by byte but for the URLs of our files, which take their loopback form: the receiver need not run under `exec`.
 */
export async function webhookBody(
  record: RequestRecord,
  outcome: RequestOutcome,
  result: StoredBody | null,
  publicUrl: string,
): Promise<Buffer> {
  const ok = outcome.status === 200;
  const head = {
    request_id: record.id,
    gateway_request_id: record.gatewayRequestId,
    status: ok ? 'OK' : 'ERROR',
    ...(ok ? {} : { error: `Invalid status code: ${outcome.status}` }),
  };
  const payload = await jsonOf(outcome, result);
  const start = JSON.stringify(head).slice(0, -1);
  if (typeof payload === 'string') {
    return Buffer.from(`${start},"payload":null,"payload_error":${JSON.stringify(payload)}}`);
  }
  return Buffer.concat([
    Buffer.from(`${start},"payload":`),
    new FileUrlRewriter(publicUrl).whole(payload),
    Buffer.from('}'),
  ]);
}

/** The answer where it is JSON, else why it cannot be sent. */
async function jsonOf(outcome: RequestOutcome, result: StoredBody | null): Promise<Buffer | string> {
  if (result === null) return 'The result has expired.';
  const type = outcome.headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  if (!/^[^;]*\bjson\b/i.test(type)) return NOT_JSON;
  const size = result.kind === 'file' ? result.size : result.bytes.byteLength;
  if (size > LIMITS.webhookPayloadBytes) {
    return `The response is larger than ${LIMITS.webhookPayloadBytes} bytes; use the queue endpoint to retrieve it.`;
  }
  const bytes = result.kind === 'file' ? await readFile(result.path) : Buffer.from(result.bytes);
  try {
    JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return NOT_JSON;
    throw error;
  }
  return bytes;
}
