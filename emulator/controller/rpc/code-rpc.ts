import { toWindtunnelError } from '../../contract/index.ts';
import { uploadEnvironment } from '../deployments/app-definition.ts';
import { LogTap, linesOf, toLog } from '../deployments/log-tap.ts';
import {
  type BuildRequest,
  BuildRequestSchema,
  type RegisterRequest,
  RegisterRequestSchema,
  RunRequestSchema,
} from '../deployments/requests.ts';
import { serviceUrls } from '../deployments/service-urls.ts';
import { uploadedSettings } from '../deployments/settings.ts';
import { answersRequests, keptFiles } from '../deployments/upload.ts';
import { type RpcCall, type Rpcs, type Send, stream } from '../grpc/rpc.ts';
import { runApp } from '../runs/app-runs.ts';
import type { ControllerParts } from './parts.ts';

/** What brings code here: environments, deployments and runs. */
export function codeRpcs(parts: ControllerParts): Rpcs {
  return {
    BuildEnvironment: stream(BuildRequestSchema, (request, call, send) => build(request, call, send, parts)),
    RegisterApplication: stream(RegisterRequestSchema, (request, call, send) => register(request, call, send, parts)),
    Run: stream(RunRequestSchema, async (request, call, send) => {
      if (answersRequests(request)) await runApp(request, call, send, parts);
      else await parts.functions.run(request, call, send);
    }),
  };
}

/** Ends with SUCCESS, or with INTERNAL_FAILURE after lines that say why; the CLI prints those, and its own last word. */
async function build(request: BuildRequest, call: RpcCall, send: Send, parts: ControllerParts): Promise<void> {
  const { registry, environments, surroundings, redact, clock } = parts;
  const environment = registry.mustHaveEnvironment(request.environment_name);
  const settings = uploadedSettings({ ...request, data_mounts: [] }, null);
  const files = keptFiles(request, surroundings.blobs);
  const inProgress = (logs: object[]) => ({ status: { state: 'IN_PROGRESS' }, logs });
  const line = (message: string, level: 'INFO' | 'ERROR') => toLog(redact(message), 'BUILDER', level, clock.now());
  const tap = new LogTap(parts.bus, () => false, inProgress, send);
  try {
    const built = await environments.ensure(
      uploadEnvironment(settings, files, environment, surroundings),
      (message) => tap.push(line(message, 'INFO')),
      call.signal,
    );
    await tap.end();
    await send({ env_id: built.environment.key, status: { state: 'SUCCESS' } });
  } catch (thrown) {
    call.signal.throwIfAborted();
    const error = toWindtunnelError(thrown);
    if (error.code !== 'E_REQUIREMENTS' && !error.code.startsWith('E_IMAGE_')) throw error;
    for (const part of [error.message, error.detail, error.hint]) if (part) tap.push(line(part, 'ERROR'));
    await tap.end();
    await send({ status: { state: 'INTERNAL_FAILURE' } });
  }
}

async function register(request: RegisterRequest, call: RpcCall, send: Send, parts: ControllerParts): Promise<void> {
  const { deployer, surroundings, bus, log } = parts;
  const id = deployer.idOf(request.application_name ?? '');
  const tap = new LogTap(bus, linesOf(id), (logs) => ({ logs }), send);
  try {
    // A client that leaves does not stop the deployment, as it does not at fal.
    const revision = await deployer.deploy(request);
    await tap.end();
    await send({
      result: { application_id: revision.id },
      service_urls: serviceUrls(deployer.idOf(revision.alias), call.host, surroundings.publicUrl()),
    });
  } finally {
    await tap.end().catch((error: unknown) => log.debug('the client took no more lines', { error }));
  }
}
