import { isPythonName, pythonString } from '../python-text.ts';
import type { PlannedImage } from './environment.ts';
import type { UnitSettings } from './settings.ts';
import { type Signature, withTyping } from './signature.ts';

// Long: the text of an app, in the order in which it stands in the file.

/** Names of the modules that the generated code imports, and of what it defines. */
export interface Modules {
  fal: string;
  fastapi: string;
  pydantic: string;
  typing: string;
}

/** One endpoint of an app. */
export interface EndpointPlan {
  path: string;
  /** Name of the endpoint's method. */
  name: string;
  /** Python expression of what is called. */
  target: string;
  kind: 'json' | 'stream' | 'web';
  asynchronous: boolean;
  signature: Signature;
  /** Name of the input model; null when nothing is taken. */
  model: string | null;
  /** A model of the source that is the input by itself, as the argument of this name. */
  whole: string | null;
  /** The one argument that takes all of the input as a dictionary. */
  dictionary: string | null;
  /** Annotation of the result, for `json`. */
  output: 'Any' | 'str' | 'plain' | 'File';
  outputModel: string;
  batched: boolean;
  stopsRunner: boolean;
  /** Parameters that FastAPI fills in: name → how it is written. */
  passed: Map<string, string>;
  /** Fields that are the class's parameters. */
  parameters: string[];
  /** Fields that the function takes as uploads. */
  uploads: ReadonlySet<string>;
}

/** Lines of the models of an endpoint, at module level. */
export function modelLines(endpoint: EndpointPlan, modules: Modules): string[] {
  const lines: string[] = [];
  if (endpoint.model !== null && endpoint.whole === null) {
    lines.push(`class ${endpoint.model}(${modules.pydantic}.BaseModel):`);
    const config: string[] = [];
    if (endpoint.signature.open || endpoint.dictionary !== null) config.push('"extra": "allow"');
    const fields = endpoint.dictionary === null ? endpoint.signature.fields : [];
    const written = fields.map((field) => fieldLine(field, modules));
    if (written.some(({ alias }) => alias)) config.push('"populate_by_name": True');
    if (fields.some(({ name }) => name.startsWith('model_'))) config.push('"protected_namespaces": ()');
    if (config.length > 0) lines.push(`    model_config = {${config.join(', ')}}`, '');
    lines.push(...written.map(({ text }) => `    ${text}`));
    if (lines.at(-1) === '') lines.pop();
    lines.push('', '');
  }
  if (endpoint.kind === 'json') {
    const type = {
      Any: `${modules.typing}.Any`,
      plain: `${modules.typing}.Any`,
      str: 'str',
      File: `${modules.fal}.toolkit.File`,
    }[endpoint.output];
    lines.push(`class ${endpoint.outputModel}(${modules.pydantic}.BaseModel):`, `    result: ${type}`, '', '');
  }
  return lines;
}

// Names that a pydantic model has itself, or keeps for itself.
const TAKEN =
  /^(model_(config|fields|computed_fields|extra|fields_set|construct|copy|dump|dump_json|json_schema|rebuild|validate\w*|post_init|parametrized_name)|_.*|copy|json|dict|schema|schema_json|validate|construct|parse_\w+|from_orm|fields|register)$/;

/** The name by which generated code reads a field. */
export function attributeOf(name: string): string {
  return isPythonName(name) && !TAKEN.test(name) ? name : `field_${name.replace(/^_+/, '')}`;
}

function fieldLine(field: Signature['fields'][number], modules: Modules): { text: string; alias: boolean } {
  const type = withTyping(field.type, modules.typing).replaceAll('fal.toolkit', `${modules.fal}.toolkit`);
  const name = attributeOf(field.name);
  const value = field.default;
  const example = field.example === undefined ? '' : `examples=[${field.example}]`;
  if (name === field.name && example !== '')
    return { text: `${name}: ${type} = ${modules.pydantic}.Field(..., ${example})`, alias: false };
  if (name === field.name)
    return { text: `${name}: ${type}${value === null ? '' : ` = ${oneLine(value)}`}`, alias: false };
  const given = `${modules.pydantic}.Field(${value === null ? '...' : oneLine(value)}, alias=${pythonString(field.name)}${example && `, ${example}`})`;
  return { text: `${name}: ${type} = ${given}`, alias: true };
}

// A default over several lines stands in brackets of its own.
const oneLine = (text: string): string => (text.includes('\n') && !/^[[({]/.test(text) ? `(${text})` : text);

/** Lines of a class's body for an endpoint, indented. */
export function endpointLines(endpoint: EndpointPlan, modules: Modules, indent: string): string[] {
  const inner = indent === '\t' ? '\t' : '    ';
  const pad = indent;
  const one = pad + inner;
  const two = one + inner;
  const three = two + inner;
  const { fal, fastapi } = modules;
  const parameters = ['self'];
  if (endpoint.model !== null) parameters.push(`data: ${endpoint.model}`);
  for (const [name, type] of endpoint.passed) parameters.push(`${name}: ${type}`);
  if (endpoint.stopsRunner) parameters.push(`response: ${fastapi}.Response`);
  const result =
    endpoint.kind === 'json'
      ? endpoint.outputModel
      : endpoint.kind === 'stream'
        ? `${fastapi}.responses.StreamingResponse`
        : null;
  const asynchronous = endpoint.asynchronous && endpoint.kind !== 'stream';
  const lines = [
    `${pad}@${fal}.endpoint(${pythonString(endpoint.path)})`,
    `${pad}${asynchronous ? 'async ' : ''}def ${endpoint.name}(${parameters.join(', ')})${result === null ? '' : ` -> ${result}`}:`,
  ];
  if (endpoint.parameters.length > 0) {
    const use = `self.use_parameters(${endpoint.parameters.map((name) => `${name}=data.${attributeOf(name)}`).join(', ')})`;
    lines.push(`${one}${use}`);
  }
  if (endpoint.stopsRunner) lines.push(`${one}response.headers["x-fal-stop-runner"] = "true"`);
  const call = `${endpoint.target}(${callArguments(endpoint).join(', ')})`;
  if (endpoint.kind === 'stream') {
    const loop = endpoint.asynchronous ? 'async ' : '';
    lines.push(
      '',
      `${one}${loop}def events():`,
      `${two}${loop}for item in ${call}:`,
      `${three}yield "data: " + json.dumps(${fastapi}.encoders.jsonable_encoder(to_json(item))) + "\\n\\n"`,
      '',
      `${one}return ${fastapi}.responses.StreamingResponse(events(), media_type="text/event-stream")`,
    );
    return lines;
  }
  const awaited = `${endpoint.asynchronous ? 'await ' : ''}${call}`;
  const value = endpoint.batched ? `(${awaited})[0]` : awaited;
  const plain = endpoint.output === 'str' || endpoint.output === 'plain';
  const json = plain ? value : `to_json(${value})`;
  lines.push(
    endpoint.kind === 'web' ? `${one}return ${value}` : `${one}return ${endpoint.outputModel}(result=${json})`,
  );
  return lines;
}

function callArguments(endpoint: EndpointPlan): string[] {
  if (endpoint.whole !== null) return [`${endpoint.whole}=data`, ...passedOn(endpoint)];
  if (endpoint.dictionary !== null) return [`${endpoint.dictionary}=data.model_dump()`, ...passedOn(endpoint)];
  const given: string[] = [];
  for (const field of endpoint.signature.fields) {
    if (endpoint.parameters.includes(field.name)) continue;
    const attribute = `data.${attributeOf(field.name)}`;
    let value = field.carried === 'files' ? `read_files(${attribute})` : attribute;
    if (endpoint.uploads.has(field.name)) value = `upload(${attribute})`;
    if (field.made !== null) {
      const made = `${field.made}(${field.carried === 'name' ? '' : '**'}${attribute})`;
      value = field.default === null ? made : `${attribute} and ${made}`;
    }
    if (endpoint.batched) value = `[${value}]`;
    if (field.omit)
      given.push(
        `**({${pythonString(field.name)}: ${value}} if ${pythonString(attributeOf(field.name))} in data.model_fields_set else {})`,
      );
    else given.push(field.positional ? value : `${field.name}=${value}`);
  }
  if (endpoint.signature.open) given.push('**(data.model_extra or {})');
  return [...given, ...passedOn(endpoint)];
}

const passedOn = (endpoint: EndpointPlan): string[] => [...endpoint.passed.keys()].map((name) => `${name}=${name}`);

/** Names of a call's arguments in their order; null when the one argument is the input itself. */
export function argumentNames({ whole, dictionary, signature, parameters }: EndpointPlan): string[] | null {
  if (whole !== null || dictionary !== null) return null;
  return signature.fields.map(({ name }) => name).filter((name) => !parameters.includes(name));
}

/** Whether the text of an endpoint calls `to_json`. */
export function usesToJson({ kind, output }: EndpointPlan): boolean {
  return kind === 'stream' || (kind === 'json' && output !== 'str' && output !== 'plain');
}

/** Settings of an app as `name = value` pairs, those of its environment last. */
export function settingPairs(settings: UnitSettings, image: PlannedImage, modules: Modules): [string, string][] {
  const pairs: [string, string][] = [...settings.attributes];
  const { environment } = image;
  if (environment.kind === 'image') {
    const here = `os.path.dirname(os.path.abspath(__file__))`;
    const text = [
      `${modules.fal}.ContainerImage.from_dockerfile(`,
      `    os.path.join(${here}, ${pythonString(environment.dockerfile)}),`,
      `    context_dir=${here},`,
      '    entrypoint=[],',
      ')',
    ].join('\n');
    pairs.push(['image', text]);
    return pairs;
  }
  const { layers, appFiles } = environment;
  if (layers.length === 1) pairs.push(['requirements', listText(layers[0]!)]);
  if (layers.length > 1)
    pairs.push(['requirements', `[\n${layers.map((layer) => `${indented(listText(layer), '    ')},`).join('\n')}\n]`]);
  if (appFiles.length > 0) pairs.push(['app_files', listText(appFiles)]);
  return pairs;
}

function listText(items: readonly string[]): string {
  const line = `[${items.map(pythonString).join(', ')}]`;
  return line.length < 80 ? line : `[\n${items.map((item) => `    ${pythonString(item)},`).join('\n')}\n]`;
}

/** Every line with an indentation in front. */
export function indented(text: string, pad: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : pad + line))
    .join('\n');
}
