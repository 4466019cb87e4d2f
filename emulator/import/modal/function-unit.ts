import { pascalCase, pythonString } from '../python-text.ts';
import { definitionEdits, removeDecorator } from './definition-edits.ts';
import { isServer, planEndpoints } from './endpoints.ts';
import { knownTypes } from './known-types.ts';
import { roleOf, shapeOf } from './methods.ts';
import { serverLines } from './server-unit.ts';
import type { UnitContext, UnitResult } from './unit-plan.ts';
import { argumentNames, endpointLines, indented, modelLines, settingPairs, usesToJson } from './write-app.ts';

/** A function stays as it is; an app beside it calls it. */
export function functionUnit(context: UnitContext): UnitResult {
  const { unit, settings, image, appName, module, modules, file, text, ledger, free, helpers, standard, missing } =
    context;
  const result: UnitResult = { edits: [], tail: [], symbols: [], calls: new Map(), parameters: [] };
  const wraps: string[] = [];
  for (const decorator of unit.decorators) {
    if (decorator.path !== null) result.edits.push(removeDecorator(decorator.node, text));
    else if (missing(decorator.node)) {
      // It needs a package of the runner: the function is decorated there.
      result.edits.push(removeDecorator(decorator.node, text));
      wraps.unshift(`${unit.name} = ${decorator.node.namedChildren[0]!.text}(${unit.name})`);
    }
  }
  result.edits.push(...definitionEdits(unit.node, text, file, missing, ledger));
  const preamble = [...context.preamble, ...wraps];
  if (wraps.length > 0) preamble.unshift(`global ${unit.name}`);
  const role =
    roleOf(unit.decorators)?.role ??
    (unit.decorators.some(({ path }) => path === 'app.asgi')
      ? 'asgi'
      : unit.decorators.some(({ path }) => path === 'app.wsgi')
        ? 'wsgi'
        : 'method');
  if (isServer(role)) {
    const name = free(`${unit.name}_server`);
    const marker = roleOf(unit.decorators)?.marker ?? null;
    const started = { target: `${unit.name}()`, role, marker, ...shapeOf(unit.node), before: preamble, after: [] };
    result.tail.push(serverLines(name, started, context).join('\n'));
    result.symbols.push(name);
    return result;
  }
  const className = free(appClassName(unit.name));
  const web = role === 'web' || unit.decorators.some(({ path }) => /^app\.(webhook|web_endpoint)$/.test(path ?? ''));
  const served = {
    name: unit.name,
    node: unit.node,
    role: web ? ('web' as const) : ('method' as const),
    batched: unit.decorators.some(({ path }) => path === 'batched'),
    marker: roleOf(unit.decorators)?.marker ?? unit.decorators.find(({ path }) => path !== null) ?? null,
    decorators: unit.decorators,
    ...shapeOf(unit.node),
  };
  const endpoints = planEndpoints([served], () => unit.name, false, {
    file,
    module,
    modules,
    ledger,
    types: knownTypes(module, Number.POSITIVE_INFINITY),
    className,
    free,
    stopsRunner: settings.stopsRunner,
    parameters: [],
  });
  const [endpoint] = endpoints;
  if (usesToJson(endpoint!)) helpers.add('to_json');
  if (endpoint!.kind === 'stream') standard.add('json');
  if (endpoint!.uploads.size > 0) helpers.add('upload');
  if (endpoint!.signature.fields.some(({ carried }) => carried === 'files')) helpers.add('read_files');
  result.calls.set('', { path: endpoint!.path, names: argumentNames(endpoint!) });
  const lines = modelLines(endpoint!, modules);
  lines.push(...settings.marks, ...image.marks);
  lines.push(
    `class ${className}(${modules.fal}.App):`,
    `    """${unit.name}, converted from Modal by \`windtunnel import\`."""`,
    '',
  );
  lines.push(`    app_name = ${pythonString(appName)}`);
  for (const [name, value] of settingPairs(settings, image, modules))
    lines.push(indented(`${name} = ${value}`, '    '));
  if (preamble.length > 0) lines.push('', '    def setup(self):', ...preamble.map((line) => `        ${line}`));
  lines.push('', ...endpointLines(endpoint!, modules, '    '));
  result.tail.push(lines.join('\n'));
  result.symbols.push(className);
  return result;
}

function appClassName(name: string): string {
  const pascal = pascalCase(name);
  return pascal === name ? `${name}App` : pascal;
}
