import { randomUUID } from 'node:crypto';
import type { AppId } from '../../contract/index.ts';
import { uploadDefinition } from '../deployments/app-definition.ts';
import { LogTap, linesOf } from '../deployments/log-tap.ts';
import type { RunRequest } from '../deployments/requests.ts';
import { serviceUrls } from '../deployments/service-urls.ts';
import { uploadedSettings } from '../deployments/settings.ts';
import { isServedBySdk, keepCallable, keptFiles } from '../deployments/upload.ts';
import type { RpcCall, Send } from '../grpc/rpc.ts';
import type { RunOptions } from './function-runs.ts';

const RUNNING = { status: { state: 'IN_PROGRESS' } };

/** `fal run` of an app: it serves for as long as the call is open, and nothing of it stays. */
export async function runApp(request: RunRequest, call: RpcCall, send: Send, options: RunOptions): Promise<void> {
  const { fleet, registry, surroundings, bus, log } = options;
  const environment = registry.mustHaveEnvironment(request.environment_name);
  const settings = uploadedSettings(request, null);
  const files = keptFiles(request, surroundings.blobs);
  const callable = await keepCallable(request, surroundings.blobs);
  const id = freeName(request.application_name, options);
  const definition = uploadDefinition(
    {
      id,
      revision: randomUUID(),
      callable,
      // The call is the runner: one, from its beginning to its end.
      settings: { ...settings, minConcurrency: 1, maxConcurrency: 1, concurrencyBuffer: 0, concurrencyBufferPerc: 0 },
      servedBySdk: isServedBySdk(request),
      files,
      environment,
      symbol: request.application_name ?? 'fal run',
    },
    surroundings,
  );
  const tap = new LogTap(bus, linesOf(id), (logs) => ({ ...RUNNING, logs }), send);
  try {
    await fleet.apps.register(definition, 'fal run');
    await send({ ...RUNNING, run_id: id, service_urls: serviceUrls(id, call.host, surroundings.publicUrl()) });
    await fleet.apps.start(id);
    await untilCancelled(call.signal);
  } finally {
    await fleet.apps.remove(id);
    await tap.end().catch((error: unknown) => log.debug('the client took no more lines', { error }));
  }
}

function freeName(wanted: string | undefined, { fleet, surroundings, registry }: RunOptions): AppId {
  const { owner } = surroundings;
  if (wanted === undefined) return `${owner}/${randomUUID()}`;
  const id: AppId = `${owner}/${wanted}`;
  return fleet.apps.get(id) || registry.alias(wanted) ? `${id}-${randomUUID().slice(0, 8)}` : id;
}

function untilCancelled(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
