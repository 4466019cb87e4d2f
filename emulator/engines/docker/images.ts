import { createReadStream, statSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import * as tar from 'tar-stream';
import * as z from 'zod/mini';
import {
  type ContextFile,
  ImageBuildError,
  type ImageBuilder,
  type ImageRecipe,
  WindtunnelError,
} from '../../contract/index.ts';
import type { Log } from '../../core/log.ts';
import { BuildEventSchema, BuildProgress } from './build-progress.ts';
import { openSession } from './build-session.ts';
import type { Daemon } from './daemon.ts';
import type { DaemonFacts } from './daemon-facts.ts';
import { dialJson, dialStream, messageOf, statusOf } from './dial.ts';
import { daemonLost, isDaemonGone } from './docker-errors.ts';
import { eventLines } from './event-lines.ts';
import { buildError } from './image-errors.ts';
import { LABELS } from './labels.ts';
import type { RegistryLogins } from './registry-logins.ts';

const ImageSchema = z.object({ Id: z.string() });
/** From this API version on, a Docker daemon has BuildKit: 18.09. */
const BUILDKIT_API = [1, 39] as const;
const DOCKERFILE = '.windtunnel-build/Dockerfile';
/** Name of a secret in a context for Podman, which takes the file out of the context: that it does at its top only. */
const secretFile = (index: number): string => `.windtunnel-secret-${index}`;

export interface ImagesOptions {
  daemon: Daemon;
  logins: RegistryLogins;
  log: Log;
}

/** Name of the image of a recipe. */
export const imageTag = (key: string): string => `windtunnel/app:${key}`;

/** Images of apps on the daemon. */
export class Images implements ImageBuilder {
  private readonly options: ImagesOptions;

  constructor(options: ImagesOptions) {
    this.options = options;
  }

  async ensure(
    recipe: ImageRecipe,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<{ image: string; cached: boolean }> {
    const { daemon } = this.options;
    const { docker, facts } = await daemon.connect(signal, onProgress);
    const tag = imageTag(recipe.key);
    try {
      if (await exists(docker, tag, signal)) return { image: tag, cached: true };
      await this.build(docker, facts, recipe, tag, onProgress, signal);
      return { image: tag, cached: false };
    } catch (error) {
      signal.throwIfAborted();
      if (!isDaemonGone(error)) throw error;
      daemon.doubt();
      throw daemonLost('the image was built', error);
    }
  }

  private async build(
    docker: Docker,
    facts: DaemonFacts,
    recipe: ImageRecipe,
    tag: string,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const progress = new BuildProgress(onProgress);
    if (facts.kind === 'podman') await this.runPodman(docker, recipe, tag, progress, signal);
    else if (hasBuildKit(facts)) await this.runBuildKit(docker, recipe, tag, progress, signal);
    else {
      throw new WindtunnelError(
        'E_IMAGE_BUILD',
        `${facts.kind} ${facts.version} has no BuildKit, with which images are built.`,
        { hint: 'Use Docker 18.09 or newer.' },
      );
    }
    // A stream that just ends may have been cut: the image is there, or it was.
    if (!(await exists(docker, tag, signal))) throw daemonLost('the image was built');
  }

  private async runBuildKit(
    docker: Docker,
    recipe: ImageRecipe,
    tag: string,
    progress: BuildProgress,
    signal: AbortSignal,
  ): Promise<void> {
    const session = await openSession(docker, {
      secrets: recipe.secrets,
      credentials: (host) => this.options.logins.find(host, recipe.registries),
    });
    try {
      const query = { version: '2', session: session.id };
      await this.run(docker, { recipe, tag, query, context: contextFiles(recipe) }, progress, signal);
    } finally {
      session.close();
    }
  }

  /** Podman has no session: secrets and logins go along with the call. */
  private async runPodman(
    docker: Docker,
    recipe: ImageRecipe,
    tag: string,
    progress: BuildProgress,
    signal: AbortSignal,
  ): Promise<void> {
    const ids = Object.keys(recipe.secrets);
    const secrets = JSON.stringify(ids.map((id, index) => `id=${id},src=${secretFile(index)}`));
    const context: ContextFile[] = [
      ...contextFiles(recipe),
      ...ids.map((id, index) => ({ from: { text: recipe.secrets[id] ?? '' }, to: secretFile(index) })),
    ];
    // Without layers every change of the requirements would build all of them.
    const query = { layers: 'true', secrets };
    await this.run(docker, { recipe, tag, query, context, logins: recipe.registries }, progress, signal);
  }

  private async run(
    docker: Docker,
    { recipe, tag, query: more, context, logins }: BuildCall,
    progress: BuildProgress,
    signal: AbortSignal,
  ): Promise<void> {
    const query = new URLSearchParams({
      ...more,
      t: tag,
      dockerfile: DOCKERFILE,
      buildargs: JSON.stringify(recipe.buildArgs),
      labels: JSON.stringify({ [LABELS.image]: recipe.key }),
      rm: '1',
      forcerm: '1',
    });
    let failed: string | null = null;
    let stream: Readable;
    try {
      const file = contextTar(context);
      const registryconfig = logins && Object.keys(logins).length > 0 ? { registryconfig: logins } : {};
      stream = await dialStream(docker, { method: 'POST', path: `/build?${query}`, file, signal, ...registryconfig });
      for await (const event of eventLines(stream, BuildEventSchema)) {
        progress.take(event);
        if (event.error !== undefined) failed ??= event.error;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (isDaemonGone(error)) throw error;
      failed = messageOf(error);
    }
    if (failed === null) return;
    this.options.log.debug('a build failed', { image: tag, error: failed });
    const { step, output } = progress.failure() ?? { step: '', output: '' };
    throw buildError(failed, step) ?? buildError(output) ?? new ImageBuildError(step, output, reasonOf(failed));
  }
}

interface BuildCall {
  recipe: ImageRecipe;
  tag: string;
  query: Record<string, string>;
  context: readonly ContextFile[];
  logins?: ImageRecipe['registries'];
}

/** Without BuildKit's own wrapping, which repeats the whole command. */
function reasonOf(error: string): string {
  const code = /exit code: (\d+)/.exec(error);
  return code ? `it ended with exit code ${code[1]}` : (error.split('\n')[0] ?? error);
}

function hasBuildKit({ kind, apiVersion: [major, minor] }: DaemonFacts): boolean {
  return kind === 'docker' && (major > BUILDKIT_API[0] || minor >= BUILDKIT_API[1]);
}

async function exists(docker: Docker, tag: string, signal: AbortSignal): Promise<boolean> {
  try {
    await dialJson(docker, { path: `/images/${encodeURIComponent(tag)}/json`, schema: ImageSchema, signal });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

const contextFiles = (recipe: ImageRecipe): ContextFile[] => [
  ...recipe.context,
  { from: { text: recipe.dockerfile }, to: DOCKERFILE },
];

function contextTar(files: readonly ContextFile[]): Readable {
  const pack = tar.pack();
  fill(pack, files).then(
    () => pack.finalize(),
    (error: unknown) => pack.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return pack as unknown as Readable;
}

async function fill(pack: tar.Pack, files: readonly ContextFile[]): Promise<void> {
  // Equal contexts must be equal bytes: the builder's cache counts modes, and not times.
  const mtime = new Date(0);
  for (const { from, to } of files) {
    if ('text' in from) {
      pack.entry({ name: to, mode: 0o644, mtime }, from.text);
      continue;
    }
    const { size, mode } = statSync(from.path);
    const entry = pack.entry({ name: to, size, mode: mode & 0o777, mtime });
    if (size === 0) entry.end(Buffer.alloc(0));
    else await pipeline(createReadStream(from.path, { end: size - 1 }), entry as unknown as Writable);
  }
}
