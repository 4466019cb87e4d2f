import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type handleUnaryCall, Server, ServerCredentials, type ServiceDefinition, status } from '@grpc/grpc-js';
import type Docker from 'dockerode';
import protobuf from 'protobufjs';
import { dialHijacked } from './dial.ts';

const PROTO = `syntax = "proto3";
message GetSecretRequest { string ID = 1; map<string, string> annotations = 2; }
message GetSecretResponse { bytes data = 1; }
message CredentialsRequest { string Host = 1; }
message CredentialsResponse { string Username = 1; string Secret = 2; }
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse { int32 status = 1; }`;
const { root } = protobuf.parse(PROTO);

const GET_SECRET = '/moby.buildkit.secrets.v1.Secrets/GetSecret';
// Asked every few seconds: BuildKit closes a session that does not answer twice, in the middle of a longer step.
const HEALTH = '/grpc.health.v1.Health/Check';
const SERVING = 1;
const CREDENTIALS = '/moby.filesync.v1.Auth/Credentials';

export interface SessionServices {
  secrets: Readonly<Record<string, string>>;
  credentials(host: string): Promise<{ username: string; password: string } | null>;
}

export interface BuildSession {
  id: string;
  close(): void;
}

/**
 * The session that BuildKit asks for secrets and logins during a build: a gRPC server of ours on a connection that we opened.
 * dockerode's own serves logins alone, and stays open after a cancelled build.
 */
export async function openSession(docker: Docker, services: SessionServices): Promise<BuildSession> {
  const id = randomUUID();
  const connection: Duplex = await dialHijacked(docker, '/session', {
    Upgrade: 'h2c',
    'X-Docker-Expose-Session-Uuid': id,
    'X-Docker-Expose-Session-Name': 'windtunnel',
    'X-Docker-Expose-Session-Grpc-Method': [GET_SECRET, CREDENTIALS, HEALTH],
  });
  connection.on('error', () => connection.destroy());
  const server = new Server();
  const getSecret: Unary = (call, done) => {
    const value = services.secrets[String(call.request.ID)];
    if (value === undefined) done({ code: status.NOT_FOUND, details: `no secret ${call.request.ID}` });
    else done(null, { data: Buffer.from(value) });
  };
  const credentials: Unary = (call, done) => {
    services.credentials(String(call.request.Host)).then(
      (login) => done(null, { Username: login?.username ?? '', Secret: login?.password ?? '' }),
      (error: unknown) => done({ code: status.INTERNAL, details: String(error) }),
    );
  };
  server.addService(definition(GET_SECRET, 'GetSecret'), { GetSecret: getSecret });
  server.addService(definition(CREDENTIALS, 'Credentials'), { Credentials: credentials });
  const healthCheck: Unary = (_call, done) => done(null, { status: SERVING });
  server.addService(definition(HEALTH, 'HealthCheck'), { HealthCheck: healthCheck });
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(connection);
  return {
    id,
    close() {
      server.forceShutdown();
      connection.destroy();
    },
  };
}

type Unary = handleUnaryCall<Record<string, unknown>, object>;

function definition(path: string, name: 'GetSecret' | 'Credentials' | 'HealthCheck'): ServiceDefinition {
  const request = root.lookupType(`${name}Request`);
  const response = root.lookupType(`${name}Response`);
  const encode = (type: protobuf.Type) => (value: object) => Buffer.from(type.encode(value).finish());
  const decode = (type: protobuf.Type) => (bytes: Buffer) => type.decode(bytes);
  return {
    [name]: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: encode(request),
      requestDeserialize: decode(request),
      responseSerialize: encode(response),
      responseDeserialize: decode(response),
    },
  };
}
