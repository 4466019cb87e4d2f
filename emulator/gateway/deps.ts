import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { KeyValueStore } from '../store/kv-store.ts';
import type { TokenSigner } from './access/tokens.ts';
import type { FileStore } from './files/file-store.ts';
import type { Uploads } from './files/uploads.ts';

/** What the services of the gateway work with. */
export interface GatewayDeps {
  fleet: Fleet;
  clock: Clock;
  log: Log;
  tokens: TokenSigner;
  files: FileStore;
  uploads: Uploads;
  kv: KeyValueStore;
  /** The public keys of webhooks' signatures. */
  jwks: () => unknown;
  /** A place for an input that is too large for memory (`RequestStore.newBodyFile`). */
  newBodyFile: () => string;
  /** The loopback form of the public port: `http://127.0.0.1:8799`. */
  publicUrl: () => string;
}
