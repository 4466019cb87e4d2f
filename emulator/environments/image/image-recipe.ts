import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ContextFile, type ImageRecipe, LIMITS, WindtunnelError } from '../../contract/index.ts';
import { assetUrl } from '../../core/assets.ts';
import type { EnvironmentRequest } from '../environments.ts';
import { redactUrls } from '../install-error.ts';
import { inputFiles, layerArguments } from '../requirement-arguments.ts';
import { type AuthoredImage, authoredImage, type UploadedImage, uploadedImage } from './container-image.ts';
import { copySources } from './copy-sources.ts';

// Raised when the way images are built changes.
const FORMAT = 1;
const VENV_PYTHON = '/opt/windtunnel/venv/bin/python';
/** Folder of our own files in a build's context; an author's COPY cannot mean it. */
const OURS = '.windtunnel-build';
const REQUIREMENTS = '/opt/windtunnel/requirements';
const CACHE = '--mount=type=cache,id=windtunnel,target=/var/cache/windtunnel,sharing=locked';
const secret = (id: string) => `--mount=type=secret,id=${id}`;
const MOUNTS = [
  CACHE,
  secret('windtunnel-ca'),
  secret('windtunnel-settings'),
  `--mount=type=bind,source=${OURS}/install.sh,target=/tmp/windtunnel-install.sh`,
];

export interface RecipeInputs {
  request: EnvironmentRequest;
  /** Layers with what the SDK's deploy adds. */
  layers: readonly (readonly string[])[];
  /** Minor version of Python for an image of ours. */
  python: string;
  /** Image that an image of ours starts from; null: the official Python one. */
  base: string | null;
  /** Folders that relative paths of a ContainerImage may start from. */
  folders: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Settings for the installers, as shell assignments. */
  installerEnv: Readonly<Record<string, string>>;
  /** PEM of all roots that a build trusts, '' for the image's own. */
  caBundle: string;
}

/** What the image of an app is built from. Throws E_IMAGE_BUILD, E_FILE_UNREADABLE, E_LIMIT, E_NOT_EMULATED. */
export function imageRecipe(inputs: RecipeInputs): ImageRecipe & { unused: string[] } {
  const { request, layers, env } = inputs;
  const { image: authored, context } = authoredParts(request.image, inputs.folders);
  const installer = readFileSync(fileURLToPath(assetUrl('imageInstaller')), 'utf8');
  context.push({ from: { text: installer }, to: `${OURS}/install.sh` });

  const lines = authored
    ? [authored.dockerfile.trimEnd(), 'USER root']
    : [`FROM ${inputs.base ?? `python:${inputs.python}-slim`}`];
  const run = (words: readonly string[], mounts: readonly string[] = []) =>
    lines.push(
      `RUN ${[...MOUNTS, ...mounts].join(' ')} ${JSON.stringify(['sh', '/tmp/windtunnel-install.sh', ...words])}`,
    );
  if (!authored) run(['system']);
  // What another minor version has pickled cannot be loaded: told at the build, not by a crash of the interpreter.
  run(['python', ...(authored && request.base === 'agent' && request.pythonVersion ? [request.pythonVersion] : [])]);
  const secrets: Record<string, string> = { ...authored?.secrets };
  layers.forEach((layer, index) => {
    const { argv, inputs: local } = layerArguments(layer, request.contextDir, env);
    const files = inputFiles(local);
    for (const file of files) context.push({ from: { path: file }, to: `${OURS}/files${file}` });
    if (files.length > 0) lines.push(`COPY ${OURS}/files ${REQUIREMENTS}`);
    const resolve = request.resolve ?? ((word: string) => word);
    const placed = argv.map(resolve).map((word) => (path.isAbsolute(word) ? `${REQUIREMENTS}${word}` : word));
    secrets[`windtunnel-layer-${index + 1}`] = placed.map((word) => `${word}\n`).join('');
    // The words themselves go as a secret: a token in a URL must not get into the image's history.
    const digest = createHash('sha256').update(JSON.stringify(layer)).digest('hex').slice(0, 12);
    const title = `Installing ${layer.map(redactUrls).join(', ')} (${digest})`;
    run(['layer', String(index + 1), title], [secret(`windtunnel-layer-${index + 1}`)]);
  });
  if (authored) lines.push(...restoredUser(authored.dockerfile));
  if (inputs.caBundle !== '') secrets['windtunnel-ca'] = inputs.caBundle;
  const settings = shellAssignments(inputs.installerEnv);
  if (settings !== '') secrets['windtunnel-settings'] = settings;

  const dockerfile = `${lines.join('\n')}\n`;
  const buildArgs = authored?.buildArgs ?? {};
  return {
    key: recipeKey(dockerfile, context, buildArgs, Object.keys(inputs.installerEnv).length > 0 ? settings : ''),
    dockerfile,
    context,
    buildArgs: { ...buildArgs, ...proxyArgs(env) },
    secrets,
    registries: authored?.registries ?? {},
    python: VENV_PYTHON,
    entrypoint: authored?.entrypoint ?? [],
    authored: authored !== null,
    unused: authored?.unused ?? [],
  };
}

/** The image of the app's own, if it has one, and what its COPY may mean. */
function authoredParts(
  wish: EnvironmentRequest['image'],
  folders: readonly string[],
): { image: UploadedImage | null; context: ContextFile[] } {
  if (!wish?.container) return { image: null, context: [] };
  if (wish.files) {
    const context = wish.files.map(({ from, to }) => ({ from: { path: from }, to }));
    return { image: uploadedImage(wish.container), context };
  }
  const image = authoredImage(wish.container, folders);
  return { image, context: authoredContext(image) };
}

/** The user that the author's Dockerfile ends with: our steps ran as root. */
function restoredUser(dockerfile: string): string[] {
  const stage = dockerfile.slice(Math.max(dockerfile.search(/^\s*FROM\b(?![\s\S]*^\s*FROM\b)/im), 0));
  const users = [...stage.matchAll(/^\s*USER\s+(.+)$/gim)];
  const last = users.at(-1)?.[1]?.trim();
  return last ? [`USER ${last}`] : [];
}

/** The files that COPY and ADD may mean, as the SDK's deploy would sync them. */
function authoredContext({ dockerfile, contextDir, ignored }: AuthoredImage): ContextFile[] {
  const found = new Map<string, string>();
  let bytes = 0;
  const walk = (full: string, relative: string): void => {
    if (relative !== '' && ignored(relative)) return;
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const name of readdirSync(full)) walk(path.join(full, name), relative ? `${relative}/${name}` : name);
    } else if (stat?.isFile() && !found.has(relative)) {
      bytes += stat.size;
      if (bytes > LIMITS.buildContextBytes) {
        throw new WindtunnelError(
          'E_LIMIT',
          `COPY of the Dockerfile takes more than ${LIMITS.buildContextBytes / 2 ** 30} GiB from ${contextDir}.`,
          {
            hint: 'Name less, or leave files out by a .dockerignore.',
          },
        );
      }
      found.set(relative, full);
    }
  };
  for (const source of copySources(dockerfile)) {
    // What stands before a pattern or a variable is the folder that has all it may mean.
    const plain = source.split(/[*?[$]/)[0] ?? '';
    const cut = plain === source ? source : plain.slice(0, plain.lastIndexOf('/') + 1);
    const relative = path.posix.normalize(cut === '' ? '.' : cut).replace(/^(\.?\/)+|\/$/g, '');
    if (!relative.startsWith('..')) walk(path.join(contextDir, relative), relative === '.' ? '' : relative);
  }
  return [...found].map(([to, file]) => ({ from: { path: file }, to }));
}

/** Predefined in every build, and in no cache key. */
function proxyArgs(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

function shellAssignments(env: Readonly<Record<string, string>>): string {
  const quote = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;
  return Object.entries(env)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join('');
}

function recipeKey(
  dockerfile: string,
  context: readonly ContextFile[],
  buildArgs: Readonly<Record<string, string>>,
  settings: string,
): string {
  const hash = createHash('sha256').update(JSON.stringify({ format: FORMAT, dockerfile, buildArgs, settings }));
  for (const file of [...context].sort((a, b) => (a.to < b.to ? -1 : 1))) hashFile(file, hash);
  return hash.digest('hex').slice(0, 32);
}

function hashFile({ from, to }: ContextFile, hash: Hash): void {
  hash.update(`\0${to}\0`);
  if ('text' in from) hash.update(from.text);
  else hash.update(`${statSync(from.path).mode & 0o777}\0`).update(readFileSync(from.path));
}
