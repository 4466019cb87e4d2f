import { fieldName, settings } from '../app-settings.ts';
import { pythonLiteral, pythonString } from '../python-text.ts';
import type { Environment } from '../source-app.ts';
import type { Predictor } from './predictor.ts';
import type { PredictorInput } from './predictor-inputs.ts';
import type { MediaKind, OutputType, ValueType } from './value-type.ts';

/** Converted files are known again by this. */
export const CONVERTED = 'Converted from a Cog model by `windtunnel import`.';

export interface OutputField {
  name: string;
  type: ValueType;
  media: MediaKind;
}

/** What is needed to write the models and endpoints of one predictor. */
export interface PredictorApp {
  className: string;
  appName: string;
  environment: Environment;
  machineTypes: string[];
  maxMultiplexing: number | null;
  /** Python expression that is called with the inputs. */
  call: string;
  shape: Predictor['shape'];
  inputs: PredictorInput[];
  output: OutputType;
  media: MediaKind;
  /** Fields of a class that is returned, when files are among them; null for anything else. */
  fields: OutputField[] | null;
  /** Class of the file that the endpoint answers with as it is. */
  model: string | null;
  endpointNames: { run: string; stream: string };
}

const toolkit = (media: MediaKind): string => `fal.toolkit.${media}`;
const isFile = ({ kind }: ValueType): boolean => kind === 'path' || kind === 'file';

/** Annotation of a field, with files as the toolkit's type for them. */
function annotation(type: ValueType, media: MediaKind, choices: PredictorInput['choices'] = null): string {
  let text = isFile(type) ? toolkit(media) : type.kind === 'secret' ? 'pydantic.SecretStr' : type.text;
  if (choices) text = `typing.Literal[${choices.map(pythonLiteral).join(', ')}]`;
  if (type.list && (isFile(type) || type.kind === 'secret')) text = `list[${text}]`;
  return type.optional && text !== 'typing.Any' ? `typing.Optional[${text}]` : text;
}

/** Source of the input and output models, `\n` at the end of each line but the last. */
export function models(app: PredictorApp): string {
  const lines = [`class ${app.className}Input(pydantic.BaseModel):`];
  const used = new Set<string>();
  for (const input of app.inputs) {
    const name = fieldName(input.name, used);
    const type = annotation(input.type, input.media, input.choices);
    const details = [...input.constraints];
    if (name !== input.name) details.unshift(`alias=${pythonString(input.name)}`);
    if (isFile(input.type) && input.default !== null && input.default !== 'None') details.push('validate_default=True');
    const given = input.required ? '...' : input.default!;
    if (details.length === 0 && !given.includes('\n')) {
      lines.push(`    ${name}: ${type}${input.required ? '' : ` = ${given}`}`);
      continue;
    }
    const line = `    ${name}: ${type} = pydantic.Field(${[given, ...details].join(', ')})`;
    if (line.length <= 120) lines.push(line);
    else
      lines.push(
        `    ${name}: ${type} = pydantic.Field(`,
        ...[given, ...details].map((part) => `        ${part},`),
        '    )',
      );
  }
  if (app.inputs.length === 0) lines.push('    pass');
  if (app.model === null) {
    lines.push('', '', `class ${app.className}Output(pydantic.BaseModel):`);
    if (app.fields) {
      for (const { name, type, media } of app.fields) {
        const text = annotation(type, media);
        lines.push(`    ${name}: ${text}${type.optional ? ' = None' : ''}`);
      }
      if (app.fields.length === 0) lines.push('    pass');
    } else {
      const one = annotation({ ...app.output.value, optional: app.output.value.optional }, app.media);
      const text = app.output.stream === null ? one : app.output.stream === 'joined' ? 'str' : `list[${one}]`;
      lines.push(
        `    output: ${text}${app.output.stream === null && one.startsWith('typing.Optional') ? ' = None' : ''}`,
      );
    }
  }
  return lines.join('\n');
}

/** Attributes of the class, four spaces deep. */
export function attributes(app: PredictorApp): string[] {
  const { appName, environment, machineTypes, maxMultiplexing } = app;
  const modules = {
    fal: 'fal',
    fastapi: 'fastapi',
    pydantic: 'pydantic',
    typing: 'typing',
    json: 'json',
    os: 'os',
    sys: 'sys',
  };
  return [
    `    app_name = ${pythonString(appName)}`,
    ...settings({ environment, machineTypes, maxMultiplexing, gpus: 1, modules }),
  ];
}

/** Whether files come in, and whether they go out, or may. */
export const takesFiles = (app: PredictorApp): boolean => app.inputs.some(({ type }) => isFile(type));
export function givesFiles(app: PredictorApp): boolean {
  const { value } = app.output;
  return app.fields
    ? app.fields.some(({ type }) => isFile(type))
    : app.model === null && (isFile(value) || value.text === 'typing.Any');
}

/** Functions of the module that the endpoints use, with two blank lines between. */
export function helpers(apps: readonly PredictorApp[]): string {
  const parts: string[] = [];
  if (apps.some(takesFiles)) {
    parts.push(
      [
        'def received(file, folder):',
        '    """Path of an input file in the folder, with the name that its URL ends with, or a suffix by its type."""',
        '    if file is None:',
        '        return None',
        '    if isinstance(file, list):',
        '        return [received(item, folder) for item in file]',
        '    kind, _, rest = file.url.partition(":")',
        '    name = os.path.basename(urllib.parse.unquote(urllib.parse.urlparse(file.url).path)) if kind != "data" else ""',
        '    suffix = mimetypes.guess_extension(rest.split(",")[0].split(";")[0]) or "" if kind == "data" else ""',
        '    return file.save(os.path.join(tempfile.mkdtemp(dir=folder), name or "file" + suffix))',
      ].join('\n'),
    );
  }
  if (apps.some(givesFiles)) {
    parts.push(
      [
        'def published(value, media=fal.toolkit.File):',
        '    """The result with its files uploaded: a path becomes a file with a URL, everything else stays."""',
        '    if isinstance(value, pathlib.PurePath):',
        '        return media.from_path(value, content_type=mimetypes.guess_type(str(value))[0])',
        '    if isinstance(value, (list, tuple)):',
        '        return [published(item, media) for item in value]',
        '    if isinstance(value, dict):',
        '        return {key: published(item, media) for key, item in value.items()}',
        '    return value',
      ].join('\n'),
    );
  }
  return parts.join('\n\n\n');
}

/** Both endpoints or the one, four spaces deep. */
export function endpoints(app: PredictorApp): string[] {
  const asynchronous = app.shape === 'async' || app.shape === 'async-generator';
  const streams = app.output.stream !== null || /generator/.test(app.shape);
  const result = app.model ?? `${app.className}Output`;
  const lines = [
    '    @fal.endpoint("/")',
    `    ${asynchronous ? 'async ' : ''}def ${app.endpointNames.run}(self, data: ${app.className}Input) -> ${result}:`,
    ...choiceChecks(app),
    ...body(app, asynchronous, false),
  ];
  if (!streams) return lines;
  return [
    ...lines,
    '',
    '    @fal.endpoint("/stream")',
    `    def ${app.endpointNames.stream}(self, data: ${app.className}Input) -> fastapi.responses.StreamingResponse:`,
    // Before the first event: a stream that has begun can answer 422 no more.
    ...choiceChecks(app),
    `        ${asynchronous ? 'async ' : ''}def events():`,
    ...body(app, asynchronous, true).map((line) => (line === '' ? '' : `    ${line}`)),
    '',
    '        return fastapi.responses.StreamingResponse(events(), media_type="text/event-stream")',
  ];
}

/** Names of the model's fields by those of the inputs. */
function fieldsOf(app: PredictorApp): Map<string, string> {
  const used = new Set<string>();
  return new Map(app.inputs.map(({ name }) => [name, fieldName(name, used)]));
}

/** Refuses a value that is none of the choices that only the runner knows. */
function choiceChecks(app: PredictorApp): string[] {
  const fieldOf = fieldsOf(app);
  return app.inputs.flatMap(({ name, lateChoices }) => {
    if (lateChoices === null) return [];
    const field = `data.${fieldOf.get(name)}`;
    // Cog does not hold a default against the choices either.
    const given = `"${fieldOf.get(name)}" in data.model_fields_set and ${field} is not None`;
    return [
      `        if ${given} and ${field} not in (${lateChoices}):`,
      `            raise fastapi.HTTPException(422, f"${name} must be one of {list(${lateChoices})}")`,
    ];
  });
}

function body(app: PredictorApp, asynchronous: boolean, streaming: boolean): string[] {
  const lines: string[] = [];
  const fieldOf = fieldsOf(app);
  const values = app.inputs.map((input) => {
    const field = `data.${fieldOf.get(input.name)}`;
    let value = field;
    if (isFile(input.type)) {
      value = asynchronous ? `await asyncio.to_thread(received, ${field}, folder)` : `received(${field}, folder)`;
      if (input.type.kind === 'file') value = opened(value, input);
    }
    if (input.lateDefault !== null) value = `${value} if ${field} is not None else ${input.lateDefault}`;
    return `${input.name}=${value}`;
  });
  const line = `${app.call}(${values.join(', ')})`;
  const deep = takesFiles(app);
  const call = line.length < 84 ? [line] : [`${app.call}(`, ...values.map((value) => `    ${value},`), ')'];
  const inner: string[] = [];
  const assign = (before: string, after: string): void => {
    inner.push(`${before}${call[0]}${call.length === 1 ? after : ''}`, ...call.slice(1, -1));
    if (call.length > 1) inner.push(`${call.at(-1)}${after}`);
  };
  const generator = app.output.stream !== null || /generator/.test(app.shape);
  const loop = app.shape === 'async-generator' ? 'async for' : 'for';
  const media = app.media === 'File' ? '' : `, ${toolkit(app.media)}`;
  const publish = (value: string): string => {
    if (!givesFiles(app)) return value;
    return asynchronous ? `await asyncio.to_thread(published, ${value}${media})` : `published(${value}${media})`;
  };
  if (streaming) {
    assign('results = ', '');
    if (app.shape === 'async') inner[0] = inner[0]!.replace('results = ', 'results = await ');
    inner.push(
      `${loop} item in results:`,
      `    event = fastapi.encoders.jsonable_encoder({"output": ${publish('item')}})`,
      '    yield "data: " + json.dumps(event) + "\\n\\n"',
    );
  } else if (generator) {
    assign(app.shape === 'async' ? 'results = await ' : 'results = ', '');
    const items =
      app.output.stream === 'joined'
        ? `"".join([str(item) ${loop} item in results])`
        : app.shape === 'async-generator'
          ? '[item async for item in results]'
          : 'list(results)';
    if (app.output.stream === 'joined') inner.push(`return ${app.className}Output(output=${items})`);
    else inner.push(`items = ${items}`, `return ${app.className}Output(output=${publish('items')})`);
  } else if (app.model !== null) {
    assign(asynchronous ? 'return await ' : 'return ', '');
  } else if (app.fields) {
    assign(asynchronous ? 'result = await ' : 'result = ', '');
    const parts = app.fields.map(({ name, type, media: kind }) => {
      const value = `result.${name}`;
      if (!isFile(type)) return `${name}=${value}`;
      const own = kind === 'File' ? '' : `, ${toolkit(kind)}`;
      return `${name}=${asynchronous ? `await asyncio.to_thread(published, ${value}${own})` : `published(${value}${own})`}`;
    });
    inner.push(`return ${app.className}Output(${parts.join(', ')})`);
  } else {
    assign(asynchronous ? 'result = await ' : 'result = ', '');
    inner.push(`return ${app.className}Output(output=${publish('result')})`);
  }
  if (deep) lines.push('with tempfile.TemporaryDirectory() as folder:', ...inner.map((text) => `    ${text}`));
  else lines.push(...inner);
  return lines.map((text) => `        ${text}`);
}

function opened(value: string, input: PredictorInput): string {
  if (input.type.list) return `[open(path, "rb") for path in ${value}]`;
  return input.type.optional ? `(lambda path: path and open(path, "rb"))(${value})` : `open(${value}, "rb")`;
}
