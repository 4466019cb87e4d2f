import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as tar from 'tar-stream';
import { type RunnerSpec, WindtunnelError } from '../../contract/index.ts';
import { ownCwd } from '../link/start-message.ts';
import { PLACES, picklePlaces, placeOf } from './places.ts';
import { sourceFiles } from './source-files.ts';

/** Nobody: a root without capabilities can neither write nor chmod what is another's. */
const READ_ONLY_OWNER = { uid: 65_534, gid: 65_534 };
const WRITE_BITS = 0o222;

/** Variables by which clients take their roots: the file goes along, and the variable names it there. */
const BUNDLES =
  /^(SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GRPC_DEFAULT_SSL_ROOTS_FILE_PATH|NIX_SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|DENO_CERT|PIP_CERT|AWS_CA_BUNDLE|GIT_SSL_CAINFO)$/;

export interface ArchiveOptions {
  spec: RunnerSpec;
  harnessDir: string;
  /** Who the app runs as; null for a user of the image, whose number only it knows. */
  owner: { uid: number; gid: number } | null;
  /** Files of the app that are mounted instead: paths on this machine. */
  mounted: ReadonlySet<string>;
}

/** What a container needs of this machine, as a tar for its root folder, and the app's variables as they are there. */
export interface RunnerArchive {
  tar: Readable;
  env: Record<string, string>;
  /** The workspace is too large to be sent whole. */
  cut: boolean;
}

/** Rejects with E_FILE_UNREADABLE. */
export async function runnerArchive(options: ArchiveOptions): Promise<RunnerArchive> {
  const { spec } = options;
  const { env, bundles } = await placedBundles(spec.env);
  const source = spec.payload.kind === 'source' ? await sourceFiles(spec.payload.bundle) : { files: [], cut: false };
  const pack = tar.pack();
  fill(pack, options, bundles, source.files).then(
    () => pack.finalize(),
    (error: unknown) => pack.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return { tar: pack as unknown as Readable, env, cut: source.cut };
}

async function fill(
  pack: tar.Pack,
  { spec, harnessDir, owner: known, mounted }: ArchiveOptions,
  bundles: ReadonlyMap<string, Buffer>,
  sources: readonly { path: string; size: number; mode: number }[],
): Promise<void> {
  const owner = known ?? { uid: 0, gid: 0 };
  const folder = (name: string, mode: number, who: { uid: number; gid: number }) =>
    add(pack, { name: `${name.slice(1)}/`, type: 'directory', mode, ...who });
  const readOnly = (name: string, content: Buffer, mode = 0o444) =>
    add(pack, { name: name.slice(1), mode: mode & ~WRITE_BITS, ...READ_ONLY_OWNER }, content);
  await folder(PLACES.home, known ? 0o700 : 0o777, owner);
  await folder(PLACES.harness, 0o555, READ_ONLY_OWNER);
  for (const [name, content] of await harness(harnessDir)) await readOnly(`${PLACES.harness}/${name}`, content);
  for (const [file, content] of bundles) await readOnly(file, content);
  if (spec.debugger !== undefined) {
    const debugpy = path.join(spec.debugger, 'debugpy');
    for (const [name, content] of await filesBelow(debugpy, /\.(py|so)$/)) {
      await readOnly(`${PLACES.debugger}/debugpy/${name}`, content);
    }
  }
  const { payload } = spec;
  if (payload.kind === 'pickle') await readOnly(picklePlaces(payload.file), await readShipped(payload.file));
  for (const { path: file, size, mode } of sources) {
    await addFile(pack, file, {
      name: placeOf(file).slice(1),
      size,
      mode: mode & 0o777 & ~WRITE_BITS,
      ...READ_ONLY_OWNER,
    });
  }
  if (spec.environment.kind === 'image' && !spec.environment.authored) await folder(PLACES.work, 0o755, owner);
  if (payload.kind === 'command') return;
  const cwd = payload.kind === 'source' ? ownCwd(payload.bundle) : '';
  if (cwd !== '') await folder(path.posix.join(PLACES.work, cwd), 0o755, owner);
  for (const { from, to } of payload.kind === 'source' ? payload.bundle.files : (payload.files ?? [])) {
    if (mounted.has(from)) continue;
    const { size, mode } = await stat(from);
    const name = path.posix.join(PLACES.work, to).slice(1);
    await addFile(pack, from, { name, size, mode: (mode & 0o777) | 0o600, ...owner });
  }
}

/** The harness does not change while the emulator runs, and every start needs it. */
const harnesses = new Map<string, Promise<[name: string, content: Buffer][]>>();

function harness(folder: string): Promise<[string, Buffer][]> {
  const known = harnesses.get(folder) ?? readHarness(folder);
  harnesses.set(folder, known);
  return known;
}

const readHarness = (folder: string) => filesBelow(folder, /\.py$/);

async function filesBelow(folder: string, wanted: RegExp): Promise<[string, Buffer][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  return Promise.all(
    names.map(async (name): Promise<[string, Buffer]> => [name, await readFile(path.join(folder, name))]),
  );
}

async function placedBundles(
  given: Readonly<Record<string, string>>,
): Promise<{ env: Record<string, string>; bundles: Map<string, Buffer> }> {
  const env: Record<string, string> = { ...given };
  const bundles = new Map<string, Buffer>();
  for (const [name, file] of Object.entries(given)) {
    if (!BUNDLES.test(name) || !path.isAbsolute(file)) continue;
    const place = `${PLACES.bundles}/${path.basename(file)}`;
    if (!bundles.has(place)) bundles.set(place, await readShipped(file));
    env[name] = place;
  }
  return { env, bundles };
}

async function readShipped(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new WindtunnelError('E_FILE_UNREADABLE', `${file}, which the runner needs, cannot be read.`, { cause });
  }
}

type EntryHeader = Partial<tar.Header> & Pick<tar.Header, 'name'>;

function add(pack: tar.Pack, header: EntryHeader, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    if (content) pack.entry(header, content, done);
    else pack.entry(header, done);
  });
}

async function addFile(pack: tar.Pack, file: string, header: EntryHeader): Promise<void> {
  // Cut at the size that was announced: a file may grow while it is read.
  if (header.size === 0) return add(pack, header, Buffer.alloc(0));
  const entry = pack.entry(header);
  try {
    await pipeline(createReadStream(file, { end: (header.size ?? 1) - 1 }), entry as unknown as Writable);
  } catch (cause) {
    throw new WindtunnelError('E_FILE_UNREADABLE', `${file} cannot be sent to the container.`, { cause });
  }
}
