import { blockedApp, buildReport } from '../build-report.ts';
import { applyEdits, type Edit } from '../edits.ts';
import { environmentNotes } from '../environment-names.ts';
import { Ledger } from '../ledger.ts';
import {
  freeName,
  futureEdits,
  globalLines,
  identifiers,
  insertImports,
  itemsOf,
  lineOf,
  stringsOf,
  topModules,
} from '../module-edits.ts';
import { type PlannedStatement, planModule } from '../module-plan.ts';
import type { ImportedApp, ImportedFile, SourceFolder } from '../platform.ts';
import { syntaxFault } from '../python-faults/syntax-fault.ts';
import { kebabCase, pascalCase, pythonString } from '../python-text.ts';
import { functionEdits, globalNames, pickledNames, setupBody, usesFileName } from '../setup-body.ts';
import { folderOf, importedFiles, join, soundSiblings, withDefinitions } from '../siblings.ts';
import type { SourceApp } from '../source-app.ts';
import { readSource, writeSource } from '../source-text.ts';
import type { PythonParser, SyntaxNode } from '../syntax.ts';
import { appClass, CONVERTED } from './app-class.ts';
import { convertFlash, isFlash } from './convert-flash.ts';
import { convertServer, serverStart } from './convert-server.ts';
import { planEnvironment } from './environment.ts';
import { readHandler } from './handler.ts';
import { readInput } from './input-model.ts';
import { libraryEdits } from './library-edits.ts';
import { isLibrary, libraryNames, type Tool } from './library-uses.ts';
import { startCalls } from './start-call.ts';
import { VOLUME, VOLUME_AT_FAL, volumeEdits } from './volume-edits.ts';
import { workerTools } from './worker-tools.ts';

// Long: the one place where the parts of a worker come together, in the order in which they need each other.

const RUNPOD_VARIABLES = { prefix: /^RUNPOD_/, name: 'RunPod' };

/** Converts the worker that starts in `entry`. A source that cannot be converted gives a report and no files. */
export function convertWorker(folder: SourceFolder, entry: string, parser: PythonParser): ImportedApp {
  const ledger = new Ledger();
  const name = folder.name;
  const blocked = (code: string, line: number, reason: string): ImportedApp =>
    blockedApp(ledger, { platform: 'runpod', entry, app: name }, { code, line, reason });
  const source = readSource(folder.files.get(entry) ?? new Uint8Array());
  if (typeof source === 'string') return blocked('F002', 1, `${entry} cannot be read: ${source}.`);
  if (source.text.includes(CONVERTED)) {
    return blocked('F004', 1, `${entry} is converted already.`);
  }
  return parser.withTree(source.text, (root) => {
    const fault = syntaxFault(root, source.text);
    if (fault) return blocked('F001', fault.line, `${entry} has a syntax error: ${fault.what}.`);
    const siblings = importedFiles(folder, entry, root, parser);
    return withDefinitions(folder, siblings, parser, (lookup, trees) => {
      const text = source.text;
      const names = libraryNames(root);
      const calls = startCalls(root, names);
      if (calls.length === 0) {
        if (isFlash(text)) return convertFlash(folder, entry, source, root, parser);
        const server = serverStart(folder, entry, root);
        if (server) return convertServer(folder, entry, source, root, server, parser);
        const other = siblings.find((file) => {
          const tree = trees.get(file);
          return tree !== undefined && startCalls(tree, libraryNames(tree)).length > 0;
        });
        if (other !== undefined)
          return blocked('F005', 1, `The worker starts in ${other}, which ${entry} imports: import that file.`);
      }
      const handler = readHandler(calls, root, lookup, text, entry, ledger);
      if (typeof handler === 'string') return blocked('F003', 1, handler);
      const taken = identifiers(root);
      const className = freeName(pascalCase(name), taken);
      taken.add(className).add(`${className}Input`);

      const plan = planModule(root, (node) => {
        return /^import/.test(node.type) && [...importedLibraries(node)].length > 0 ? 'setup' : null;
      });
      const parts = new Set<Tool['part']>();
      const startNodes = new Set(calls.map(({ call }) => call.id));
      const library = libraryEdits(root, text, entry, ledger, startNodes);
      for (const part of library.parts) parts.add(part);
      const edits: Edit[] = [...handler.edits, ...library.edits, ...functionEdits(plan, entry, ledger)];
      let volume = volumeEdits(root, entry, ledger, edits);
      const dropped = new Set<number>(handler.dropped);
      for (const { node } of plan) {
        const own = library.edits.filter((edit) => edit.start >= node.startIndex && edit.end <= node.endIndex);
        // An import of nothing but runpod leaves no line; one that leaves a mark does.
        if (/^import/.test(node.type) && own.length === 1 && own[0]!.text === '' && own[0]!.end === node.endIndex)
          dropped.add(node.id);
      }
      environmentNotes(root, entry, ledger, RUNPOD_VARIABLES);

      const converted: ImportedFile[] = [];
      const texts = new Map<string, string>();
      for (const { file, tree, form } of soundSiblings(folder, siblings, trees, ledger)) {
        const own = libraryEdits(tree, form.text, file, ledger, new Set());
        for (const part of own.parts) parts.add(part);
        const changes = [...own.edits];
        if (volumeEdits(tree, file, ledger, changes)) volume = true;
        environmentNotes(tree, file, ledger, RUNPOD_VARIABLES);
        ledger.item('file', { file, line: 1 }, file, changes.length > 0 ? 'mapped' : 'kept');
        if (changes.length === 0) continue;
        const after = applyEdits(form.text, changes);
        texts.set(file, after);
        converted.push({ path: file, origin: 'converted', content: writeSource(after, form) });
      }

      const imported = new Set([root, ...trees.values()].flatMap((tree) => [...topModules(tree)]));
      const environment = planEnvironment({
        folder,
        entry,
        siblings,
        imported,
        tools: parts.size > 0,
        ledger,
        taken: new Set(converted.map(({ path }) => path)),
        literals: stringsOf(root),
      });
      const input = readInput({
        folder,
        entry,
        root,
        handler: handler.definition,
        lookup,
        trees,
        names,
        ledger,
        className,
      });
      const setup: string[] = environment.setup.map((line) => `        ${line}`);
      if (usesFileName(root)) {
        setup.push(`        __file__ = os.path.join(os.getcwd(), ${pythonString(entry.split('/').at(-1)!)})`);
        ledger.note('F110', 'CHECK', {
          source: { file: entry, line: lineOf(root, '__file__') },
          text: '__file__',
          reason: 'A deployed app has no file of its own: __file__ is set to where it would be, in the working folder.',
          next: 'Check the paths that are built from it.',
        });
      }
      if (volume) setup.push(`        os.makedirs(${pythonString(VOLUME_AT_FAL)}, exist_ok=True)`);
      const { lines: moved, removals } = setupBody(plan, text, edits, dropped);
      const body = [...setup, ...moved];
      if (body.every((line) => /^\s*(#|$)/.test(line)) && body.length > 0) body.push('        pass');
      const globals = globalNames(body, parser);

      const modules = moduleNames(taken);
      const app: SourceApp = {
        appName: kebabCase(name),
        className,
        modules,
        endpoint: { ...handler, input: input.model, example: input.example },
        environment: environment.environment,
        machineTypes: environment.machineTypes,
        gpus: environment.gpus,
        maxMultiplexing: handler.maxMultiplexing,
        setup: body.length === 0 ? [] : [...globalLines(globals), ...pickledNames(plan, body, parser), ...body],
      };
      const needed = neededImports(app, plan);
      const keptEdits = edits.filter(
        (edit) => !removals.some((gone) => edit.start >= gone.start && edit.start < gone.end && edit.end <= gone.end),
      );
      const head = insertImports(plan, text, needed);
      const futures = futureEdits(plan, text, entry, ledger);
      let result = applyEdits(text, [...keptEdits, ...removals, head, ...futures]).replace(/\s+$/, '');
      result = `${result}\n\n\n${appClass(app)}`;
      texts.set(entry, result);
      itemsOf(plan, entry, edits, ledger);
      handlerNotes(app, entry, handler.line, ledger);

      converted.push({ path: entry, origin: 'converted', content: writeSource(result, source) });
      if (parts.size > 0) {
        const path = join(folderOf(entry), 'worker_tools.py');
        converted.push({ path, origin: 'written', content: Buffer.from(workerTools(parts)) });
      }
      for (const file of environment.files) {
        if (!converted.some(({ path }) => path === file.path)) converted.push(file);
        if (file.origin !== 'copied') texts.set(file.path, Buffer.from(file.content).toString('utf8'));
      }
      converted.sort((a, b) => (a.path < b.path ? -1 : 1));
      return {
        files: converted,
        report: buildReport(
          ledger,
          { platform: 'runpod', entry, app: app.appName },
          converted,
          texts,
          volume ? [{ from: VOLUME, to: VOLUME_AT_FAL, next: `fal files upload <file> ${VOLUME_AT_FAL}/<file>` }] : [],
        ),
      };
    });
  });
}

function* importedLibraries(node: SyntaxNode): Generator<string> {
  const module = node.childForFieldName('module_name')?.text;
  if (module !== undefined && isLibrary(module)) yield module;
}

/** The generated code's own names for what it imports, out of the way of what the source calls so. */
function moduleNames(taken: ReadonlySet<string>): SourceApp['modules'] {
  const free = (name: string): string =>
    taken.has(`${name}_`) || !taken.has(name) || MODULES.has(name) ? name : `${name}_`;
  return {
    fal: free('fal'),
    fastapi: free('fastapi'),
    pydantic: free('pydantic'),
    typing: free('typing'),
    json: free('json'),
    os: free('os'),
    sys: free('sys'),
  };
}

// Whoever uses these names means the modules.
const MODULES = new Set(['typing', 'json', 'os', 'sys', 'fastapi', 'pydantic', 'fal']);

function neededImports(app: SourceApp, plan: readonly PlannedStatement[]): string[] {
  const text = appClass(app);
  const there = new Set(
    plan.flatMap(({ node, fate }) => (fate === 'kept' ? (/^import (\w+)$/.exec(node.text)?.[1] ?? []) : [])),
  );
  const wants = (name: string) => new RegExp(`(^|[^.\\w])${name}\\.`, 'm').test(text);
  const standard = ['json', 'os', 'sys', 'typing'].filter((name) => wants(name) && !there.has(name));
  const lines = standard.map((name) => `import ${name}`);
  // The standard library first, as import sorters have it.
  if (lines.length > 0 || there.size > 0) lines.push('');
  return [
    ...lines,
    'import fal',
    text.includes('fastapi.responses') ? 'import fastapi.responses' : 'import fastapi',
    'import pydantic',
  ];
}

function handlerNotes(app: SourceApp, file: string, line: number, ledger: Ledger): void {
  const source = { file, line };
  const text = app.endpoint.handler;
  ledger.note('F101', 'OK', {
    source,
    text,
    reason: 'The handler is called with the job that it knows; the endpoint is "/" (POST).',
    next: `fal_client.subscribe("<you>/${app.appName}", arguments={…}) in the place of /run and /runsync: without {"input": …} around it, and the answer is what stood in "output".`,
    anchor: { file, text: 'def run_job(' },
  });
  ledger.note('F112', 'CHECK', {
    source,
    text,
    reason:
      'A result with "error" answers HTTP 500 (422 for a list of validation errors). An exception is a 500 too and is not run again. "refresh_worker" ends the runner after its answer.',
    next: 'Let callers look at the status, where they looked for "error".',
    anchor: { file, text: 'def _reply(' },
  });
  ledger.note('F502', 'CHECK', {
    source,
    text,
    reason:
      'Workers, idle timeout and execution timeout are settings of the RunPod endpoint and stand in no file. fal has 2 runners at most, keeps one for 60 s, and allows a request an hour, unless you say otherwise.',
    next: 'max workers → max_concurrency, active workers → min_concurrency (billed), idle timeout → keep_alive, execution timeout → request_timeout. An app that is deployed again keeps its scale unless --reset-scale is given.',
    anchor: { file, text: 'app_name =' },
  });
  if (app.endpoint.shape === 'generator' || app.endpoint.shape === 'async-generator') {
    ledger.note('F111', app.endpoint.aggregates ? 'OK' : 'CHECK', {
      source,
      text,
      reason: `Each yield is an event of /stream; "/" answers with the whole list${app.endpoint.aggregates ? ', as return_aggregate_stream did' : ', which the worker did not offer'}.`,
      next: `fal_client.stream("<you>/${app.appName}", arguments={…}) in the place of /stream.`,
      anchor: { file, text: 'def stream_job(' },
    });
  }
}
