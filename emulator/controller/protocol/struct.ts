import * as z from 'zod/mini';

/** A JSON value as google.protobuf.Struct carries it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Value {
  nullValue?: unknown;
  numberValue?: number;
  stringValue?: string;
  boolValue?: boolean;
  structValue?: { fields?: Record<string, Value> };
  listValue?: { values?: Value[] };
}

/** The object in a decoded Struct. */
export const StructSchema = z.pipe(
  z.looseObject({ fields: z.optional(z.record(z.string(), z.unknown())) }),
  z.transform((struct): Record<string, Json> => fieldsToJson(struct.fields as Record<string, Value> | undefined)),
);

function fieldsToJson(fields: Record<string, Value> | undefined): Record<string, Json> {
  return Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [name, toJson(value)]));
}

function toJson(value: Value): Json {
  if (value.numberValue !== undefined) return value.numberValue;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.structValue !== undefined) return fieldsToJson(value.structValue.fields);
  if (value.listValue !== undefined) return (value.listValue.values ?? []).map(toJson);
  return null;
}

/** An object as a Struct message. */
export function toStruct(object: Record<string, Json>): object {
  return { fields: Object.fromEntries(Object.entries(object).map(([name, value]) => [name, fromJson(value)])) };
}

function fromJson(json: Json): object {
  if (json === null) return { nullValue: 'NULL_VALUE' };
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(fromJson) } };
  return { structValue: toStruct(json) };
}
