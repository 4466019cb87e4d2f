import type { AppId, AppSettings, RunnerPayload, ShippedFile } from '../../contract/index.ts';
import { WindtunnelError } from '../../contract/index.ts';
import type { EnvironmentRequest } from '../../environments/environments.ts';
import type { AppDefinition } from '../../fleet/fleet.ts';
import type { BlobStore } from './blob-store.ts';
import type { Alias, Callable, Revision } from './records.ts';
import { scaledSettings } from './scale.ts';
import { imageAlone } from './upload.ts';

/** What the controller needs to know of the workspace to make an app of an upload. */
export interface Surroundings {
  owner: string;
  /** Folder of the workspace: where a Python is looked for. */
  workspace: string;
  blobs: BlobStore;
  /** Variables of an environment's secrets: those named, or all that are exposed without a name. */
  secretEnv(environment: string, names: readonly string[] | null): Record<string, string>;
  /** Every secret of an environment, for `${NAME}` in requirements. */
  buildSecrets(environment: string): Record<string, string>;
  /** `http://127.0.0.1:PORT` */
  publicUrl(): string;
  /** The engine that the workspace names for its apps. */
  engine: 'auto' | 'process' | 'docker';
}

/** How fal names the files of its CDN; an installer on this machine finds them under the emulator's own address. */
const CDN = /https:\/\/v3b?\.fal\.media\/files\//g;
const SECRET = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** The environment that an upload asks for. `files`: what it brought. Throws E_ENGINE_UNAVAILABLE, E_NOT_EMULATED. */
export function uploadEnvironment(
  settings: AppSettings,
  files: Revision['files'],
  environment: string,
  surroundings: Surroundings,
): EnvironmentRequest {
  const { workspace, buildSecrets, publicUrl, blobs } = surroundings;
  const inContainer = engineFor(settings, surroundings.engine) === 'docker';
  if (inContainer && settings.requirements.flat().some((one) => one.search(CDN) >= 0)) {
    throw new WindtunnelError('E_NOT_EMULATED', 'Local requirements of an app in a container are not emulated.', {
      hint: 'COPY the package in the Dockerfile and install it there.',
    });
  }
  // A ContainerImage's uploads are what its COPY means; those of other apps stand in their working folder.
  const image = settings.image === null ? {} : { files: shippedFiles(files, blobs) };
  return {
    ...(inContainer ? { image: { container: settings.image, ...image } } : {}),
    pythonVersion: settings.pythonVersion,
    requirements: settings.requirements,
    contextDir: workspace,
    appDir: workspace,
    base: 'agent',
    resolve: (requirement) => {
      const secrets = buildSecrets(environment);
      return requirement
        .replace(CDN, `${publicUrl()}/files/`)
        .replace(SECRET, (whole, name: string) => secrets[name] ?? whole);
    },
  };
}

/** A deployed revision under an alias, as the fleet runs it. */
export function deployedDefinition(revision: Revision, alias: Alias, surroundings: Surroundings): AppDefinition {
  const settings = scaledSettings(revision.settings, alias.scale);
  return uploadDefinition(
    {
      id: `${surroundings.owner}/${alias.alias}`,
      revision: revision.id,
      callable: revision.callable,
      settings,
      servedBySdk: revision.servedBySdk,
      files: revision.files,
      environment: alias.environment,
      symbol: alias.alias,
    },
    surroundings,
  );
}

export interface Upload {
  id: AppId;
  revision: string;
  callable: Callable | { kind: 'calls' };
  settings: AppSettings;
  servedBySdk: boolean;
  files: Revision['files'];
  /** Name of fal's environment, `main` or another. */
  environment: string;
  symbol: string;
}

/** Something that was uploaded, as the fleet runs it. Throws E_APP_FILES. */
export function uploadDefinition(upload: Upload, surroundings: Surroundings): AppDefinition {
  const { settings, environment, callable } = upload;
  return {
    id: upload.id,
    revision: upload.revision,
    file: '(deployed)',
    symbol: upload.symbol,
    // What `fal.App` and `fal.function` leave unset, the server fills in with its own defaults (sdk.py, SERVER_DEFAULT_SCALE_VALUES).
    kind: 'function',
    settings: { ...settings, exposedPort: upload.servedBySdk ? null : settings.exposedPort },
    endpoints: [],
    payload: payloadOf(callable, settings.image === null ? upload.files : [], surroundings.blobs),
    environment: uploadEnvironment(settings, upload.files, environment, surroundings),
    engine: engineFor(settings, surroundings.engine),
    env: () => surroundings.secretEnv(environment, settings.secrets),
  };
}

function payloadOf(callable: Upload['callable'], files: Revision['files'], blobs: BlobStore): RunnerPayload {
  const shipped = shippedFiles(files, blobs);
  switch (callable.kind) {
    case 'pickle':
      return { kind: 'pickle', file: blobs.path(callable.blob), files: shipped };
    case 'entrypoint':
      return { kind: 'entrypoint', entrypoint: callable.entrypoint, files: shipped };
    case 'calls':
      return { kind: 'calls', files: shipped };
    case 'image':
      throw imageAlone();
  }
}

const shippedFiles = (files: Revision['files'], blobs: BlobStore): ShippedFile[] =>
  files.map(({ hash, path }) => ({ from: blobs.path(hash), to: path }));

/** Containers for what is one, and for all where the workspace says so. Throws E_ENGINE_UNAVAILABLE. */
export function engineFor(settings: AppSettings, wanted: Surroundings['engine']): AppDefinition['engine'] {
  if (settings.kind !== 'container') return wanted === 'docker' ? 'docker' : 'process';
  if (wanted !== 'process') return 'docker';
  throw new WindtunnelError('E_ENGINE_UNAVAILABLE', 'The app has a container image, which needs the docker engine.', {
    hint: 'Leave "engine": "process" out of windtunnel.jsonc.',
  });
}
