import type { Metadata } from '@grpc/grpc-js';
import { WindtunnelError } from '../../contract/index.ts';

/** Keys that may administer: the workspace's, those of `exec` and `env`, and those of `fal keys create`. */
export interface AdminKeys {
  /** Whether `id:secret` may deploy, stop and read secrets here. */
  mayAdminister(key: string): boolean;
}

/**
 * Lets a gRPC call in. fal's clients send the two halves of a key in two entries (sdk.py, FalServerlessKeyCredentials). A web
 * page never may, whatever it sends.
 */
export function authorize(metadata: Metadata, keys: AdminKeys): void {
  const [origin] = metadata.get('origin');
  if (origin !== undefined) {
    throw new WindtunnelError('E_FOREIGN_ORIGIN', `A web page (${String(origin)}) may not administer this emulator.`);
  }
  const [id] = metadata.get('auth-key-id');
  const [secret] = metadata.get('auth-key');
  if (typeof secret === 'string' && keys.mayAdminister(`${String(id)}:${secret}`)) return;
  const [bearer] = metadata.get('authorization');
  const what =
    secret !== undefined
      ? 'The key is not a key of this emulator.'
      : bearer !== undefined
        ? 'A login of fal is not accepted here: the call needs a key of this emulator.'
        : 'The call needs a key of this emulator.';
  throw new WindtunnelError('E_UNAUTHORIZED', what, {
    hint: 'Run the command under `windtunnel exec`, or with the FAL_KEY that `windtunnel env` prints. A real fal key is never accepted here.',
  });
}
