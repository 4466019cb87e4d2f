import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { assetUrl } from '../../core/assets.ts';
import { unknownFields } from './unknown-fields.ts';

const SERVICE = 'controller.IsolateController';
// What the two files import of Google's, which protobufjs brings along.
const WELL_KNOWN = ['google/protobuf/struct.proto', 'google/protobuf/timestamp.proto'];

/** One call of the service: how its messages are read and written. */
export interface Method {
  name: string;
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  /** Numbers for 64-bit integers, names for enums, absent fields left out. */
  readRequest(bytes: Buffer): Record<string, unknown>;
  writeResponse(message: object): Buffer;
}

export interface Protocol {
  root: protobuf.Root;
  methods: Method[];
}

/**
 * fal's controller service, from our .proto files. Fields that a client sends and these do not know are passed over;
 * `onUnknown` is told each, as `Message#number`.
 */
export function loadProtocol(onUnknown: (field: string) => void): Protocol {
  const root = new protobuf.Root();
  for (const file of WELL_KNOWN) {
    const known = protobuf.common.get(file);
    if (known?.nested) root.addJSON(known.nested);
  }
  for (const file of ['common.proto', 'controller.proto']) {
    protobuf.parse(readFileSync(new URL(file, assetUrl('protocol')), 'utf8'), root, { keepCase: true });
  }
  root.resolveAll();
  const service = root.lookupService(SERVICE);
  return { root, methods: service.methodsArray.map((method) => toMethod(method, onUnknown)) };
}

function toMethod(method: protobuf.Method, onUnknown: (field: string) => void): Method {
  const request = typeOf(method.resolvedRequestType);
  const response = typeOf(method.resolvedResponseType);
  return {
    name: method.name,
    path: `/${SERVICE}/${method.name}`,
    requestStream: method.requestStream ?? false,
    responseStream: method.responseStream ?? false,
    readRequest(bytes) {
      for (const field of unknownFields(request, bytes)) onUnknown(field);
      return request.toObject(request.decode(bytes), { longs: Number, enums: String, bytes: Buffer });
    },
    writeResponse: (message) => Buffer.from(response.encode(response.fromObject(message)).finish()),
  };
}

function typeOf(type: protobuf.Type | null): protobuf.Type {
  if (type === null) throw new Error('a method of the controller has no message type');
  return type;
}
