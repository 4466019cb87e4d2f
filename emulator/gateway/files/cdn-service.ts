import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import { decide } from '../access/acl.ts';
import { readJsonObject } from '../body.ts';
import type { GatewayDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { badRequest, HttpFailure, notEmulated, wrongMethod } from '../failure.ts';
import { sendJson } from '../respond.ts';
import { fileDraft } from './draft.ts';
import type { FileMeta } from './file-store.ts';
import { FILE_ID } from './file-urls.ts';
import { filesBase, fileUrl } from './locations.ts';
import { parseRange } from './range.ts';
import { runNothing } from './run-nothing.ts';
import type { Upload } from './uploads.ts';

const PartsSchema = z.array(
  z.object({
    partNumber: z.optional(z.int()),
    part_number: z.optional(z.int()),
    etag: z.optional(z.nullable(z.string())),
  }),
);

/** `v3.fal.media`: files by URL, and the uploads to them. */
export async function serveCdn(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  const { req, route } = exchange;
  const method = req.method ?? 'GET';
  const segments = route.path.split('/').slice(1);
  if (segments[0] !== 'files') throw remoteFile(exchange);
  if (segments[1] === 'upload') {
    if (method !== 'POST') throw wrongMethod(method, 'an upload', 'POST');
    if (segments[2] === undefined) await uploadWhole(exchange, deps);
    else if (segments[2] === 'multipart') beginMultipart(exchange, deps);
    else throw notEmulated(`The CDN call ${method} ${route.path}`);
  } else if (segments[1] === 'uploads') {
    await serveUpload(exchange, deps, deps.uploads.get(segments[2] ?? ''), segments[3]);
  } else if (segments[3] === 'multipart') {
    const upload = deps.uploads.get(segments[4] ?? '');
    await serveUpload(exchange, deps, upload, segments[5]);
  } else if (method === 'GET' || method === 'HEAD') {
    await serveFile(exchange, deps);
  } else {
    throw wrongMethod(method, 'a file', 'GET');
  }
}

/** POST /files/upload: the file is the body. */
async function uploadWhole(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  const { req, res, route } = exchange;
  const draft = fileDraft(req.headers['x-fal-file-name'], req.headers['content-type'], exchange, deps.clock.now());
  const meta = await deps.uploads.receive(req, deps.uploads.begin(draft));
  sendJson(res, 200, { access_url: fileUrl(filesBase(route, deps), meta.id, meta.name) });
}

/** POST /files/upload/multipart: an empty call that names the file. */
function beginMultipart(exchange: Exchange, deps: GatewayDeps): void {
  const { req, res, route } = exchange;
  const draft = fileDraft(req.headers['x-fal-file-name'], req.headers['content-type'], exchange, deps.clock.now());
  const upload = deps.uploads.begin(draft);
  const access_url = fileUrl(filesBase(route, deps), upload.fileId, draft.name);
  sendJson(res, 200, { access_url, uploadId: upload.id });
}

/** Writes to an upload address: the whole file, a part, or the end of all parts. */
async function serveUpload(
  exchange: Exchange,
  deps: GatewayDeps,
  upload: Upload,
  part: string | undefined,
): Promise<void> {
  const { req, res, route } = exchange;
  const method = req.method ?? 'GET';
  if (part === undefined) {
    if (method !== 'PUT') throw wrongMethod(method, 'an upload address', 'PUT');
    const meta = await deps.uploads.receive(req, upload);
    sendJson(res, 200, {}, [['etag', meta.etag]]);
    return;
  }
  if (part === 'complete') {
    if (method !== 'POST') throw wrongMethod(method, 'the end of an upload', 'POST');
    await deps.uploads.complete(upload, namedParts((await readJsonObject(req, deps.clock)).parts));
    sendJson(res, 200, { access_url: fileUrl(filesBase(route, deps), upload.fileId, upload.draft.name) });
    return;
  }
  if (!/^\d{1,5}$/.test(part)) throw badRequest(`${JSON.stringify(part)} is no part number.`);
  const number = Number(part);
  if (method === 'POST') {
    // The `gcs` form asks for the address of each part first (fal SDK, MultipartUploadGCS).
    sendJson(res, 200, { upload_url: `${filesBase(route, deps)}/files/uploads/${upload.id}/${number}` });
    return;
  }
  if (method !== 'PUT') throw wrongMethod(method, 'a part', 'PUT');
  const etag = await deps.uploads.receivePart(req, upload, number);
  // The SDK reads the header, @fal-ai/client the body.
  sendJson(res, 200, { partNumber: number, etag }, [['etag', etag]]);
}

async function serveFile(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  const { req, res } = exchange;
  const id = exchange.route.path.split('/').find((segment) => FILE_ID.test(segment));
  if (id === undefined) throw remoteFile(exchange);
  const meta = await deps.files.find(id);
  if (meta === null) {
    throw new HttpFailure(404, new WindtunnelError('E_FILE_GONE', 'This file has expired, or never was here.'));
  }
  // What comes through a tunnel is an app here: it reads as the owner.
  const own = exchange.connection.identity !== undefined;
  const decision = decide(meta.acl, own ? meta.owner : (exchange.caller.identity?.user ?? null), meta.owner);
  if (decision === 'hide') {
    throw new HttpFailure(404, new WindtunnelError('E_FILE_GONE', 'This file has expired, or never was here.'));
  }
  if (decision === 'forbid') {
    const error = new WindtunnelError('E_UNAUTHORIZED', 'The ACL of this file does not let you read it.', {
      hint: 'Send a key of this emulator, or upload it with another initial_acl.',
    });
    throw new HttpFailure(403, error);
  }
  setFileHeaders(exchange, meta);
  if (req.headers['if-none-match'] === meta.etag) {
    res.writeHead(304).end();
    return;
  }
  const ifRange = req.headers['if-range'];
  const asked = ifRange === undefined || ifRange === meta.etag ? req.headers.range : undefined;
  const range = parseRange(asked, meta.size);
  if (range === 'unsatisfiable') {
    res.writeHead(416, { 'content-range': `bytes */${meta.size}`, 'content-length': 0 }).end();
    return;
  }
  const { start, end } = range === 'whole' ? { start: 0, end: meta.size - 1 } : range;
  res.statusCode = range === 'whole' ? 200 : 206;
  if (range !== 'whole') res.setHeader('content-range', `bytes ${start}-${end}/${meta.size}`);
  res.setHeader('content-length', end - start + 1);
  if (req.method === 'HEAD' || end < start) {
    res.end();
    return;
  }
  await pipeline(createReadStream(deps.files.path(meta.id), { start, end }), res);
}

function setFileHeaders({ res }: Exchange, meta: FileMeta): void {
  res.setHeader('content-type', meta.contentType);
  res.setHeader('accept-ranges', 'bytes');
  res.setHeader('etag', meta.etag);
  res.setHeader('last-modified', new Date(meta.createdAt).toUTCString());
  runNothing(res, meta.contentType);
}

function namedParts(value: unknown): { number: number; etag: string | null }[] {
  const parsed = PartsSchema.safeParse(value);
  if (!parsed.success) throw badRequest('`parts` must be a list of {"partNumber", "etag"}.');
  return parsed.data.map((part) => {
    const number = part.partNumber ?? part.part_number;
    if (number === undefined) throw badRequest('A part has no partNumber.');
    return { number, etag: part.etag ?? null };
  });
}

function remoteFile({ route }: Exchange): WindtunnelError {
  return new WindtunnelError('E_REMOTE_FILE', `The file ${route.path} is not here, and nothing was fetched from fal.`, {
    hint: 'Upload it here (fal_client.upload_file, fal.storage.upload) and use that URL. The real one is there for programs that run without `windtunnel exec`.',
  });
}
