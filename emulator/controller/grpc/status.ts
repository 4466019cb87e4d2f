import { Metadata, status } from '@grpc/grpc-js';
import { type ErrorCode, type ErrorKind, toWindtunnelError } from '../../contract/index.ts';

// Never UNAVAILABLE: the SDK takes it for a network that will be back, and calls again.
const BY_CODE: Partial<Record<ErrorCode, status>> = {
  E_UNAUTHORIZED: status.UNAUTHENTICATED,
  E_FOREIGN_ORIGIN: status.PERMISSION_DENIED,
  E_UNKNOWN_APP: status.NOT_FOUND,
  E_UNKNOWN_REVISION: status.NOT_FOUND,
  E_UNKNOWN_RUNNER: status.NOT_FOUND,
  E_UNKNOWN_ENVIRONMENT: status.NOT_FOUND,
  E_UNKNOWN_KEY: status.NOT_FOUND,
  E_ENVIRONMENT_EXISTS: status.ALREADY_EXISTS,
  E_APP_NAME_TAKEN: status.ALREADY_EXISTS,
  E_BAD_REQUEST: status.INVALID_ARGUMENT,
  E_SECRET_NAME: status.INVALID_ARGUMENT,
  E_LIMIT: status.RESOURCE_EXHAUSTED,
};

const BY_KIND: Record<ErrorKind, status> = {
  user: status.FAILED_PRECONDITION,
  app: status.FAILED_PRECONDITION,
  fidelity: status.UNIMPLEMENTED,
  system: status.INTERNAL,
  cancelled: status.CANCELLED,
};

/** What a call is answered with that failed: one message for the terminal, which the CLI prints as it is. */
export function toStatus(thrown: unknown): { code: status; details: string; metadata: Metadata } {
  const error = toWindtunnelError(thrown);
  const metadata = new Metadata();
  metadata.set('windtunnel-code', error.code);
  const details = [error.message, error.detail, error.hint].filter((part) => part !== undefined).join('\n');
  return { code: BY_CODE[error.code] ?? BY_KIND[error.kind], details, metadata };
}
