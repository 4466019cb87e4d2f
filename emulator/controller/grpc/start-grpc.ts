import { loadProtocol } from '../protocol/protocol.ts';
import { accountRpcs } from '../rpc/account-rpc.ts';
import { appsRpcs } from '../rpc/apps-rpc.ts';
import { codeRpcs } from '../rpc/code-rpc.ts';
import type { ControllerParts } from '../rpc/parts.ts';
import { runnersRpcs } from '../rpc/runners-rpc.ts';
import { authorize } from './authorize.ts';
import { createGrpcServer, type GrpcServer } from './server.ts';

/**
 * The gRPC half of the controller. Everything that needs gRPC or protobuf is imported from here alone, and this file on demand:
 * an emulator that nobody deploys to does not load it.
 */
export function startGrpc(parts: ControllerParts, onUnknown: (field: string) => void): GrpcServer {
  return createGrpcServer({
    methods: loadProtocol(onUnknown).methods,
    rpcs: { ...codeRpcs(parts), ...appsRpcs(parts), ...runnersRpcs(parts), ...accountRpcs(parts) },
    log: parts.log,
    authorize: (metadata) => authorize(metadata, parts.keys),
  });
}
