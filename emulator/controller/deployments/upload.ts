import { WindtunnelError } from '../../contract/index.ts';
import type { BlobStore } from './blob-store.ts';
import type { Callable, Revision } from './records.ts';
import type { RunRequest, SerializedObject } from './requests.ts';

/** Parts of the two callables that the SDK serves itself (fal/app.py wrap_app, api.py ServeWrapper), pickled by value. */
const SERVED_BY_SDK = ['initialize_and_serve', 'ServeWrapper'].map((name) => Buffer.from(name));

/** Whether the SDK's own server runs in it; a function with `exposed_port` and without `serve=True` binds its port itself. */
export function isServedBySdk(request: RunRequest): boolean {
  const { entrypoint } = request;
  if (entrypoint !== undefined) return true;
  return SERVED_BY_SDK.some((mark) => request.function?.definition.includes(mark));
}

/** What the SDK asks of an entrypoint's app before it deploys it: its OpenAPI, as the result of one call (api.py fetch_metadata). */
const METADATA = '.build_metadata';

/** Whether the upload answers requests, as against a function that is called once. */
export function answersRequests(request: RunRequest): boolean {
  if (request.entrypoint?.endsWith(METADATA)) return false;
  return request.machine_requirements?.exposed_port !== undefined;
}

/** Throws E_NOT_EMULATED for an app that is an image alone. */
export function mustBeCallable(request: Pick<RunRequest, 'function' | 'entrypoint'>): void {
  if (request.function === undefined && request.entrypoint === undefined) throw imageAlone();
}

export function imageAlone(): WindtunnelError {
  return new WindtunnelError('E_NOT_EMULATED', 'An app that is an image alone, without a function, is not emulated.', {
    hint: 'Run the image with Docker itself, or write a fal.App with the image.',
  });
}

/** Keeps what a runner is to execute. Throws E_BAD_REQUEST. */
export async function keepCallable(request: RunRequest, blobs: BlobStore): Promise<Callable> {
  if (request.entrypoint !== undefined) return { kind: 'entrypoint', entrypoint: checkEntrypoint(request.entrypoint) };
  if (request.function === undefined) throw imageAlone();
  return { kind: 'pickle', blob: await blobs.put(checkPickle(request.function).definition) };
}

/** Throws E_NOT_EMULATED for what is serialized in a way that the SDK has not used for long. */
export function checkPickle(object: SerializedObject): SerializedObject {
  if (object.was_it_raised) throw new WindtunnelError('E_BAD_REQUEST', 'The function is a raised exception.');
  if (object.method === 'cloudpickle' || object.method === 'pickle' || object.method === '') return object;
  throw new WindtunnelError('E_NOT_EMULATED', `Functions serialized with ${object.method} are not emulated.`, {
    hint: 'Use a version of fal that pickles with cloudpickle.',
  });
}

export function checkEntrypoint(entrypoint: string): string {
  if (/^[\w.]+:[\w.]+$/.test(entrypoint)) return entrypoint;
  throw new WindtunnelError(
    'E_BAD_REQUEST',
    `Not an entrypoint of the form module:symbol: ${JSON.stringify(entrypoint)}`,
  );
}

/** The app files of an upload. Throws E_APP_FILES for one that is not here. */
export function keptFiles(request: Pick<RunRequest, 'files'>, blobs: BlobStore): Revision['files'] {
  const missing = request.files.filter(({ hash }) => !blobs.has(hash)).map(({ relative_path }) => relative_path);
  if (missing.length > 0) {
    throw new WindtunnelError('E_APP_FILES', `These app_files were not uploaded: ${missing.slice(0, 10).join(', ')}`, {
      hint: 'Run the command again: the client uploads what is missing.',
    });
  }
  return request.files.map(({ hash, relative_path }) => {
    const parts = relative_path.split('/');
    if (relative_path === '' || relative_path.startsWith('/') || parts.includes('..')) {
      throw new WindtunnelError('E_BAD_REQUEST', `An app file lies outside of the app: ${relative_path}`);
    }
    return { hash, path: relative_path };
  });
}
