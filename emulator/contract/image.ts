import { WindtunnelError } from './errors.ts';

/** A file of a build's context. */
export interface ContextFile {
  /** On this machine, or its very text. */
  from: { path: string } | { text: string };
  /** Path in the context, with `/`. */
  to: string;
}

/** All that an image is built from; equal recipes give the same image. */
export interface ImageRecipe {
  /** Content hash of what follows, secrets left out. 32 hex digits. */
  key: string;
  dockerfile: string;
  context: readonly ContextFile[];
  buildArgs: Readonly<Record<string, string>>;
  /** Id → value, for `RUN --mount=type=secret,id=…`. In no layer and in no cache key. */
  secrets: Readonly<Record<string, string>>;
  /** Registry host → login. */
  registries: Readonly<Record<string, { username: string; password: string }>>;
  /** Absolute path of the interpreter that runs the app, in the image. */
  python: string;
  /** Put before the runner's command; ends by running its arguments. */
  entrypoint: readonly string[];
  /** The image is the author's own, made by their Dockerfile: its user and working folder count. */
  authored: boolean;
}

/** Builds images on the daemon of an engine. */
export interface ImageBuilder {
  /** The image of a recipe, built where it is not there. Rejects with ImageBuildError, E_IMAGE_*, E_DOCKER_*. */
  ensure(
    recipe: ImageRecipe,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<{ image: string; cached: boolean }>;
}

/** A step of a build failed. */
export class ImageBuildError extends WindtunnelError {
  /** The instruction, as the builder names it. */
  readonly step: string;
  /** The last of what it printed. */
  readonly output: string;

  constructor(step: string, output: string, reason: string) {
    const message =
      step === '' ? `The image cannot be built: ${reason}` : `The image cannot be built, at ${step}: ${reason}`;
    super('E_IMAGE_BUILD', message, { detail: output, hint: 'The detail has what the step printed.' });
    this.step = step;
    this.output = output;
  }
}
