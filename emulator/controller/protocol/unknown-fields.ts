import protobuf from 'protobufjs';

const LENGTH_DELIMITED = 2;

/** Fields in an encoded message that its type does not know, as `Message#number`; nested messages are looked into. */
export function unknownFields(type: protobuf.Type, bytes: Uint8Array): Set<string> {
  const found = new Set<string>();
  collect(type, bytes, found);
  return found;
}

function collect(type: protobuf.Type, bytes: Uint8Array, found: Set<string>): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const number = tag >>> 3;
    const wire = tag & 7;
    const field = type.fieldsById[number];
    const nested = field?.resolvedType;
    if (!field) found.add(`${type.name}#${number}`);
    // A map's entries are no messages of the schema's.
    if (nested instanceof protobuf.Type && wire === LENGTH_DELIMITED && !field?.map)
      collect(nested, reader.bytes(), found);
    else reader.skipType(wire);
  }
}
