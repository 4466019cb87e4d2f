export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const COMPONENTS = '#/components/schemas/';

/** One schema of an OpenAPI document with all that it refers to under `definitions`, as JSON Schema alone. */
export function formSchema(schema: JsonObject, components: Readonly<Record<string, unknown>>): JsonObject {
  const definitions: JsonObject = {};
  const rewrite = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rewrite);
    if (!isObject(value)) return value;
    const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rewrite(inner)]));
    const reference = value.$ref;
    if (typeof reference === 'string' && reference.startsWith(COMPONENTS)) {
      const name = decodeURIComponent(reference.slice(COMPONENTS.length));
      copy.$ref = `#/definitions/${name}`;
      if (!(name in definitions)) {
        // Named before it is read: a model may hold itself.
        definitions[name] = {};
        definitions[name] = simplified(rewrite(components[name] ?? {}));
      }
    }
    return simplified(copy);
  };
  const root = rewrite(schema) as JsonObject;
  const resolved = typeof root.$ref === 'string' ? (definitions[root.$ref.slice('#/definitions/'.length)] ?? {}) : root;
  return { ...(resolved as JsonObject), definitions };
}

/** What pydantic writes for `X | None` becomes a plain, optional X: a form has a field for it, not a choice of two. */
function simplified(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { anyOf, ...rest } = value;
  if (!Array.isArray(anyOf)) return ordered(value);
  const kept = anyOf.filter((one) => !(isObject(one) && one.type === 'null'));
  if (kept.length === anyOf.length || kept.length === 0) return value;
  const { default: fallback, ...named } = rest;
  const common = fallback === null || fallback === undefined ? named : rest;
  const [only] = kept;
  if (kept.length === 1 && isObject(only)) {
    return typeof only.$ref === 'string' ? { ...common, allOf: [only] } : { ...only, ...common };
  }
  return { ...common, anyOf: kept };
}

/** Properties in the order of `x-fal-order-properties`, which fal's SDK writes for its own playground. */
function ordered(schema: JsonObject): JsonObject {
  const order = schema['x-fal-order-properties'];
  if (!isObject(schema.properties) || !Array.isArray(order)) return schema;
  const names = Object.keys(schema.properties);
  const sorted = [
    ...order.filter((name): name is string => names.includes(name)),
    ...names.filter((name) => !order.includes(name)),
  ];
  const { properties } = schema;
  return { ...schema, properties: Object.fromEntries(sorted.map((name) => [name, properties[name]])) };
}

/** A schema with what it refers to in `root`'s definitions laid under its own keywords. */
export function resolvedIn(schema: JsonObject, root: JsonObject): JsonObject {
  const [first] = Array.isArray(schema.allOf) && schema.allOf.length === 1 ? schema.allOf : [];
  const reference = schema.$ref ?? (isObject(first) ? first.$ref : undefined);
  if (typeof reference !== 'string' || !isObject(root.definitions)) return schema;
  const target = root.definitions[reference.slice('#/definitions/'.length)];
  return isObject(target) ? { ...target, ...schema } : schema;
}
