import * as z from 'zod/mini';
import { type AppId, DESCRIPTION_PATH } from '../contract/index.ts';
import type { ControlClient } from './control-client.ts';

const ObjectSchema = z.record(z.string(), z.unknown());
type JsonObject = z.infer<typeof ObjectSchema>;

/** A PNG of one pixel: what a field takes that is a file. */
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const FILES = /^(File|Image|Audio|Video)$/;

/** How long an app may take to describe itself. ms. */
const DESCRIPTION_MS = 5_000;

export interface ExampleQuestion {
  /** Of the emulator. */
  client: ControlClient;
  url: string;
  app: AppId;
  path: string;
  /** Sends a key along where every call needs one. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * Asks a running app for an input of one of its endpoints. `{}` where it cannot say: an app with a server of its own, one that does
 * not describe itself, or one that has requests to serve. Throws only when `signal` is aborted.
 */
export async function askExampleInput(question: ExampleQuestion): Promise<JsonObject> {
  const { client, url, app, path, headers = {}, signal } = question;
  try {
    const now = (await client.status()).apps.find(({ id }) => id === app);
    // The question takes a slot: beside the requests of the user it would make the app start one more runner.
    if (now?.queued !== 0 || now.running !== 0) return {};
    const patience = AbortSignal.timeout(DESCRIPTION_MS);
    const answer = await fetch(`${url}/run/${app}${DESCRIPTION_PATH}`, {
      headers,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    return answer.ok ? exampleInput(await answer.json(), path) : {};
  } catch (error) {
    if (signal?.aborted) throw error;
    // Its user knows what it takes.
    return {};
  }
}

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
