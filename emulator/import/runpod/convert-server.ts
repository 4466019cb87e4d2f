import { settings } from '../app-settings.ts';
import { buildReport } from '../build-report.ts';
import { commandWords, readDockerfile } from '../dockerfile.ts';
import { applyEdits, type Edit } from '../edits.ts';
import { environmentNotes } from '../environment-names.ts';
import { Ledger } from '../ledger.ts';
import {
  futureEdits,
  globalLines,
  identifiers,
  insertImports,
  itemsOf,
  stringsOf,
  topModules,
} from '../module-edits.ts';
import { planModule } from '../module-plan.ts';
import type { ImportedApp, ImportedFile, SourceFolder } from '../platform.ts';
import { kebabCase, pythonString } from '../python-text.ts';
import { functionEdits, globalNames, pickledNames, setupBody } from '../setup-body.ts';
import { importedFiles } from '../siblings.ts';
import type { SourceText } from '../source-text.ts';
import { writeSource } from '../source-text.ts';
import { dotted, literal, type PythonParser, type SyntaxNode, stringText, walk } from '../syntax.ts';
import { CONVERTED } from './app-class.ts';
import { planEnvironment } from './environment.ts';
import { volumeEdits } from './volume-edits.ts';

/** How a worker that is an HTTP server of its own is started. */
export interface ServerStart {
  port: number;
  /** The call in the file; null when the Dockerfile's command names the app instead. */
  call: SyntaxNode | null;
  /** `app` of `uvicorn handler:app`. */
  app: string | null;
}

const DEFAULT_PORT = 8000;

/** Finds `uvicorn.run(app, …)` in the file, or `uvicorn module:app` in the command of the Dockerfile. */
export function serverStart(folder: SourceFolder, entry: string, root: SyntaxNode): ServerStart | null {
  for (const call of walk(root)) {
    if (call.type !== 'call' || dotted(call.childForFieldName('function')) !== 'uvicorn.run') continue;
    const value = keyword(call, 'port');
    return { port: portOf(value, root) ?? DEFAULT_PORT, call, app: null };
  }
  const module = entry.split('/').at(-1)!.replace(/\.py$/, '');
  for (const [path, bytes] of folder.files) {
    if (!/(^|\/)Dockerfile$/.test(path)) continue;
    for (const { keyword: name, args } of readDockerfile(Buffer.from(bytes).toString('utf8'))) {
      if (name !== 'CMD' && name !== 'ENTRYPOINT') continue;
      const words = commandWords(args);
      const app = words
        .map((word) => /^([\w.]+):(\w+)$/.exec(word))
        .find((match) => match?.[1]?.split('.').at(-1) === module);
      if (!app || !words.some((word) => /(^|\/)(uvicorn|gunicorn|hypercorn)$/.test(word))) continue;
      const port = Number(words[words.indexOf('--port') + 1]);
      return { port: words.includes('--port') && port > 0 ? port : DEFAULT_PORT, call: null, app: app[2]! };
    }
  }
  return null;
}

const keyword = (call: SyntaxNode, name: string): SyntaxNode | null =>
  call
    .childForFieldName('arguments')
    ?.namedChildren.find((node) => node.type === 'keyword_argument' && node.childForFieldName('name')?.text === name)
    ?.childForFieldName('value') ?? null;

/** The number that a port is, or the default that it is read from the environment with. */
function portOf(node: SyntaxNode | null, root: SyntaxNode): number | null {
  if (!node) return null;
  const plain = Number(literal(node) ?? stringText(node) ?? Number.NaN);
  if (plain > 0) return plain;
  if (node.type === 'identifier') {
    const assigned = [...walk(root)].filter(
      (one) => one.type === 'assignment' && one.childForFieldName('left')?.text === node.text,
    );
    return assigned.length === 1 ? portOf(assigned[0]!.childForFieldName('right'), root) : null;
  }
  if (node.type !== 'call') return null;
  const given = node.childForFieldName('arguments')?.namedChildren ?? [];
  return portOf(given.at(-1) ?? null, root);
}

/** A worker that serves HTTP itself: one `fal.function` that does what the file does when it is started. */
export function convertServer(
  folder: SourceFolder,
  entry: string,
  source: SourceText,
  root: SyntaxNode,
  start: ServerStart,
  parser: PythonParser,
): ImportedApp {
  const ledger = new Ledger();
  const { text } = source;
  const appName = kebabCase(folder.name);
  const siblings = importedFiles(folder, entry, root, parser);
  const plan = planModule(root, () => null);
  const edits: Edit[] = [...functionEdits(plan, entry, ledger)];
  const host = start.call ? keyword(start.call, 'host') : null;
  if (host && /^["'](127\.0\.0\.1|localhost)["']$/.test(host.text))
    edits.push({ start: host.startIndex, end: host.endIndex, text: '"0.0.0.0"' });
  const volume = volumeEdits(root, entry, ledger, edits);
  environmentNotes(root, entry, ledger, { prefix: /^RUNPOD_/, name: 'RunPod' });
  const environment = planEnvironment({
    folder,
    entry,
    siblings,
    imported: topModules(root),
    tools: false,
    ledger,
    taken: new Set(),
    literals: stringsOf(root),
  });
  const { lines: moved, removals } = setupBody(plan, text, edits, new Set(), '    ');
  const body = [...environment.setup.map((line) => `    ${line}`), ...moved];
  if (start.app !== null)
    body.push('    import uvicorn', '', `    uvicorn.run(${start.app}, host="0.0.0.0", port=${start.port})`);
  const taken = identifiers(root);
  const name = taken.has('serve') ? 'serve_app' : 'serve';
  const modules = {
    fal: 'fal',
    fastapi: 'fastapi',
    pydantic: 'pydantic',
    typing: 'typing',
    json: 'json',
    os: 'os',
    sys: 'sys',
  };
  const attributes = settings({
    environment: environment.environment,
    machineTypes: environment.machineTypes,
    gpus: environment.gpus,
    maxMultiplexing: null,
    modules,
  });
  const call = attributes
    .map((line) => line.replace(/^ {4}(\w+) = /, '    $1='))
    .join('\n')
    .replace(/([^[(,\n])\n(?= {4}\w+=|$)/g, '$1,\n');
  const lines = [
    '@fal.function(',
    `${call}${call.endsWith(',') ? '' : ','}`,
    `    exposed_port=${start.port},`,
    ')',
    `def ${name}():`,
    `    """${CONVERTED} It serves all of its routes at port ${start.port}."""`,
    ...globalLines(globalNames(body, parser), '    '),
    ...pickledNames(plan, body, parser, '    '),
    ...body,
  ];
  const needed = ['os', 'sys'].filter((module) => new RegExp(`\\b${module}\\.`).test(lines.join('\n')));
  const there = plan.flatMap(({ node, fate }) => (fate === 'kept' ? [node.text] : []));
  const imports = needed.filter((module) => !there.includes(`import ${module}`)).map((module) => `import ${module}`);
  const kept = edits.filter(
    (edit) => !removals.some((gone) => edit.start >= gone.start && edit.start < gone.end && edit.end <= gone.end),
  );
  const head = insertImports(plan, text, [...imports, ...(imports.length > 0 ? [''] : []), 'import fal']);
  const after = applyEdits(text, [...kept, ...removals, head, ...futureEdits(plan, text, entry, ledger)]).replace(
    /\s+$/,
    '',
  );
  const result = `${after}\n\n\n${lines.join('\n')}\n`;
  itemsOf(plan, entry, edits, ledger);
  ledger.note('F117', 'CHECK', {
    source: { file: entry, line: start.call ? start.call.startPosition.row + 1 : 1 },
    text: start.call?.text ?? `uvicorn ${start.app}`,
    reason: `The worker is an HTTP server: one function serves all of its routes and verbs at port ${start.port}. The queue sees its POST routes with JSON; no runner is asked for /ping.`,
    next: `Call its routes below the app's URL; deploy it as fal deploy ${entry}::${name}. The number of runners and their time are set at the function.`,
    anchor: { file: entry, text: `def ${name}(` },
  });
  const files: ImportedFile[] = [
    { path: entry, origin: 'converted', content: writeSource(result, source) },
    ...environment.files.filter(({ path }) => path !== entry),
  ];
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const texts = new Map(
    files
      .filter(({ origin }) => origin !== 'copied')
      .map(({ path, content }) => [path, Buffer.from(content).toString('utf8')]),
  );
  texts.set(entry, result);
  const volumes = volume
    ? [
        {
          from: '/runpod-volume',
          to: pythonString('/data/runpod-volume').slice(1, -1),
          next: 'fal files upload <file> /data/runpod-volume/<file>',
        },
      ]
    : [];
  return { files, report: buildReport(ledger, { platform: 'runpod', entry, app: appName }, files, texts, volumes) };
}
