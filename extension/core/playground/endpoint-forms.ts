import * as z from 'zod/mini';
import type { FoundEndpoint, PlaygroundEndpoint, SendMode } from '../../../emulator/contract/index.ts';
import { fieldHints } from './field-hints.ts';
import { formSchema, isObject, type JsonObject } from './json-schema.ts';

const BodySchema = z.object({ content: z.record(z.string(), z.object({ schema: z.optional(z.unknown()) })) });
const OperationSchema = z.object({
  summary: z.optional(z.string()),
  description: z.optional(z.string()),
  requestBody: z.optional(BodySchema),
});
const OpenApiSchema = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.optional(z.object({ schemas: z.optional(z.record(z.string(), z.unknown())) })),
});

/**
 * The endpoints of an app with their forms, out of its OpenAPI document as fal's SDK serves it; in the order of the source, then
 * what the document alone names. Throws ZodError for what is no OpenAPI.
 */
export function endpointForms(openApi: unknown, found: readonly FoundEndpoint[]): PlaygroundEndpoint[] {
  const document = OpenApiSchema.parse(openApi);
  const schemas = document.components?.schemas ?? {};
  const inSource = found.filter(({ healthCheck }) => !healthCheck).map(({ path }) => path);
  const paths = [...new Set([...inSource, ...Object.keys(document.paths)])].filter(
    // The SDK's own probe, unless the app has made it an endpoint of its own.
    (path) => path !== '/health' || inSource.includes(path),
  );
  return paths.flatMap((path) => {
    const item = document.paths[path];
    const kind = found.find((endpoint) => endpoint.path === path)?.kind ?? kindOf(item);
    if (kind === 'websocket') return [];
    const operation = OperationSchema.safeParse(item?.post);
    if (!operation.success && kind === 'http') return [];
    const { summary, description, requestBody } = operation.data ?? {};
    const body = requestBody?.content['application/json']?.schema;
    const form = isObject(body) ? formSchema(body, schemas) : null;
    return [
      {
        path,
        title: kind === 'realtime' ? path : (summary ?? path),
        description: description ?? '',
        modes: modesOf(path, kind, item),
        form,
        hints: form ? fieldHints(form) : [],
        lastInput: null,
      },
    ];
  });
}

function kindOf(item: JsonObject | undefined): FoundEndpoint['kind'] {
  const protocol = item?.['x-fal-protocol'];
  if (!isObject(protocol)) return 'http';
  return protocol.type === 'realtime' ? 'realtime' : 'websocket';
}

/** The likely one first: both official clients stream from `/stream`. */
function modesOf(path: string, kind: FoundEndpoint['kind'], item: JsonObject | undefined): SendMode[] {
  if (kind === 'realtime') return ['realtime'];
  const streams = path.endsWith('/stream') || JSON.stringify(item?.post ?? {}).includes('text/event-stream');
  return streams ? ['stream', 'queue', 'direct'] : ['queue', 'direct', 'stream'];
}
