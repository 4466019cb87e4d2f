import type { Ledger } from '../ledger.ts';
import { kebabCase } from '../python-text.ts';
import type { SyntaxNode } from '../syntax.ts';
import { callExamples } from './call-examples.ts';
import { fold } from './fold.ts';
import { argument } from './library.ts';
import type { Role } from './methods.ts';
import type { Decorator, ModalModule } from './read-module.ts';
import { type Field, type KnownTypes, readSignature, typeOf } from './signature.ts';
import { passedByFastapi, webFields } from './web-parameters.ts';
import type { EndpointPlan, Modules } from './write-app.ts';

/** A function that answers requests, whether it stands alone or in a class. */
export interface Served {
  name: string;
  node: SyntaxNode;
  role: Role;
  asynchronous: boolean;
  generator: boolean;
  batched: boolean;
  marker: Decorator | null;
  decorators: readonly Decorator[];
}

export interface EndpointSource {
  file: string;
  module: ModalModule;
  modules: Modules;
  ledger: Ledger;
  types: KnownTypes;
  /** Class name of the app, which the models' names begin with. */
  className: string;
  free(name: string): string;
  stopsRunner: boolean;
  /** Fields of all endpoints: the class's parameters. */
  parameters: Field[];
}

/** The endpoints of an app: one at "/", several at their names, a generator at "/stream". */
export function planEndpoints(
  served: readonly Served[],
  target: (served: Served) => string,
  method: boolean,
  source: EndpointSource,
): EndpointPlan[] {
  const streams = served.filter(({ generator, role }) => generator && role === 'method').length;
  return served.map((one) => {
    const stream = one.generator && one.role === 'method';
    const path = stream
      ? streams === 1
        ? '/stream'
        : `/${kebabCase(one.name)}/stream`
      : served.length === 1
        ? '/'
        : `/${kebabCase(one.name)}`;
    return planEndpoint(one, path, target(one), method, served.length === 1, source);
  });
}

function planEndpoint(
  one: Served,
  path: string,
  target: string,
  method: boolean,
  alone: boolean,
  source: EndpointSource,
): EndpointPlan {
  const { file, ledger, module, types, className } = source;
  const web = one.role === 'web';
  const passed = web ? passedByFastapi(one.node, source) : new Map<string, string>();
  const signature = readSignature(one.node, types, method, new Set(passed.keys()));
  const place = { file, line: one.node.startPosition.row + 1 };
  const uploads = new Set<string>();
  if (web) webFields(one.node, signature, source, uploads);
  if (one.batched) for (const field of signature.fields) field.type = elementOf(field.type);
  let whole: string | null = null;
  let dictionary: string | null = null;
  let model: string | null = null;
  const [only] = signature.fields;
  if (web && signature.fields.length === 1 && source.parameters.length === 0) {
    const annotation = annotationOf(one.node, only!.name);
    if (annotation && isModel(annotation, module) && types.has(annotation.text)) whole = only!.name;
    else if (/^(dict|Dict|Mapping)\b/.test(only!.type) && only!.default === null) dictionary = only!.name;
  }
  const prefix = alone ? className : `${className}${pascal(one.name)}`;
  if (whole !== null) model = only!.type;
  else if (signature.fields.length + source.parameters.length > 0 || signature.open || dictionary !== null)
    model = source.free(`${prefix}Input`);
  const anchor = { file, text: `def ${one.name}_endpoint(` };
  const lost = signature.fields.filter((field) => field.lost !== null);
  if (lost.length > 0) {
    ledger.note('F764', 'CHECK', {
      source: place,
      text: lost.map(({ name, lost: text }) => `${name}: ${text}`).join(', '),
      reason: 'These types cannot be made from JSON, or are known in the runner only: the model takes anything.',
      next: 'Take a file, or plain values, and make the object in the function.',
      anchor,
    });
  }
  const untyped = signature.fields.filter((field) => field.type === 'Any' && field.lost === null);
  if (untyped.length > 0) {
    const names = signature.fields.map(({ name }) => name);
    const examples = web ? new Map<string, string>() : callExamples(one.name, names, one.node.tree.rootNode);
    for (const field of untyped) {
      const example = examples.get(field.name);
      if (example !== undefined && field.default === null) field.example = example;
    }
    ledger.note('F765', 'CHECK', {
      source: place,
      text: untyped.map(({ name }) => name).join(', '),
      reason: 'No type could be read for these arguments: the model takes anything.',
      next: 'Write the types, for the form of the Playground and the check of each call.',
      anchor,
    });
  }
  if (signature.fields.some(({ carried }) => carried === 'files')) {
    ledger.note('F766', 'CHECK', {
      source: place,
      text: one.name,
      reason: 'Bytes are files in JSON: callers pass a URL or a data URI, the function gets the content.',
      anchor,
    });
  }
  const named = signature.fields.filter(({ carried }) => carried === 'name');
  if (named.length > 0) {
    ledger.note('F785', 'CHECK', {
      source: place,
      text: named.map(({ name }) => name).join(', '),
      reason: 'What runners share goes by its name in JSON: callers pass the name, the function gets the object.',
      anchor,
    });
  }
  if (signature.open)
    ledger.note('F767', 'CHECK', {
      source: place,
      text: one.name,
      reason: '**kwargs takes the keys of the input that no other argument takes.',
      anchor,
    });
  const returned = returnOf(one.node, types);
  const stream = one.generator && one.role === 'method';
  endpointNote(one, path, stream, web, source, anchor);
  return {
    path,
    name: `${one.name}_endpoint`,
    target,
    kind: web ? 'web' : stream ? 'stream' : 'json',
    asynchronous: one.asynchronous,
    signature: { ...signature, fields: [...source.parameters, ...signature.fields] },
    model,
    whole,
    dictionary,
    output: returned,
    outputModel: web || stream ? '' : source.free(`${prefix}Output`),
    batched: one.batched,
    stopsRunner: source.stopsRunner && !stream,
    passed,
    parameters: source.parameters.map(({ name }) => name),
    uploads,
  };
}

function endpointNote(
  one: Served,
  path: string,
  stream: boolean,
  web: boolean,
  source: EndpointSource,
  anchor: { file: string; text: string },
): void {
  const { file, ledger, module } = source;
  const place = { file, line: (one.marker?.node ?? one.node).startPosition.row + 1 };
  const text = one.marker?.node.text ?? one.name;
  if (one.batched) {
    ledger.note('F768', 'CHECK', {
      source: place,
      text,
      reason: 'fal collects no batches: the function is called with lists of one.',
      next: 'For throughput, set max_multiplexing and collect requests in an asyncio.Queue.',
      anchor,
    });
  }
  if (stream) {
    ledger.note('F769', 'CHECK', {
      source: place,
      text,
      reason: `Each yield is an event of ${path}.`,
      next: 'fal_client.stream(…) in the place of .remote_gen(…).',
      anchor,
    });
    return;
  }
  if (!web) {
    ledger.note('F770', 'CHECK', {
      source: place,
      text,
      reason: `${one.name} answers at "${path}" (POST), with {"result": …}. Its arguments are the keys of the input.`,
      next: `fal_client.subscribe("<you>/<app>", arguments={…}${path === '/' ? '' : `, path="${path}"`})["result"] in the place of .remote(…).`,
      anchor,
    });
    return;
  }
  const given = one.marker!.given;
  const verb = fold(argument(given, 'method', 0), module.reader.lookup);
  const get = typeof verb !== 'string' || verb.toUpperCase() !== 'POST';
  ledger.note(get ? 'F772' : 'F771', 'CHECK', {
    source: place,
    text,
    reason: get
      ? `It was ${typeof verb === 'string' ? verb.toUpperCase() : 'GET'}, which fal's endpoints are not: "${path}" answers POST alone, and a browser that opens it gets a 405. Its query parameters are the keys of the input.`
      : `"${path}" answers POST. The URL was public; an app at fal asks for a key unless app_auth says otherwise.`,
    next: get
      ? 'Let callers POST, or serve the routes yourself, as an app of FastAPI with exposed_port.'
      : 'Set app_auth = "public" if anyone may call it.',
    anchor,
  });
  for (const { name, value } of given.keywords) {
    if (name === 'method') continue;
    ledger.note('F773', 'OK', {
      source: place,
      text: `${name}=${value.text}`,
      reason:
        name === 'docs'
          ? 'The schema of the endpoint is shown in the Playground.'
          : `${name} has no counterpart: the URL is made of the names of user and app.`,
    });
  }
}

function returnOf(node: SyntaxNode, types: KnownTypes): EndpointPlan['output'] {
  const annotation = node.childForFieldName('return_type')?.namedChildren[0] ?? null;
  const read = annotation ? typeOf(annotation, types) : null;
  if (read && /^(str|int|bool|None)$/.test(read.type)) return read.type === 'str' ? 'str' : 'plain';
  return read?.type === 'fal.toolkit.File' ? 'File' : 'Any';
}

function elementOf(type: string): string {
  const match = /^(?:list|List|Sequence|Iterable)\[([\s\S]*)\]$/.exec(type);
  return match ? match[1]! : 'Any';
}

const pascal = (name: string): string =>
  name
    .split('_')
    .filter((part) => part !== '')
    .map((part) => part[0]!.toUpperCase() + part.slice(1))
    .join('');

function annotationOf(node: SyntaxNode, name: string): SyntaxNode | null {
  for (const parameter of node.childForFieldName('parameters')?.namedChildren ?? []) {
    const found = parameter.childForFieldName('name')?.text ?? parameter.namedChildren[0]?.text;
    if (found === name) return parameter.childForFieldName('type')?.namedChildren[0] ?? null;
  }
  return null;
}

function isModel(annotation: SyntaxNode, module: ModalModule): boolean {
  const seen = new Set<string>();
  const check = (name: string): boolean => {
    if (seen.has(name)) return false;
    seen.add(name);
    const bases = module.classes.get(name)?.node.childForFieldName('superclasses')?.namedChildren ?? [];
    return bases.some((base) => /(^|\.)(BaseModel|RootModel|GenericModel)$/.test(base.text) || check(base.text));
  };
  return annotation.type === 'identifier' && check(annotation.text);
}

/** Whether a decorator is one that stands for a whole web server. */
export function isServer(role: Role): boolean {
  return role === 'asgi' || role === 'wsgi' || role === 'server';
}
