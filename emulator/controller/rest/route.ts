import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS, WindtunnelError } from '../../contract/index.ts';
import type { AdminCall } from '../create-controller.ts';

/** One REST call: its groups are given decoded. */
export interface RestRoute {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  pattern: RegExp;
  handle(call: AdminCall, ...groups: string[]): Promise<void> | void;
}

export function sendJson(res: ServerResponse, body: unknown, status = 200): void {
  const bytes = Buffer.from(JSON.stringify(body));
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length }).end(bytes);
}

/** Bodies of these calls are JSON or parts of files of 10 MB: small enough for memory. */
const BODY_BYTES = 64 * 1024 * 1024;

/** Rejects with E_LIMIT, E_CANCELLED. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES) throw new WindtunnelError('E_LIMIT', `The body is larger than ${BODY_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Rejects with E_BAD_REQUEST. */
export async function readJson(req: IncomingMessage): Promise<unknown> {
  const text = (await readBody(req)).toString('utf8');
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch (cause) {
    throw new WindtunnelError('E_BAD_REQUEST', 'The body is not JSON.', { cause });
  }
}

/** The bytes of the form's field `file_upload`, as the SDK sends a part or a file. Rejects with E_BAD_REQUEST. */
export async function readUpload(req: IncomingMessage): Promise<Uint8Array> {
  const body = await readBody(req);
  const form = await new Response(new Uint8Array(body), {
    headers: { 'content-type': req.headers['content-type'] ?? '' },
  })
    .formData()
    .catch((cause: unknown) => {
      throw new WindtunnelError('E_BAD_REQUEST', 'The body is no form.', { cause });
    });
  const file = form.get('file_upload');
  if (file === null) throw new WindtunnelError('E_BAD_REQUEST', 'The form has no field file_upload.');
  return typeof file === 'string' ? Buffer.from(file) : new Uint8Array(await file.arrayBuffer());
}

/** Most of an upload that comes in parts. */
export const UPLOAD_BYTES = LIMITS.uploadBytes;
