import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { type Disposable, DisposableStore } from '../core/disposable.ts';
import type { EventBus } from '../core/event-bus.ts';
import type { Log } from '../core/log.ts';
import type { Environments } from '../environments/environments.ts';
import type { ManagedFleet } from '../fleet/fleet.ts';
import type { Documents } from '../store/documents.ts';
import type { Surroundings } from './deployments/app-definition.ts';
import { BlobStore } from './deployments/blob-store.ts';
import { Deployer } from './deployments/deployer.ts';
import { Registry } from './deployments/registry.ts';
import type { GrpcServer } from './grpc/server.ts';
import { createAdminRest } from './rest/admin-rest.ts';
import type { AccountKeys, AccountSecrets, ControllerParts } from './rpc/parts.ts';
import { RunnerBook } from './runners/runner-book.ts';
import { FunctionRuns } from './runs/function-runs.ts';

export interface ControllerOptions {
  owner: string;
  workspace: string;
  fleet: ManagedFleet;
  documents: Documents;
  environments: Environments;
  keys: AccountKeys;
  secrets: AccountSecrets;
  secretEnv: Surroundings['secretEnv'];
  buildSecrets: Surroundings['buildSecrets'];
  /** Takes the values of secrets out of what a client is told. */
  redact: (text: string) => string;
  engine: Surroundings['engine'];
  bus: EventBus;
  clock: Clock;
  log: Log;
  /** Folder of uploaded app files and pickled apps; absolute. */
  blobsDir: string;
  /** What apps see as /data, for `fal files`. */
  dataDir: string;
  publicUrl: () => string;
}

/** A REST call of the CLI, its path below `rest.fal.ai` and its query. */
export interface AdminCall {
  req: IncomingMessage;
  res: ServerResponse;
  path: string;
  query: URLSearchParams;
}

/** What the fal CLI and SDK administer the account with: gRPC, and the REST calls beside it. */
export interface Controller extends Disposable {
  /** Serves what was deployed before. */
  restore(): Promise<void>;
  /** A connection that opened with HTTP/2, nothing of it consumed. */
  onHttp2(stream: Duplex): void;
  /** Whether a REST path is one of the controller's. */
  owns(path: string): boolean;
  /** Answers such a call. Rejects with what the caller is to be told. */
  serve(call: AdminCall): Promise<void>;
}

export function createController(options: ControllerOptions): Controller {
  const { owner, workspace, fleet, clock, bus, documents, environments, keys, secrets, publicUrl } = options;
  const log = options.log.child('controller');
  const resources = new DisposableStore();
  const blobs = new BlobStore(options.blobsDir);
  const registry = new Registry(documents, clock);
  const { secretEnv, buildSecrets, engine } = options;
  const surroundings: Surroundings = { owner, workspace, blobs, secretEnv, buildSecrets, publicUrl, engine };
  const deployer = new Deployer({ fleet, registry, surroundings, clock, log });
  const runners = resources.add(new RunnerBook(bus, fleet.apps));
  const functions = resources.add(new FunctionRuns({ fleet, registry, surroundings, bus, clock, log }));
  const parts: ControllerParts = {
    fleet,
    registry,
    deployer,
    environments,
    surroundings,
    runners,
    functions,
    keys,
    secrets,
    redact: options.redact,
    bus,
    clock,
    log,
  };
  const rest = createAdminRest({ ...parts, dataDir: options.dataDir });

  const unknown = new Set<string>();
  const noteUnknown = (field: string) => {
    if (unknown.has(field)) return;
    unknown.add(field);
    const message = `The client sent ${field}, which this version does not know; it has no effect.`;
    bus.emit({ type: 'emulator.notice', level: 'warn', code: 'E_NOT_EMULATED', message });
  };

  let grpc: Promise<GrpcServer> | null = null;
  resources.defer(async () => {
    if (grpc) await (await grpc).dispose();
  });
  return {
    async restore() {
      const used = registry
        .revisions()
        .flatMap(({ callable, files }) => [
          ...(callable.kind === 'pickle' ? [callable.blob] : []),
          ...files.map(({ hash }) => hash),
        ]);
      const removed = await blobs.sweep(new Set(used), clock);
      if (removed > 0) log.info('removed uploads that no app names', { files: removed });
      await deployer.restore();
    },
    onHttp2(stream) {
      grpc ??= import('./grpc/start-grpc.ts').then(({ startGrpc }) => startGrpc(parts, noteUnknown));
      grpc.then(
        (server) => server.adopt(stream),
        (error: unknown) => {
          log.error('gRPC could not be loaded', { error });
          stream.destroy();
        },
      );
    },
    owns: (path) => rest.owns(path),
    serve: (call) => rest.serve(call),
    dispose: () => resources.dispose(),
  };
}
