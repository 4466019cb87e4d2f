import type { BuiltEnvironment, ShippedFile } from '../contract/index.ts';

/** What an environment is made from; equal requests give the same cached environment. */
export interface EnvironmentRequest {
  /** Minor version the app asks for (`3.11`), or null for whichever is chosen. */
  pythonVersion: string | null;
  /** Layers of requirements, each installed in one step. */
  requirements: string[][];
  /** Folder that local-path requirements are relative to; absolute. */
  contextDir: string;
  /** Folder of the app's file, to look for `.venv` upward from. */
  appDir: string;
  /**
   * What is installed beside the author's packages. `fal` (default): the SDK and what it adds to a deployment. `agent`: what
   * fal's agent brings to an uploaded app, which carries the SDK by value and names the rest itself.
   */
  base?: 'fal' | 'agent';
  /** A requirement as the installer gets it: secrets filled in, addresses of files here made local. Not part of the key. */
  resolve?: (requirement: string) => string;
  /** An image is wanted; absent: a virtual environment. */
  image?: ImageWish;
}

/** An image of the app's own, by its ContainerImage (fields as the SDK names them), or one made from `requirements`. */
export interface ImageWish {
  container: Readonly<Record<string, unknown>> | null;
  /** What COPY may mean, as it was uploaded; absent: it is looked for below the app's folder on this machine. */
  files?: readonly ShippedFile[];
}

export interface Environments {
  /**
   * The cached environment for this request, built if needed. Concurrent calls for one key share a build; an aborted or
   * failed build leaves nothing. Rejects with E_PYTHON_*, E_REQUIREMENTS, E_DISK_FULL.
   */
  ensure(
    request: EnvironmentRequest,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<EnsuredEnvironment>;
  /**
   * Folder with debugpy for the Python that this request gets, cached as an environment is; absolute. Rejects as `ensure`.
   * Absent: nothing can be debugged.
   */
  debuggerFolder?(
    request: EnvironmentRequest,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string>;
}

export interface EnsuredEnvironment {
  environment: BuiltEnvironment;
  /** It existed already. */
  cached: boolean;
  seconds: number;
}
