import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadProtocol } from '../../emulator/controller/protocol/protocol.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';

// What no fal client does by itself: calls that are not emulated, calls without a key or from a page, names that are unknown.
let emulator: EmulatorUnderTest;
let client: Client;
let key = '';
const { root, methods } = loadProtocol(() => undefined);

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
  key = (await emulator.execEnv()).FAL_KEY ?? '';
  client = new Client(emulator.url.replace('http://', ''), credentials.createInsecure());
}, 300_000);

afterAll(async () => {
  client?.close();
  await emulator?.dispose();
}, 300_000);

/** One call over h2c; resolves with the last message, or with the status and code of its refusal. */
function call(name: string, request: object, headers: Record<string, string> = keyHeaders()): Promise<object> {
  const method = methods.find((one) => one.name === name);
  if (!method) throw new Error(`no method ${name}`);
  const service = root.lookupService('controller.IsolateController').methods[name];
  const write = (message: object) =>
    Buffer.from(service!.resolvedRequestType!.encode(service!.resolvedRequestType!.fromObject(message)).finish());
  const read = (bytes: Buffer) =>
    service!.resolvedResponseType!.toObject(service!.resolvedResponseType!.decode(bytes), { enums: String });
  const metadata = new Metadata();
  for (const [header, value] of Object.entries(headers)) metadata.set(header, value);
  return new Promise((resolve) => {
    const refused = (error: ServiceError) =>
      resolve({ status: status[error.code], code: error.metadata.get('windtunnel-code')[0], details: error.details });
    if (!method.responseStream) {
      client.makeUnaryRequest(method.path, write, read, request, metadata, (error, answer) =>
        error ? refused(error) : resolve(answer ?? {}),
      );
      return;
    }
    const bidi = method.requestStream ? client.makeBidiStreamRequest(method.path, write, read, metadata) : null;
    bidi?.write(request);
    bidi?.end();
    const stream = bidi ?? client.makeServerStreamRequest(method.path, write, read, request, metadata);
    let last: object = {};
    stream.on('data', (message: object) => {
      last = message;
    });
    stream.on('error', refused);
    stream.on('end', () => resolve(last));
  });
}

function keyHeaders(): Record<string, string> {
  const [id = '', secret = ''] = key.split(':');
  return { 'auth-key-id': id, 'auth-key': secret };
}

describe('who may call', () => {
  test('nobody without a key of this emulator', async () => {
    for (const headers of [{}, { 'auth-key-id': 'x', 'auth-key': 'y' }, { authorization: 'Bearer z' }]) {
      expect(await call('ListAliases', {}, headers)).toMatchObject({
        status: 'UNAUTHENTICATED',
        code: 'E_UNAUTHORIZED',
      });
    }
  });

  test('no web page, with whatever key', async () => {
    expect(await call('ListAliases', {}, { ...keyHeaders(), origin: 'http://localhost:3000' })).toMatchObject({
      status: 'PERMISSION_DENIED',
      code: 'E_FOREIGN_ORIGIN',
    });
    const rest = await fetch(`${emulator.url}/users/current`, {
      headers: { authorization: `Key ${key}`, origin: 'http://localhost:3000' },
    });
    expect(rest.status).toBe(403);
  });

  test('REST as well', async () => {
    expect((await fetch(`${emulator.url}/users/current`)).status).toBe(401);
    const known = await fetch(`${emulator.url}/users/current`, { headers: { authorization: `Key ${key}` } });
    expect(await known.json()).toMatchObject({ nickname: 'local' });
    const outside = await fetch(`${emulator.url}/files/list/%2Fdata%2F..%2F..%2Fetc`, {
      headers: { authorization: `Key ${key}` },
    });
    expect(outside.status).toBe(400);
  });

  test('a key of fal keys create: ADMIN all, API no administration, none once it is revoked', async () => {
    const admin = (await call('CreateUserKey', { policy_preset: 'FULL' })) as { key_id: string; key_secret: string };
    const headers = { 'auth-key-id': admin.key_id, 'auth-key': admin.key_secret };
    expect(await call('ListAliases', {}, headers)).toEqual({});
    const api = (await call('CreateUserKey', { scope: 'API' })) as { key_id: string; key_secret: string };
    expect(await call('ListAliases', {}, { 'auth-key-id': api.key_id, 'auth-key': api.key_secret })).toMatchObject({
      code: 'E_UNAUTHORIZED',
    });
    expect(await call('RevokeUserKey', { key_id: admin.key_id })).toEqual({});
    expect(await call('ListAliases', {}, headers)).toMatchObject({ code: 'E_UNAUTHORIZED' });
    expect(await call('RevokeUserKey', { key_id: admin.key_id })).toMatchObject({ code: 'E_UNKNOWN_KEY' });
  });
});

test.each(['Map', 'InteractiveRun'])('%s, which no fal client calls, says that it is not emulated', async (name) => {
  expect(await call(name, {})).toEqual({
    status: 'UNIMPLEMENTED',
    code: 'E_NOT_EMULATED',
    details: `${name} is not emulated by Windtunnel.`,
  });
});

const VENV = [{ kind: 'virtualenv', configuration: { fields: {} } }];
const PICKLE = { method: 'cloudpickle', definition: Buffer.from('x') };

test.each<[string, object, object]>([
  [
    'StopRunner',
    { runner_id: 'none' },
    { status: 'NOT_FOUND', code: 'E_UNKNOWN_RUNNER', details: /Runner none not found/ },
  ],
  ['KillRunner', { runner_id: 'none' }, { status: 'NOT_FOUND', code: 'E_UNKNOWN_RUNNER' }],
  ['ShellRunner', { runner_id: 'none' }, { status: 'NOT_FOUND', code: 'E_UNKNOWN_RUNNER' }],
  ['SetAlias', { alias: 'a', revision: 'none' }, { status: 'NOT_FOUND', code: 'E_UNKNOWN_REVISION' }],
  ['DeleteApplication', { application_id: 'none' }, { status: 'NOT_FOUND', code: 'E_UNKNOWN_REVISION' }],
  ['DeleteAlias', { alias: 'none' }, { status: 'NOT_FOUND', code: 'E_UNKNOWN_APP' }],
  ['ListAliases', { environment_name: 'none' }, { status: 'NOT_FOUND', code: 'E_UNKNOWN_ENVIRONMENT' }],
  ['CreateEnvironment', { name: 'main' }, { status: 'ALREADY_EXISTS', code: 'E_ENVIRONMENT_EXISTS' }],
  ['CreateEnvironment', { name: 'a--b' }, { status: 'INVALID_ARGUMENT', code: 'E_BAD_REQUEST' }],
  ['SetSecret', { name: '1', value: 'x' }, { status: 'INVALID_ARGUMENT', code: 'E_SECRET_NAME' }],
  ['BuildEnvironment', { environments: [{ kind: 'conda' }] }, { status: 'UNIMPLEMENTED', code: 'E_NOT_EMULATED' }],
  [
    'RegisterApplication',
    {
      application_name: 'a',
      environments: VENV,
      function: PICKLE,
      files: [{ hash: 'a'.repeat(64), relative_path: 'f' }],
    },
    { status: 'FAILED_PRECONDITION', code: 'E_APP_FILES' },
  ],
  [
    'RegisterApplication',
    { application_name: '../a', environments: VENV, function: PICKLE },
    { status: 'INVALID_ARGUMENT', code: 'E_BAD_REQUEST' },
  ],
])('%s refuses %j', async (name, request, refusal) => {
  const { details, ...rest } = refusal as { details?: RegExp };
  const answer = await call(name, request);
  expect(answer).toMatchObject(rest);
  if (details) expect((answer as { details: string }).details).toMatch(details);
});

test('the fal CLI in its test mode, without exec: gRPC and REST over plain HTTP on the one port', async () => {
  const env = {
    ...emulator.env,
    FAL_KEY: key,
    ISOLATE_TEST_MODE: '1',
    FAL_HOST: emulator.url.replace('http://127.0.0.1', 'localhost'),
    NO_PROXY: '*',
  };
  const fal = path.join(path.dirname(await testPython()), 'fal');
  const run = promisify(execFile);
  expect((await run(fal, ['apps', 'list', '--output', 'json'], { env })).stdout).toContain('"apps": []');
  expect((await run(fal, ['auth', 'whoami'], { env })).stdout).toContain('Hello, local');
}, 300_000);

test('the fal CLI over TLS by FAL_GRPC_HOST alone, without exec: gRPC and REST on the one port', async () => {
  const { SSL_CERT_FILE, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH } = await emulator.execEnv();
  const env = {
    ...emulator.env,
    SSL_CERT_FILE,
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH,
    FAL_KEY: key,
    FAL_GRPC_HOST: emulator.url.replace('http://127.0.0.1', 'localhost'),
    NO_PROXY: '*',
  };
  const fal = path.join(path.dirname(await testPython()), 'fal');
  const run = promisify(execFile);
  expect((await run(fal, ['apps', 'list', '--output', 'json'], { env })).stdout).toContain('"apps": []');
  expect((await run(fal, ['auth', 'whoami'], { env })).stdout).toContain('Hello, local');
}, 300_000);

test('nothing of a refused deployment is left', async () => {
  expect(await call('ListAliases', {})).toEqual({});
  expect(await call('ListRunners', { list_pending: true })).toEqual({});
});
