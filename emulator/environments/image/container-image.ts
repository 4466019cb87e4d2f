import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ignore from 'ignore';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';

const command = z.optional(z.nullable(z.union([z.string(), z.array(z.string())])));

/** ContainerImage of the SDK 1.83 as it describes itself, or as the finder reads it from source. */
const ContainerImageSchema = z.object({
  dockerfile_str: z.optional(z.string()),
  dockerfile_path: z.optional(z.string()),
  build_args: z._default(z.nullable(z.record(z.string(), z.coerce.string())), null),
  registries: z._default(
    z.nullable(z.record(z.string(), z.object({ username: z.string(), password: z.string() }))),
    null,
  ),
  secrets: z._default(z.nullable(z.record(z.string(), z.string())), null),
  context_dir: z.optional(z.nullable(z.string())),
  docker_context_dir: z.optional(z.nullable(z.string())),
  dockerignore: z.optional(z.nullable(z.array(z.string()))),
  dockerignore_path: z.optional(z.nullable(z.string())),
  entrypoint: command,
  cmd: command,
  use_isolate: z.optional(z.nullable(z.boolean())),
});

/** DEFAULT_DOCKERIGNORE_PATTERNS of fal 1.83, container.py. */
const DEFAULT_IGNORE = [
  '.git',
  '.gitignore',
  '.dockerignore',
  'Dockerfile',
  'Dockerfile.*',
  '*.md',
  '__pycache__',
  '*.pyc',
  '.DS_Store',
  '.venv',
  'venv',
  '.env',
  'node_modules',
];

export interface UploadedImage {
  dockerfile: string;
  buildArgs: Record<string, string>;
  registries: Record<string, { username: string; password: string }>;
  secrets: Record<string, string>;
  entrypoint: string[];
  /** Fields that have no effect here. */
  unused: string[];
}

export interface AuthoredImage extends UploadedImage {
  /** Folder that COPY is relative to; absolute. */
  contextDir: string;
  /** Whether a path below it, with `/`, is left out. */
  ignored(relative: string): boolean;
}

/** Reads the fields. `folders`: where a relative path may start, the app's own first. Throws E_IMAGE_BUILD, E_NOT_EMULATED. */
export function authoredImage(fields: Readonly<Record<string, unknown>>, folders: readonly string[]): AuthoredImage {
  const image = readFields(fields);
  const { dockerfile, folder } = dockerfileOf(image, folders);
  const named = image.context_dir ?? image.docker_context_dir;
  const contextDir = named ? (firstExisting(folders, named) ?? path.resolve(folders[0] ?? '/', named)) : folder;
  if (!existsSync(contextDir)) {
    throw new WindtunnelError(
      'E_FILE_UNREADABLE',
      `The context_dir of the ContainerImage does not exist: ${contextDir}`,
    );
  }
  const rules = ignore().add(ignorePatterns(image, contextDir, folders));
  return { dockerfile, contextDir, ignored: (relative) => rules.ignores(relative), ...builtWith(image) };
}

/** The same of an image that was uploaded with its context: no path of the client's is looked for here. Throws as above. */
export function uploadedImage(fields: Readonly<Record<string, unknown>>): UploadedImage {
  const image = readFields(fields);
  if (image.dockerfile_str === undefined) {
    throw new WindtunnelError('E_IMAGE_BUILD', 'The ContainerImage was uploaded without its Dockerfile.');
  }
  return { dockerfile: image.dockerfile_str, ...builtWith(image) };
}

function readFields(fields: Readonly<Record<string, unknown>>): Fields {
  const parsed = z.safeParse(ContainerImageSchema, fields);
  if (!parsed.success) {
    throw new WindtunnelError('E_IMAGE_BUILD', `The ContainerImage cannot be read: ${z.prettifyError(parsed.error)}`);
  }
  const image = parsed.data;
  if (image.use_isolate === false) {
    throw new WindtunnelError(
      'E_NOT_EMULATED',
      'A ContainerImage with use_isolate=False, which runs no fal.App, is not emulated.',
      {
        hint: 'Run the image with Docker itself, or leave use_isolate out.',
      },
    );
  }
  return image;
}

function builtWith(image: Fields): Omit<UploadedImage, 'dockerfile'> {
  return {
    buildArgs: image.build_args ?? {},
    registries: image.registries ?? {},
    secrets: image.secrets ?? {},
    entrypoint: words(image.entrypoint),
    unused: image.cmd ? ['cmd'] : [],
  };
}

type Fields = z.infer<typeof ContainerImageSchema>;

function dockerfileOf(image: Fields, folders: readonly string[]): { dockerfile: string; folder: string } {
  const own = folders[0] ?? '/';
  if (image.dockerfile_str !== undefined) return { dockerfile: image.dockerfile_str, folder: own };
  const name = image.dockerfile_path ?? 'Dockerfile';
  const file = firstExisting(folders, name);
  if (file === null) {
    const tried = folders.map((folder) => path.resolve(folder, name)).join(', ');
    throw new WindtunnelError('E_FILE_UNREADABLE', `The Dockerfile of the app is not there: ${tried}`);
  }
  return { dockerfile: readFileSync(file, 'utf8'), folder: path.dirname(file) };
}

function ignorePatterns(image: Fields, contextDir: string, folders: readonly string[]): string[] {
  if (image.dockerignore) return image.dockerignore;
  const read = (file: string) => readFileSync(file, 'utf8').split('\n');
  if (image.dockerignore_path) {
    const file = firstExisting(folders, image.dockerignore_path);
    if (file === null) {
      throw new WindtunnelError('E_FILE_UNREADABLE', `dockerignore_path does not exist: ${image.dockerignore_path}`);
    }
    return read(file);
  }
  const usual = path.join(contextDir, '.dockerignore');
  return existsSync(usual) ? read(usual) : DEFAULT_IGNORE;
}

function firstExisting(folders: readonly string[], name: string): string | null {
  return folders.map((folder) => path.resolve(folder, name)).find((file) => existsSync(file)) ?? null;
}

/** A command as the SDK takes it: words, or one string that a shell would split. */
function words(value: string | string[] | null | undefined): string[] {
  if (!value) return [];
  if (Array.isArray(value)) return value;
  return [...value.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
