import { fieldName, settings } from '../app-settings.ts';
import { blockedApp, buildReport } from '../build-report.ts';
import { applyEdits, type Edit } from '../edits.ts';
import { environmentNotes } from '../environment-names.ts';
import { importedNames, importedPath } from '../imported-names.ts';
import { Ledger } from '../ledger.ts';
import { freeName, futureEdits, globalLines, identifiers, insertImports, itemsOf, stringsOf } from '../module-edits.ts';
import { isMainBlock, lateNames, planModule } from '../module-plan.ts';
import { lineEnd, withComments } from '../move-statements.ts';
import { boundNames, readNames } from '../names.ts';
import type { ImportedApp, ServedUnit, SourceFolder } from '../platform.ts';
import { kebabCase, pascalCase, pythonString } from '../python-text.ts';
import { functionEdits, globalNames, pickledNames, setupBody } from '../setup-body.ts';
import { importedFiles } from '../siblings.ts';
import { type SourceText, writeSource } from '../source-text.ts';
import { literal, type PythonParser, type SyntaxNode, stringText } from '../syntax.ts';
import { CONVERTED } from './app-class.ts';
import { flashEnvironment } from './flash-environment.ts';
import { VOLUME, VOLUME_AT_FAL, volumeEdits } from './volume-edits.ts';

// Long: flash endpoints have one shape of their own, read and written here from end to end.

const PACKAGES = ['runpod_flash', 'tetra_rp'];

interface Unit {
  /** The call of Endpoint, remote or the like, with the options. */
  call: SyntaxNode;
  routes: { path: string; verb: string; node: SyntaxNode; decorator: SyntaxNode }[];
  owner: SyntaxNode | null;
}

// Cards by what their names say; as much memory or more at fal. Source: RunPod's and fal's machine types pages.
const CARDS: readonly [RegExp, string][] = [
  [/5090|ADA_32/, 'GPU-RTX5090'],
  [/B200|BLACKWELL_180/, 'GPU-B200'],
  [/H200|HOPPER|BLACKWELL_96|PRO_6000/, 'GPU-H200'],
  [/H100|A100|_80/, 'GPU-H100'],
  [/L40|A40|A6000|_48|6000_ADA/, 'GPU-L40'],
];

export const isFlash = (text: string): boolean => /\b(from|import) (runpod_flash|tetra_rp)\b/.test(text);

/** A file with flash endpoints as one `fal.App`: each function, method or route is an endpoint of it. */
export function convertFlash(
  folder: SourceFolder,
  entry: string,
  source: SourceText,
  root: SyntaxNode,
  parser: PythonParser,
): ImportedApp {
  const ledger = new Ledger();
  const { text } = source;
  const subject = { platform: 'runpod' as const, entry, app: folder.name };
  const names = new Map(PACKAGES.flatMap((top) => [...importedNames(root, top)]));
  const isOf = (node: SyntaxNode | null, wanted: RegExp): boolean =>
    wanted.test(importedPath(node, names)?.split('.').at(-1) ?? '');
  const units = readUnits(root, isOf);
  const unit = units[0];
  if (!unit)
    return blockedApp(ledger, subject, {
      code: 'F006',
      line: 1,
      reason: `${entry} holds no flash endpoint that can be read.`,
    });
  const options = new Map(
    (unit.call.childForFieldName('arguments')?.namedChildren ?? []).flatMap((node) =>
      node.type === 'keyword_argument'
        ? [[node.childForFieldName('name')!.text, node.childForFieldName('value')!] as const]
        : [],
    ),
  );
  const edits: Edit[] = [];
  const gone = new Set<number>();
  for (const one of units) {
    if (one.owner) gone.add(one.owner.id);
    for (const { decorator } of one.routes)
      edits.push({ start: decorator.startIndex, end: decorator.nextSibling!.startIndex, text: '' });
  }
  for (const node of root.namedChildren) {
    const value = node.type === 'expression_statement' ? node.namedChildren[0]?.childForFieldName('right') : null;
    if (value?.type === 'call' && isOf(value.childForFieldName('function'), /^(NetworkVolume|PodTemplate)$/))
      gone.add(node.id);
    if (/^import/.test(node.type) && [...boundNames(node)].every((name) => names.has(name))) gone.add(node.id);
  }
  const plan = planModule(root, (node) =>
    isMainBlock(node) || gone.has(node.id) || isUnit(node, units) ? 'kept' : null,
  );
  for (const entryOf of plan) if (isMainBlock(entryOf.node)) entryOf.fate = 'kept';
  for (const node of root.namedChildren) {
    if (!gone.has(node.id)) continue;
    edits.push({ start: withComments(node, text), end: lineEnd(text, node.endIndex), text: '' });
  }
  const late = lateNames(plan);
  edits.push(...functionEdits(plan, entry, ledger));
  const volume = volumeEdits(root, entry, ledger, edits) || options.has('volume');
  environmentNotes(root, entry, ledger, { prefix: /^RUNPOD_/, name: 'RunPod' });

  const taken = identifiers(root);
  const wanted = stringText(options.get('name') ?? null) ?? folder.name;
  const className = freeName(pascalCase(wanted), taken);
  const setup: string[] = [];
  for (const [name, value] of Object.entries(
    (literal(options.get('env') ?? null) as Record<string, unknown> | undefined) ?? {},
  ))
    if (typeof value === 'string')
      setup.push(`        os.environ.setdefault(${pythonString(name)}, ${pythonString(value)})`);
  const env = options.get('env');
  if (env && setup.length === 0) setup.push(`        os.environ.update(${env.text.replace(/\s*\n\s*/g, ' ')})`);
  if (volume) setup.push(`        os.makedirs(${pythonString(VOLUME_AT_FAL)}, exist_ok=True)`);
  const system = options.get('system_dependencies');
  const environment = flashEnvironment(
    {
      folder,
      entry,
      siblings: importedFiles(folder, entry, root, parser),
      literals: stringsOf(root),
      requirements: strings(options.get('dependencies')),
      system: system ? { packages: strings(system), line: system.startPosition.row + 1 } : null,
    },
    ledger,
  );
  setup.push(...environment.setup.map((line) => `        ${line}`));
  const { lines: moved, removals } = setupBody(plan, text, edits, new Set());
  setup.push(...moved);
  const holder = units.flatMap(({ routes }) => routes).find(({ node }) => node.type === 'class_definition')?.node;
  if (holder) setup.push(`        self.worker = ${holder.childForFieldName('name')!.text}()`);
  const lines = [
    `class ${className}(fal.App):`,
    `    """${CONVERTED}"""`,
    '',
    `    app_name = ${pythonString(kebabCase(wanted))}`,
  ];
  const modules = {
    fal: 'fal',
    fastapi: 'fastapi',
    pydantic: 'pydantic',
    typing: 'typing',
    json: 'json',
    os: 'os',
    sys: 'sys',
  };
  const gpu = options.get('gpu')?.text ?? '';
  const machine = gpu === '' ? 'M' : (CARDS.find(([pattern]) => pattern.test(gpu))?.[1] ?? 'GPU-RTX4090');
  const count = Number(literal(options.get('gpu_count') ?? null) ?? 1);
  const multiplexing = Number(literal(options.get('max_concurrency') ?? null) ?? 1);
  lines.push(
    ...settings({
      environment: environment.environment,
      machineTypes: [machine],
      gpus: count > 0 ? count : 1,
      maxMultiplexing: multiplexing > 1 ? multiplexing : null,
      modules,
    }),
    ...scale(options),
    '',
  );
  if (setup.length > 0)
    lines.push(
      '    def setup(self):',
      ...globalLines(globalNames(setup, parser)),
      ...pickledNames(plan, setup, parser),
      ...setup,
      '',
    );
  const models: string[] = [];
  const served: ServedUnit[] = [];
  const paths = new Set<string>();
  for (const { path, verb, node } of units.flatMap(({ routes }) => routes.flatMap((route) => endpointsOf(route)))) {
    const name = node.childForFieldName('name')!.text;
    const place = { file: entry, line: node.startPosition.row + 1 };
    if (path === '/health' || paths.has(path)) {
      ledger.note('F118', 'CHECK', {
        source: place,
        text: path,
        reason:
          path === '/health'
            ? 'fal asks every runner at /health itself: the route is left out.'
            : `${path} is there already: this route is left out.`,
        next: 'Give it another path, if callers need it.',
      });
      continue;
    }
    paths.add(path);
    const method = holder !== undefined && node.parent?.parent?.id === holder.id;
    const inputs = fields(node, method, (found) => !late(found));
    const model = `${className}${pascalCase(name)}Input`;
    models.push(`class ${model}(pydantic.BaseModel):`, ...(inputs.length > 0 ? inputs : ['    pass']), '', '');
    const asynchronous = node.children.some(({ type }) => type === 'async');
    const call = `${method ? 'self.worker.' : ''}${name}(**given(data))`;
    lines.push(
      `    @fal.endpoint(${pythonString(path)})`,
      `    ${asynchronous ? 'async ' : ''}def call_${name}(self, data: ${model}) -> typing.Any:`,
      `        return ${asynchronous ? 'await ' : ''}${call}`,
      '',
    );
    served.push({
      unit: method ? holder.childForFieldName('name')!.text : name,
      symbol: className,
      calls: [{ method: method ? name : '', path, names: [] }],
      parameters: [],
      mounts: [],
    });
    ledger.note('F119', verb === 'POST' ? 'OK' : 'CHECK', {
      source: place,
      text: `def ${name}`,
      reason: `The endpoint is ${path} (POST)${verb === 'POST' ? '' : `; it was ${verb}, which answers 405 at fal`}. The inputs are those of the function, by name.`,
      next: `fal_client.subscribe("<you>/${kebabCase(wanted)}${path === '/' ? '' : path}", arguments={…}) in the place of calling it.`,
      anchor: { file: entry, text: `def call_${name}(` },
    });
  }
  const helper = [
    'def given(data):',
    '    """What the caller sent, by name: what was left out has the default of the function."""',
    '    return {type(data).model_fields[name].alias or name: getattr(data, name) for name in data.model_fields_set}',
  ];
  const code = [...models, ...helper, '', '', ...lines].join('\n').trimEnd();
  const imports = ['os', 'sys', 'typing'].filter(
    (name) =>
      new RegExp(`\\b${name}\\.`).test(code) &&
      !plan.some(({ node, fate }) => fate === 'kept' && node.text === `import ${name}`),
  );
  const head = insertImports(
    plan.filter(({ node }) => !gone.has(node.id)),
    text,
    [...imports.map((name) => `import ${name}`), ...(imports.length > 0 ? [''] : []), 'import fal', 'import pydantic'],
  );
  const kept = edits.filter(
    (edit) => !removals.some((out) => edit.start >= out.start && edit.start < out.end && edit.end <= out.end),
  );
  const main = plan.find(({ node }) => isMainBlock(node))?.node;
  // Before the block that tries the file out, which stays.
  const at = main ? withComments(main, text) : text.length;
  const body: Edit = { start: at, end: at, text: `${main ? '' : '\n\n\n'}${code}\n${main ? '\n\n' : ''}` };
  const result = `${applyEdits(text, [...kept, ...removals, head, body, ...futureEdits(plan, text, entry, ledger)]).trim()}\n`;
  notes(options, unit, entry, machine, units.length, ledger);
  itemsOf(plan, entry, edits, ledger);
  const files = [
    { path: entry, origin: 'converted' as const, content: writeSource(result, source) },
    ...environment.files,
  ];
  const texts = new Map([[entry, result], ...environment.texts]);
  const volumes = volume
    ? [
        {
          from: VOLUME,
          to: VOLUME_AT_FAL,
          next: `fal files upload <file> ${VOLUME_AT_FAL}/<file>`,
        },
      ]
    : [];
  return {
    files,
    served,
    report: buildReport(ledger, { ...subject, app: kebabCase(wanted) }, files, texts, volumes),
  };
}

/** Functions and classes that are decorated with an endpoint, and endpoint objects with their routes. */
function readUnits(root: SyntaxNode, isOf: (node: SyntaxNode | null, wanted: RegExp) => boolean): Unit[] {
  const units: Unit[] = [];
  const objects = new Map<string, Unit>();
  for (const node of root.namedChildren) {
    const assigned = node.type === 'expression_statement' ? node.namedChildren[0] : null;
    const value = assigned?.type === 'assignment' ? assigned.childForFieldName('right') : null;
    if (
      value?.type === 'call' &&
      isOf(value.childForFieldName('function'), /^(Endpoint|LiveServerless|LoadBalancer\w*)$/)
    ) {
      const unit: Unit = { call: value, routes: [], owner: node };
      objects.set(assigned!.childForFieldName('left')!.text, unit);
      units.push(unit);
    }
    if (node.type !== 'decorated_definition') continue;
    const definition = node.childForFieldName('definition')!;
    for (const decorator of node.namedChildren.filter(({ type }) => type === 'decorator')) {
      const call = decorator.namedChildren[0]!;
      const callee = call.childForFieldName('function');
      if (call.type !== 'call' || !callee) continue;
      if (isOf(callee, /^(Endpoint|remote)$/))
        units.push({ call, owner: null, routes: [{ path: '/', verb: 'POST', node: definition, decorator }] });
      const owner = callee.type === 'attribute' ? objects.get(callee.childForFieldName('object')!.text) : undefined;
      const verb = callee.childForFieldName('attribute')?.text ?? '';
      if (!owner || !/^(get|post|put|delete|patch)$/.test(verb)) continue;
      const path = stringText(call.childForFieldName('arguments')?.namedChildren[0] ?? null) ?? `/${verb}`;
      owner.routes.push({ path, verb: verb.toUpperCase(), node: definition, decorator });
    }
  }
  return units
    .filter(({ routes }) => routes.length > 0)
    .map((unit, index, all) => (all.length > 1 ? renamed(unit, index) : unit));
}

/** Several endpoints in a file have a path each. */
function renamed(unit: Unit, index: number): Unit {
  const own = (path: string, node: SyntaxNode) =>
    path === '/' && index > 0 ? `/${kebabCase(node.childForFieldName('name')!.text)}` : path;
  return { ...unit, routes: unit.routes.map((route) => ({ ...route, path: own(route.path, route.node) })) };
}

const isUnit = (node: SyntaxNode, units: readonly Unit[]): boolean =>
  units.some(({ routes }) => routes.some((route) => route.node.parent?.id === node.id));

/** The route itself, or one for each public method of a class: the only one at its path, several below it. */
function endpointsOf(route: Unit['routes'][number]): { path: string; verb: string; node: SyntaxNode }[] {
  if (route.node.type !== 'class_definition') return [route];
  const methods = (route.node.childForFieldName('body')?.namedChildren ?? []).filter(
    (node) => node.type === 'function_definition' && !node.childForFieldName('name')!.text.startsWith('_'),
  );
  const base = route.path === '/' ? '' : route.path;
  return methods.map((node) => ({
    verb: 'POST',
    node,
    path: methods.length === 1 ? route.path : `${base}/${kebabCase(node.childForFieldName('name')!.text)}`,
  }));
}

const strings = (node: SyntaxNode | undefined): string[] => {
  const value = literal(node ?? null);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
};

/** Fields of the input model, four spaces deep; a default that cannot be written here stays with the function. */
function fields(definition: SyntaxNode, method: boolean, available: (name: string) => boolean): string[] {
  const parameters = (definition.childForFieldName('parameters')?.namedChildren ?? []).filter(({ type }) =>
    /^(identifier|typed_parameter|default_parameter|typed_default_parameter)$/.test(type),
  );
  const used = new Set<string>();
  return (method ? parameters.slice(1) : parameters).flatMap((node) => {
    const inner = node.type === 'typed_parameter' ? node.namedChildren[0]! : node;
    if (/splat/.test(inner.type)) return [];
    const name = (node.childForFieldName('name') ?? inner).text;
    const annotation = node.childForFieldName('type');
    const known = annotation && [...readNames(annotation)].every(available);
    const type = known ? annotation.text.replace(/\s*\n\s*/g, ' ') : 'typing.Any';
    const value = node.childForFieldName('value');
    const plain = value && literal(value) !== undefined ? value.text : 'None';
    const own = fieldName(name, used);
    const optional = value && plain === 'None' && type !== 'typing.Any' ? `typing.Optional[${type}]` : type;
    const details = own === name ? plain : `pydantic.Field(${value ? plain : '...'}, alias=${pythonString(name)})`;
    return [`    ${own}: ${optional}${value || own !== name ? ` = ${details}` : ''}`];
  });
}

function scale(options: ReadonlyMap<string, SyntaxNode>): string[] {
  const lines: string[] = [];
  const workers = literal(options.get('workers') ?? null);
  const [low, high] = Array.isArray(workers) ? workers : [undefined, workers];
  if (typeof low === 'number' && low > 0) lines.push(`    min_concurrency = ${low}`);
  if (typeof high === 'number' && high > 0) lines.push(`    max_concurrency = ${high}`);
  const idle = literal(options.get('idle_timeout') ?? null);
  if (typeof idle === 'number') lines.push(`    keep_alive = ${idle}`);
  const timeout = literal(options.get('execution_timeout_ms') ?? null);
  if (typeof timeout === 'number' && timeout > 0) lines.push(`    request_timeout = ${Math.ceil(timeout / 1000)}`);
  return lines;
}

const MAPPED =
  /^(name|dependencies|gpu|gpu_count|workers|idle_timeout|execution_timeout_ms|max_concurrency|env|volume|cpu|system_dependencies)$/;

function notes(
  options: ReadonlyMap<string, SyntaxNode>,
  unit: Unit,
  entry: string,
  machine: string,
  count: number,
  ledger: Ledger,
): void {
  for (const [name, value] of options) {
    const source = { file: entry, line: value.startPosition.row + 1 };
    const text = `${name}=${value.text.split('\n')[0]}`;
    const mapped = MAPPED.test(name);
    ledger.item('option', source, text, mapped && name !== 'gpu' && name !== 'cpu' ? 'mapped' : 'reported');
    if (name === 'gpu' || name === 'cpu') {
      ledger.note('F501', 'CHECK', {
        source,
        text,
        reason: `${value.text} → ${machine}: as much memory or more, maybe another card.`,
        next: 'Compare price and architecture; packages built for one card may not run on another.',
        anchor: { file: entry, text: 'machine_type =' },
      });
    } else if (!mapped) {
      ledger.note('F116', 'CHECK', {
        source,
        text,
        reason: `fal has nothing in the place of "${name}".`,
        next: 'Do without it.',
      });
    }
  }
  ledger.note('F502', 'CHECK', {
    source: { file: entry, line: unit.call.startPosition.row + 1 },
    text: unit.call.text,
    reason: `${count > 1 ? 'The endpoints of the file are one app with the options of the first. ' : ''}A call of another flash endpoint runs in this app now, if its module is there. min_concurrency is billed; an app that is deployed again keeps its scale unless --reset-scale is given.`,
    next: 'Deploy endpoints that need another machine as apps of their own, and call them by fal_client.',
    anchor: { file: entry, text: 'app_name =' },
  });
}
