import type { ImportedNames } from '../imported-names.ts';
import { boundNames } from '../names.ts';
import type { Environment } from '../source-app.ts';
import { definitions, type SyntaxNode } from '../syntax.ts';
import type { CogConfig } from './cog-config.ts';
import { cogName } from './cog-names.ts';
import { bases, methods, type Predictor } from './predictor.ts';
import type { OutputField, PredictorApp } from './predictor-code.ts';
import type { PredictorInput } from './predictor-inputs.ts';
import { annotationText, type MediaKind, mediaKind, outputType, type ValueType, valueType } from './value-type.ts';

export interface Described {
  root: SyntaxNode;
  config: CogConfig;
  environment: Environment;
  target: { predictor: Predictor; appName: string };
  className: string;
  inputs: PredictorInput[];
  names: ImportedNames;
  late: (name: string) => boolean;
  /** The class of the predictor becomes the app. */
  asClass: boolean;
}

/** Names that are bound above a node, and when the file is imported for a deploy. */
export function availableTo(
  root: SyntaxNode,
  node: SyntaxNode,
  late: (name: string) => boolean,
): (name: string) => boolean {
  const above = root.namedChildren.filter(({ startIndex }) => startIndex < node.startIndex);
  const bound = new Set(above.flatMap((statement) => [...boundNames(statement)]));
  return (name) => bound.has(name) && !late(name);
}

/** What is to be written for a predictor. */
export function describeApp(source: Described): PredictorApp {
  const { root, config, environment, target, className, inputs, names, late, asClass } = source;
  const { predictor, appName } = target;
  const { method, methodName, shape } = predictor;
  const available = availableTo(root, predictor.node, late);
  const output = outputType(method.childForFieldName('return_type'), names, available);
  if (/generator/.test(shape)) output.stream ??= 'items';
  const result = output.named !== null && output.stream === null ? definitions(root).get(output.named) : undefined;
  let fields: OutputField[] | null = null;
  let model: string | null = null;
  if (result?.type === 'class_definition' && isModel(result, names)) {
    const found = fieldsOf(result, names, available);
    if (found.some(({ type }) => type.kind === 'path' || type.kind === 'file')) fields = found;
    else if (available(output.named!)) model = output.named;
  }
  const members = new Set(
    predictor.lineage.flatMap((node) => methods(node).map((own) => own.childForFieldName('name')!.text)),
  );
  const free = (wanted: string): string => (asClass && members.has(wanted) ? free(`${wanted}_endpoint`) : wanted);
  const owner = asClass ? 'self.' : predictor.kind === 'class' ? 'self.predictor.' : '';
  return {
    className,
    appName,
    environment,
    machineTypes: [config.gpu ? 'GPU-A100' : 'M'],
    maxMultiplexing: concurrency(predictor, names) ?? config.concurrency,
    call: `${owner}${methodName}`,
    shape,
    inputs,
    output,
    media: mediaOf(predictor),
    fields,
    model,
    endpointNames: { run: free('run_prediction'), stream: free('stream_prediction') },
  };
}

const isModel = (node: SyntaxNode, names: ImportedNames): boolean =>
  bases(node).some((base) => cogName(base, names) === 'BaseModel' || /^(pydantic\.)?BaseModel$/.test(base.text));

function fieldsOf(node: SyntaxNode, names: ImportedNames, available: (name: string) => boolean): OutputField[] {
  return (node.childForFieldName('body')?.namedChildren ?? []).flatMap((statement) => {
    const field = statement.type === 'expression_statement' ? statement.namedChildren[0] : undefined;
    const annotation = field?.type === 'assignment' ? field.childForFieldName('type') : null;
    if (!field || !annotation) return [];
    const name = field.childForFieldName('left')!.text;
    const type: ValueType = valueType(annotationText(annotation), names, available);
    if (field.childForFieldName('right')?.type === 'none') type.optional = true;
    return [{ name, type, media: mediaKind(name) }];
  });
}

/** `@concurrent(max=4)` of the method; `concurrency.max` of the file counts where there is none. */
function concurrency({ method }: Predictor, names: ImportedNames): number | null {
  const decorators = method.parent?.type === 'decorated_definition' ? method.parent.namedChildren : [];
  for (const decorator of decorators) {
    const call = decorator.type === 'decorator' ? decorator.namedChildren[0]! : decorator;
    if (call.type !== 'call' || cogName(call.childForFieldName('function'), names) !== 'concurrent') continue;
    const max = Number(/\bmax\s*=\s*(\d+)/.exec(call.text)?.[1]);
    if (max > 0) return max;
  }
  return null;
}

const SUFFIXES: readonly [MediaKind, RegExp][] = [
  ['Image', /\.(png|jpe?g|webp|bmp)\b/i],
  ['Video', /\.(mp4|webm|mov|gif|mkv)\b/i],
  ['Audio', /\.(wav|mp3|flac|ogg|m4a)\b/i],
];

/** What kind of file the method writes, by the suffixes in its text, then in its class. */
function mediaOf({ method, node }: Predictor): MediaKind {
  for (const { text } of [method, node]) {
    const found = SUFFIXES.filter(([, pattern]) => pattern.test(text));
    if (found.length === 1) return found[0]![0];
    if (found.length > 1) return 'File';
  }
  return 'File';
}
