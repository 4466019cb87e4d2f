import {
  type BuiltEnvironment,
  ImageBuildError,
  type ImageBuilder,
  type ImageRecipe,
  WindtunnelError,
} from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { EnsuredEnvironment, EnvironmentRequest, Environments } from '../environments.ts';
import { installError } from '../install-error.ts';
import { SharedWork } from '../shared-work.ts';

export interface ImageEnvironmentsOptions {
  clock: Clock;
  recipe(request: EnvironmentRequest, onProgress: (line: string) => void, signal: AbortSignal): Promise<ImageRecipe>;
  /** Made when first needed. */
  builder(): Promise<ImageBuilder>;
  /** For requests without `image`. */
  venvs: Environments;
}

/** Images for the apps of the docker engine, virtual environments for the others. */
export function createImageEnvironments(options: ImageEnvironmentsOptions): Environments {
  const { clock, venvs } = options;
  const builds = new SharedWork<{ image: string; cached: boolean }>();
  return {
    ...(venvs.debuggerFolder ? { debuggerFolder: venvs.debuggerFolder } : {}),
    async ensure(request, onProgress, signal): Promise<EnsuredEnvironment> {
      if (!request.image) return venvs.ensure(request, onProgress, signal);
      signal.throwIfAborted();
      const started = clock.monotonic();
      const recipe = await options.recipe(request, onProgress, signal);
      const builder = await options.builder();
      const { image, cached } = await builds.join(recipe.key, onProgress, signal, async (report, cancelled) => {
        try {
          return await builder.ensure(recipe, report, cancelled);
        } catch (error) {
          throw explained(error);
        }
      });
      return { environment: built(recipe, image), cached, seconds: (clock.monotonic() - started) / 1000 };
    },
  };
}

function built({ key, python, entrypoint, authored }: ImageRecipe, image: string): BuiltEnvironment {
  return { kind: 'image', image, key, python, entrypoint, authored };
}

/** A layer of requirements that cannot be installed is the same error as in a virtual environment. */
function explained(error: unknown): unknown {
  if (!(error instanceof ImageBuildError)) return error;
  const other = /windtunnel: (the image has Python \S+, and the app was pickled by (\S+))/.exec(error.output);
  if (other) {
    return new WindtunnelError('E_IMAGE_BUILD', `The ContainerImage cannot run this app: ${other[1]}.`, {
      hint: `Start it FROM an image with Python ${other[2]}, or deploy from a virtual environment of the image's version.`,
    });
  }
  const own = /windtunnel: (the image has no Python|the Python of the image has no pip)/.exec(error.output);
  if (own) {
    return new WindtunnelError('E_IMAGE_BUILD', `The ContainerImage cannot run a fal.App: ${own[1]}.`, {
      hint: 'Start it FROM an image with Python and pip, such as python:3.12-slim, or install both in it.',
      detail: error.output,
    });
  }
  const layer = /^Installing (.*)$/.exec(error.step)?.[1];
  return layer === undefined ? error : installError(layer.split(', '), error.output || error.message);
}
