import { chmod, rm } from 'node:fs/promises';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import type { RestParts } from './admin-rest.ts';
import { MultipartUploads } from './multipart.ts';
import { type RestRoute, readJson, readUpload, sendJson } from './route.ts';

const HashesSchema = z.object({ hashes: z.array(z.string()) });
/** As the SDK sends it: numbers as text (file_sync.py, FileMetadata.to_dict). */
const MetadataSchema = z.object({ mode: z.string().check(z.regex(/^\d+$/)) });
const CompleteSchema = z.object({ metadata: MetadataSchema });

const UPLOAD = '/files/app/multipart/([^/]+)';

/** Uploads of `app_files`, each file once, named by the hash of its content and mode. */
export function appFileRoutes({ surroundings }: RestParts): RestRoute[] {
  const { blobs } = surroundings;
  const uploads = new MultipartUploads(() => blobs.temporary());
  return [
    {
      method: 'POST',
      pattern: /^\/files\/missing_hashes\/?$/,
      handle: async ({ req, res }) => {
        const { hashes } = parse(HashesSchema, await readJson(req));
        sendJson(
          res,
          [...new Set(hashes)].filter((hash) => !blobs.has(hash)),
        );
      },
    },
    {
      method: 'POST',
      pattern: new RegExp(`^${UPLOAD}/initiate$`),
      handle: async ({ req, res }, hash) => {
        await readJson(req);
        // 409 is for the client: it is there already, which is fine.
        if (blobs.has(hash ?? '')) sendJson(res, { detail: 'The file is here already.' }, 409);
        else sendJson(res, { upload_id: uploads.begin(hash ?? '') });
      },
    },
    {
      method: 'PUT',
      pattern: new RegExp(`^${UPLOAD}/([^/]+)/(\\d+)$`),
      handle: async ({ req, res }, hash = '', id = '', number = '') => {
        const etag = await uploads.put(id, hash, Number(number), await readUpload(req));
        sendJson(res, { part_number: Number(number), etag });
      },
    },
    {
      method: 'POST',
      pattern: new RegExp(`^${UPLOAD}/([^/]+)/complete$`),
      handle: async ({ req, res }, hash = '', id = '') => {
        const { metadata } = parse(CompleteSchema, await readJson(req));
        const { file, md5 } = await uploads.complete(id, hash);
        if ((await blobs.hashOf(file, metadata.mode)) !== hash) {
          await rm(file, { force: true });
          throw new WindtunnelError('E_BAD_REQUEST', `What was uploaded is not the file of the hash ${hash}.`);
        }
        // A runner gets a copy with the same rights; ours to read in any case.
        await chmod(file, (Number(metadata.mode) & 0o777) | 0o600);
        await blobs.adopt(file, hash);
        sendJson(res, { etag: md5 });
      },
    },
    {
      method: 'POST',
      pattern: new RegExp(`^${UPLOAD}/([^/]+)/cancel$`),
      handle: async ({ res }, _hash, id = '') => {
        await uploads.cancel(id);
        sendJson(res, {});
      },
    },
  ];
}

export function parse<S extends z.core.$ZodType>(schema: S, value: unknown): z.infer<S> {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  throw new WindtunnelError('E_BAD_REQUEST', `The body is malformed: ${z.prettifyError(parsed.error)}`);
}
