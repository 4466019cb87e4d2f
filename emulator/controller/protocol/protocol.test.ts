import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { testPython } from '../../../test/support/python.ts';
import { loadProtocol } from './protocol.ts';
import { StructSchema, toStruct } from './struct.ts';

const execute = promisify(execFile);
const DESCRIBE = path.join(import.meta.dirname, 'testing/describe_protocol.py');

type Field = [number: number, type: number | string, label: string];

const DescriptionSchema = z.object({
  messages: z.record(z.string(), z.record(z.string(), z.custom<Field>(Array.isArray))),
  enums: z.record(z.string(), z.record(z.string(), z.number())),
  methods: z.record(z.string(), z.tuple([z.string(), z.boolean(), z.string(), z.boolean()])),
});

// google.protobuf.FieldDescriptorProto.Type
const SCALARS: Record<string, number> = { float: 2, int32: 5, bool: 8, string: 9, bytes: 12 };

test('our .proto files say of every message, enum and call what the SDK was compiled from', async () => {
  const { stdout } = await execute(await testPython(), [DESCRIBE]);
  const theirs = DescriptionSchema.parse(JSON.parse(stdout));
  const { root } = loadProtocol(() => undefined);
  // What isolate's agent speaks, and the controller does not.
  delete theirs.messages.PartialRunResult;
  for (const [name, fields] of Object.entries(theirs.messages)) {
    const ours = Object.fromEntries(root.lookupType(name).fieldsArray.map((field) => [field.name, toTheirs(field)]));
    expect({ [name]: ours }).toEqual({ [name]: fields });
  }
  for (const [name, values] of Object.entries(theirs.enums)) {
    expect({ [name]: root.lookupEnum(name).values }).toEqual({ [name]: values });
  }
  const service = root.lookupService('controller.IsolateController');
  const methods = service.methodsArray.map((method) => [
    method.name,
    [
      method.resolvedRequestType?.fullName.slice(1),
      method.requestStream ?? false,
      method.resolvedResponseType?.fullName.slice(1),
      method.responseStream ?? false,
    ],
  ]);
  expect(Object.fromEntries(methods)).toEqual(theirs.methods);
});

function toTheirs(field: protobuf.Field): Field {
  const type = field.resolvedType ? field.resolvedType.fullName.slice(1) : (SCALARS[field.type] ?? field.type);
  const optional = field.partOf?.name.startsWith('_') ?? false;
  return [field.id, type, field.repeated ? 'repeated' : optional ? 'optional' : ''];
}

test('fields that a newer client sends are passed over and named, wherever they stand', () => {
  const unknown: string[] = [];
  const { methods } = loadProtocol((field) => unknown.push(field));
  const newer = protobuf.parse(
    `syntax = "proto3";
    message Nested { string kind = 1; string later = 99; }
    message Build { repeated Nested environments = 1; string environment_name = 4; int32 newest = 50; }`,
    { keepCase: true },
  ).root;
  const message = { environments: [{ kind: 'virtualenv', later: 'x' }], environment_name: 'main', newest: 7 };
  const bytes = Buffer.from(newer.lookupType('Build').encode(newer.lookupType('Build').fromObject(message)).finish());
  const build = methods.find(({ name }) => name === 'BuildEnvironment');
  expect(build?.readRequest(bytes)).toEqual({ environments: [{ kind: 'virtualenv' }], environment_name: 'main' });
  expect(unknown).toEqual(['EnvironmentDefinition#99', 'BuildEnvironmentRequest#50']);
});

test('a Struct carries JSON there and back', () => {
  const { root } = loadProtocol(() => undefined);
  const type = root.lookupType('google.protobuf.Struct');
  const json = { text: 'é', number: 1.5, yes: true, no: false, none: null, list: [1, 'a', { b: [] }], empty: {} };
  const bytes = type.encode(type.fromObject(toStruct(json))).finish();
  expect(StructSchema.parse(type.toObject(type.decode(bytes), { enums: String }))).toEqual(json);
});
