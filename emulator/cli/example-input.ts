import * as z from 'zod/mini';

const ObjectSchema = z.record(z.string(), z.unknown());
type JsonObject = z.infer<typeof ObjectSchema>;

/** A PNG of one pixel: what a field takes that is a file. */
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const FILES = /^(File|Image|Audio|Video)$/;

/**
 * An input that the endpoint at `path` takes, with what is required and nothing else: by its examples, else by its schema.
 * `{}` where the document says nothing of it.
 */
export function exampleInput(document: unknown, path: string): JsonObject {
  const root = object(document);
  const post = object(object(object(root.paths)[path]).post);
  const json = object(object(object(post.requestBody).content)['application/json']);
  const schema = resolved(json.schema, root);
  const [given] = Array.isArray(schema.examples) ? schema.examples : [json.example ?? schema.example];
  if (given !== undefined && given !== null) return object(given);
  const fields = object(schema.properties);
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  return Object.fromEntries(required.map((name) => [name, value(fields[name], root, name, 0)]));
}

const object = (from: unknown): JsonObject => ObjectSchema.safeParse(from).data ?? {};

function resolved(from: unknown, root: JsonObject): JsonObject {
  const schema = object(from);
  if (typeof schema.$ref !== 'string') return schema;
  const name = schema.$ref.split('/').at(-1)!;
  return { ...object(object(object(root.components).schemas)[name]), ...schema, $ref: undefined };
}

function value(from: unknown, root: JsonObject, name: string, depth: number): unknown {
  const schema = resolved(from, root);
  const [example] = Array.isArray(schema.examples) ? schema.examples : [];
  const known = [schema.example, example, schema.default, schema.const, first(schema.enum)];
  const given = known.find((one) => one !== undefined && one !== null);
  if (given !== undefined) return given;
  for (const parts of [schema.anyOf, schema.allOf]) {
    const part = Array.isArray(parts) ? parts.find((one) => object(one).type !== 'null') : undefined;
    if (part !== undefined) return value(part, root, name, depth);
  }
  switch (schema.type) {
    case 'object': {
      if (FILES.test(String(schema.title))) return PIXEL;
      const required = Array.isArray(schema.required) && depth < 4 ? schema.required.map(String) : [];
      const fields = object(schema.properties);
      return Object.fromEntries(required.map((key) => [key, value(fields[key], root, key, depth + 1)]));
    }
    case 'array':
      if (Array.isArray(schema.prefixItems)) return schema.prefixItems.map((one) => value(one, root, name, depth + 1));
      return depth < 4 ? [value(schema.items, root, name, depth + 1)] : [];
    case 'integer':
    case 'number':
      return least(schema);
    case 'boolean':
      return true;
    default:
      return typeof schema.minLength === 'number' ? name.padEnd(schema.minLength, 'x') : name;
  }
}

const first = (list: unknown): unknown => (Array.isArray(list) ? list[0] : undefined);

function least({ minimum, exclusiveMinimum, maximum }: JsonObject): number {
  const above = typeof exclusiveMinimum === 'number' ? exclusiveMinimum + 1 : 1;
  const wanted = typeof minimum === 'number' ? Math.max(minimum, 1) : Math.max(above, 1);
  return typeof maximum === 'number' ? Math.min(wanted, maximum) : wanted;
}
