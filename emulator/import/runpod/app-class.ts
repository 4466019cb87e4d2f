import { fieldName, settings } from '../app-settings.ts';
import { pythonString } from '../python-text.ts';
import type { InputField, SourceApp } from '../source-app.ts';

/** The line by which a converted file is known again. */
export const CONVERTED = 'Converted from a RunPod worker by `windtunnel import`.';

/** Source of the input model and the `fal.App`, four spaces deep, `\n` at the end. */
export function appClass(app: SourceApp): string {
  const { modules: names, endpoint } = app;
  const lines = [...inputModel(app), '', ''];
  lines.push(`class ${app.className}(${names.fal}.App):`, `    """${CONVERTED}"""`, '');
  lines.push(`    app_name = ${pythonString(app.appName)}`, ...settings(app), '');
  if (app.setup.length > 0) {
    lines.push('    def setup(self):', ...app.setup.map((line) => (line === '' ? '' : line)), '');
  }
  lines.push(...jobOf(app), '', ...replyOf(app));
  const streams = endpoint.shape === 'generator' || endpoint.shape === 'async-generator';
  lines.push('', ...(streams ? [...listEndpoint(app), '', ...streamEndpoint(app)] : plainEndpoint(app)));
  return `${lines.join('\n')}\n`;
}

function inputModel({ modules: names, endpoint, className }: SourceApp): string[] {
  const { fields, extra } = endpoint.input;
  const config = [`extra=${pythonString(extra)}`, 'populate_by_name=True', 'protected_namespaces=()'];
  if (endpoint.example !== null) config.push(`json_schema_extra={"examples": [${endpoint.example}]}`);
  const lines = [`class ${className}Input(${names.pydantic}.BaseModel):`];
  lines.push('    model_config = {', ...config.map((part) => `        ${keyed(part)},`), '    }', '');
  // Required ones first or not, pydantic takes them in any order: they stand as the handler reads them.
  const used = new Set<string>();
  for (const field of fields) lines.push(`    ${fieldLine(field, names, used)}`);
  if (fields.length === 0) lines.pop();
  return lines;
}

function keyed(part: string): string {
  const at = part.indexOf('=');
  return `${pythonString(part.slice(0, at))}: ${part.slice(at + 1)}`;
}

function fieldLine(field: InputField, names: SourceApp['modules'], used: Set<string>): string {
  const name = fieldName(field.name, used);
  const plain = name === field.name;
  const type = field.type
    .replaceAll(/\b(Any|Optional|Union)\b/g, `${names.typing}.$1`)
    .replaceAll('pydantic.', `${names.pydantic}.`);
  const details: string[] = [];
  if (!plain) details.push(`alias=${pythonString(field.name)}`);
  if (field.description !== null) details.push(`description=${pythonString(field.description)}`);
  if (details.length === 0) return `${name}: ${type}${field.required ? '' : ` = ${field.default}`}`;
  return `${name}: ${type} = ${names.pydantic}.Field(${[field.required ? '...' : field.default, ...details].join(', ')})`;
}

function jobOf({ className }: SourceApp): string[] {
  return [
    '    def _job(self, data):',
    '        """The job as the handler knows it. What the caller left out is left out, so that its defaults apply."""',
    '        request = self.current_request',
    '        job_id = request.request_id if request is not None else None',
    `        values = data.model_dump(exclude_unset=True, by_alias=True)`,
    `        return {"id": job_id or "${className.toLowerCase()}-local", "input": values}`,
  ];
}

function replyOf({ modules: names, endpoint }: SourceApp): string[] {
  const lines = [
    '    def _reply(self, output, response):',
    '        """An "error" fails the request; "refresh_worker" ends this runner after a good answer."""',
  ];
  const always = endpoint.stopsRunner ? 'True' : 'False';
  lines.push(
    `        stop = ${always}`,
    '        if isinstance(output, dict):',
    '            output = dict(output)',
    '            error = output.pop("error", None)',
    `            stop = bool(output.pop("refresh_worker", None)) or stop`,
    '            if error:',
    "                # A list is what input validation gives; the rest is the handler's own failure.",
    `                raise ${names.fastapi}.HTTPException(`,
    '                    status_code=422 if isinstance(error, list) else 500,',
    '                    detail={"error": error, **output} if output else error,',
    '                    headers={"x-fal-stop-runner": "true"} if stop else None,',
    '                )',
    '        if stop:',
    '            response.headers["x-fal-stop-runner"] = "true"',
    '        return output',
  );
  return lines;
}

function signature(app: SourceApp, name: string, asynchronous: boolean, response: boolean): string {
  const { modules: names } = app;
  const last = response ? `, response: ${names.fastapi}.Response` : '';
  const result = response ? `${names.typing}.Any` : `${names.fastapi}.responses.StreamingResponse`;
  return `    ${asynchronous ? 'async ' : ''}def ${name}(self, data: ${app.className}Input${last}) -> ${result}:`;
}

function plainEndpoint(app: SourceApp): string[] {
  const asynchronous = app.endpoint.shape === 'async';
  const call = `${asynchronous ? 'await ' : ''}${app.endpoint.handler}(self._job(data))`;
  return [
    `    @${app.modules.fal}.endpoint("/")`,
    signature(app, 'run_job', asynchronous, true),
    `        return self._reply(${call}, response)`,
  ];
}

function listEndpoint(app: SourceApp): string[] {
  const asynchronous = app.endpoint.shape === 'async-generator';
  const loop = asynchronous ? 'async for' : 'for';
  const { handler } = app.endpoint;
  return [
    `    @${app.modules.fal}.endpoint("/")`,
    signature(app, 'run_job', asynchronous, true),
    '        outputs = []',
    `        ${loop} output in ${handler}(self._job(data)):`,
    '            if isinstance(output, dict) and output.get("error"):',
    '                self._reply(output, response)',
    '            outputs.append(output)',
    '        return self._reply(outputs, response)',
  ];
}

function streamEndpoint(app: SourceApp): string[] {
  const { modules: names, endpoint } = app;
  const asynchronous = endpoint.shape === 'async-generator';
  const headers = endpoint.stopsRunner ? ', headers={"x-fal-stop-runner": "true"}' : '';
  return [
    `    @${names.fal}.endpoint("/stream")`,
    signature(app, 'stream_job', false, false),
    '        job = self._job(data)',
    '',
    `        ${asynchronous ? 'async ' : ''}def events():`,
    `            ${asynchronous ? 'async for' : 'for'} output in ${endpoint.handler}(job):`,
    `                yield "data: " + ${names.json}.dumps(output) + "\\n\\n"`,
    '                if isinstance(output, dict) and output.get("error"):',
    '                    return',
    '',
    `        return ${names.fastapi}.responses.StreamingResponse(events(), media_type="text/event-stream"${headers})`,
  ];
}
