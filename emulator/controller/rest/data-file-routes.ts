import { createReadStream, type Stats } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import type { RestParts } from './admin-rest.ts';
import { parse } from './app-file-routes.ts';
import { DataFolder } from './data-folder.ts';
import { MultipartUploads } from './multipart.ts';
import { type RestRoute, readJson, readUpload, sendJson } from './route.ts';

const RenameSchema = z.object({ destination: z.string() });

/** `fal files`: the files that apps see under /data. */
export function dataFileRoutes({ dataDir, surroundings }: RestParts): RestRoute[] {
  const data = new DataFolder(dataDir);
  const uploads = new MultipartUploads(() => surroundings.blobs.temporary());
  return [
    {
      method: 'GET',
      pattern: /^\/files\/list\/(.*)$/,
      handle: ({ res }, name = '') => list(name, data).then((all) => sendJson(res, all)),
    },
    {
      method: 'POST',
      pattern: /^\/files\/file\/multipart\/(.*)\/initiate$/,
      handle: async ({ req, res }, name = '') => {
        await readJson(req);
        await data.locate(name);
        sendJson(res, { upload_id: uploads.begin(name) });
      },
    },
    {
      method: 'PUT',
      pattern: /^\/files\/file\/multipart\/(.*)\/([^/]+)\/(\d+)$/,
      handle: async ({ req, res }, name = '', id = '', number = '') => {
        const etag = await uploads.put(id, name, Number(number), await readUpload(req));
        sendJson(res, { part_number: Number(number), etag });
      },
    },
    {
      method: 'POST',
      pattern: /^\/files\/file\/multipart\/(.*)\/([^/]+)\/complete$/,
      handle: async ({ req, res }, name = '', id = '') => {
        await readJson(req);
        const { file, md5 } = await uploads.complete(id, name);
        const target = await data.locate(name);
        await mkdir(path.dirname(target), { recursive: true });
        // The state and /data may be on different file systems.
        await copyFile(file, target);
        await rm(file, { force: true });
        sendJson(res, { etag: md5 });
      },
    },
    {
      method: 'POST',
      pattern: /^\/files\/file\/multipart\/(.*)\/([^/]+)\/cancel$/,
      handle: async ({ res }, _name, id = '') => {
        await uploads.cancel(id);
        sendJson(res, {});
      },
    },
    {
      method: 'POST',
      pattern: /^\/files\/file\/local\/(.*)$/,
      handle: async ({ req, res, query }, name = '') => {
        if (query.has('unzip') && query.get('unzip') !== 'false') {
          throw new WindtunnelError('E_NOT_EMULATED', 'Unpacking an uploaded archive is not emulated.');
        }
        const target = await data.locate(name);
        const bytes = await readUpload(req);
        await mkdir(path.dirname(target), { recursive: true });
        await writeFile(target, bytes);
        sendJson(res, {});
      },
    },
    {
      method: 'POST',
      pattern: /^\/files\/file\/url\/(.*)$/,
      handle: () => {
        throw new WindtunnelError('E_NOT_EMULATED', 'Downloading a URL into /data is not emulated.', {
          hint: 'Download it here and use `fal files upload`.',
        });
      },
    },
    {
      method: 'GET',
      pattern: /^\/files\/file\/(.*)$/,
      handle: async ({ res }, name = '') => {
        const file = await mustBeThere(name, data);
        const { size } = await stat(file);
        res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
        await pipeline(createReadStream(file), res);
      },
    },
    {
      method: 'DELETE',
      pattern: /^\/files\/file\/(.*)$/,
      handle: async ({ res }, name = '') => {
        const file = await mustBeThere(name, data);
        if (data.name(name) === '/data') throw new WindtunnelError('E_BAD_REQUEST', '/data itself cannot be removed.');
        await rm(file, { recursive: true });
        sendJson(res, {});
      },
    },
    {
      method: 'POST',
      pattern: /^\/files\/rename\/(.*)$/,
      handle: async ({ req, res }, name = '') => {
        const { destination } = parse(RenameSchema, await readJson(req));
        const from = await mustBeThere(name, data);
        const to = await data.locate(destination);
        await mkdir(path.dirname(to), { recursive: true });
        await rename(from, to);
        sendJson(res, {});
      },
    },
  ];
}

async function list(name: string, data: DataFolder): Promise<object[]> {
  const folder = await data.locate(name);
  const itself = await mayBeThere(folder);
  // A file lists as itself, as in other file systems of fsspec: so `fal files download` gets a single one.
  if (itself && !itself.isDirectory()) return [entryOf(data.name(name), itself)];
  // What is not there is empty: so the SDK's file system asks whether something exists (fal/files.py).
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
  const all = entries.map(async (entry) => {
    const info = await mayBeThere(path.join(folder, entry.name));
    // A link to nowhere, or a file that an app just removed.
    return info === null ? [] : entryOf(`${data.name(name)}/${entry.name}`, info);
  });
  return (await Promise.all(all)).flat();
}

const entryOf = (name: string, info: Stats): object => ({
  path: name,
  size: info.isFile() ? info.size : 0,
  is_file: info.isFile(),
  updated_time: info.mtime.toISOString(),
});

async function mayBeThere(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
}

async function mustBeThere(name: string, data: DataFolder): Promise<string> {
  const file = await data.locate(name);
  try {
    await stat(file);
    return file;
  } catch (cause) {
    throw new WindtunnelError('E_FILE_GONE', `${data.name(name)} does not exist.`, { cause });
  }
}
