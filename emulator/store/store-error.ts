import { WindtunnelError } from '../contract/index.ts';
import { toFailure } from './failure.ts';
import type { StoreFailure } from './protocol.ts';

/** The error that a caller of the store sees. */
export function storeError({ code, message, hint, actions }: StoreFailure): WindtunnelError {
  return new WindtunnelError(code, message, { ...(hint ? { hint } : {}), ...(actions ? { actions } : {}) });
}

/** Anything thrown on the emulator's side of the store, as one of its codes. */
export function asStoreError(thrown: unknown, dir: string): WindtunnelError {
  if (thrown instanceof WindtunnelError) return thrown;
  const { message, ...details } = storeError(toFailure(thrown, dir));
  return new WindtunnelError(details.code, message, {
    ...(details.hint === undefined ? {} : { hint: details.hint }),
    actions: details.actions,
    cause: thrown,
  });
}
