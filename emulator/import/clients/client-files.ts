import { applyEdits } from '../edits.ts';
import { Ledger } from '../ledger.ts';
import { lineEnd } from '../move-statements.ts';
import type { ImportedApp, SourceFolder } from '../platform.ts';
import { syntaxFault } from '../python-faults/syntax-fault.ts';
import type { Finding } from '../report.ts';
import { readSource, writeSource } from '../source-text.ts';
import type { PythonParser, SyntaxNode } from '../syntax.ts';
import type { CalledApp, ClientEdits } from './client-calls.ts';
import { clientHelpers } from './client-helpers.ts';
import { commandLines, holdsCommands } from './command-lines.ts';
import { modalCalls, speaksToModal } from './modal-calls.ts';
import { replicateCalls, speaksToReplicate } from './replicate-calls.ts';
import { runpodCalls, speaksToRunpod } from './runpod-calls.ts';

/** A file beside the app that calls it, and what it would be. */
export interface ClientFile {
  path: string;
  content: Uint8Array;
  /** One for each call; those that cannot be rewritten have level TODO and a mark in the code. */
  findings: Finding[];
}

/** Languages that are not rewritten: what calls the app in them is told, with its line. */
const OTHER = /\.(js|mjs|cjs|ts|tsx|jsx|go|rb|rs|java|php|ipynb|sh|md)$/;
const CALLS = /api\.runpod\.ai\/v2\/|\.modal\.run\b|\breplicate\.run\(|api\.replicate\.com\/v1\//;

/** Files of the folder that call the app, rewritten to call it at fal. Nothing of it is part of the app by itself. */
export function clientFiles(folder: SourceFolder, app: ImportedApp, parser: PythonParser): ClientFile[] {
  if (app.files.length === 0) return [];
  const { entry, platform } = app.report;
  const called: CalledApp = {
    name: app.report.app,
    module: entry.split('/').at(-1)!.replace(/\.py$/, ''),
    targets: app.targets ?? [],
  };
  const image = imageOf(folder);
  const found: ClientFile[] = [];
  for (const [path, bytes] of folder.files) {
    if (path === entry) continue;
    const source = readSource(bytes);
    if (typeof source === 'string') continue;
    const ledger = new Ledger();
    let text: string | null = null;
    if (path.endsWith('.py')) {
      const wanted =
        (platform === 'runpod' && speaksToRunpod(source.text)) ||
        (platform === 'cog' && speaksToReplicate(source.text)) ||
        (platform === 'modal' && speaksToModal(source.text, called.module));
      if (!wanted) continue;
      text = parser.withTree(source.text, (root) => {
        if (syntaxFault(root, source.text)) return null;
        const context = { root, text: source.text, file: path, app: called, ledger };
        const edits =
          platform === 'runpod'
            ? runpodCalls(context)
            : platform === 'cog'
              ? replicateCalls(context, image)
              : modalCalls(context);
        return edits.edits.length === 0 ? null : written(root, source.text, edits, called.name);
      });
    } else if (platform === 'modal' && holdsCommands(path)) {
      const changed = commandLines(source.text, path, entry, ledger);
      if (changed !== source.text) text = changed;
    }
    if (text !== null) {
      const findings = ledger.findings(new Map([[path, text]]));
      found.push({ path, content: writeSource(text, source), findings });
    } else if (OTHER.test(path)) {
      const at = source.text.split('\n').findIndex((line) => CALLS.test(line));
      if (at < 0) continue;
      ledger.note('F808', 'CHECK', {
        source: { file: path, line: at + 1 },
        text: source.text.split('\n')[at]!,
        reason: 'This calls the source platform, in a form that is not rewritten.',
        next: `Call "<you>/${called.name}" with a client of fal: https://docs.fal.ai/model-endpoints/client-libraries, or POST to https://queue.fal.run/<you>/${called.name}.`,
      });
      found.push({ path, content: bytes, findings: ledger.findings(new Map()) });
    }
  }
  return found;
}

/** The text with the edits, and the helpers after its imports. */
function written(root: SyntaxNode, text: string, { edits, helpers, lines }: ClientEdits, app: string): string {
  const { text: code, imports } = clientHelpers(helpers, app);
  const found = root.namedChildren.filter(({ type }) => /^(import|future_import)/.test(type));
  const last = found.at(-1);
  const first = found.find(({ type }) => type.startsWith('import'));
  const at = last ? lineEnd(text, last.endIndex) : 0;
  const changed = applyEdits(text, edits);
  if (code === '' && lines.length === 0) return changed;
  const had = new Set(changed.split('\n').map((line) => line.trim()));
  const missing = imports.filter((line) => !had.has(line));
  const standard = missing.filter((line) => line !== 'import fal_client').map((line) => `${line}\n`);
  const client = missing.length > standard.length ? ['import fal_client'] : [];
  const block = [...client, '', '', [code, ...(lines.length > 0 ? [lines.join('\n')] : [])].join('\n\n\n'), '', ''];
  const top = first ? first.startIndex : at;
  const added = [
    { start: top, end: top, text: standard.join('') },
    { start: at, end: at, text: `${block.join('\n')}\n` },
  ];
  return applyEdits(text, [...added, ...edits]).replaceAll(/\n{4,}/g, '\n\n\n');
}

/** `owner/name` of `image: r8.im/owner/name` in cog.yaml. */
function imageOf(folder: SourceFolder): string | null {
  const bytes = folder.files.get('cog.yaml') ?? folder.files.get('cog.yml');
  const text = bytes ? Buffer.from(bytes).toString('utf8') : '';
  return /^image:\s*["']?r8\.im\/([\w.-]+\/[\w.-]+)/m.exec(text)?.[1] ?? null;
}

/** The app with the chosen of its callers among its files; the others are named in the report. `chosen`: paths, or all. */
export function withClients(
  app: ImportedApp,
  clients: readonly ClientFile[],
  chosen: readonly string[] | 'all',
): ImportedApp {
  if (clients.length === 0) return app;
  const files = [...app.files];
  const findings = [...app.report.findings];
  for (const { path, content, findings: own } of clients) {
    const changed = own.some(({ code }) => code !== 'F808');
    if (changed && chosen !== 'all' && !chosen.includes(path)) {
      findings.push({
        code: 'F800',
        level: 'CHECK',
        source: own[0]!.source,
        text: own[0]!.text,
        target: null,
        reason: `${path} calls the app in ${own.length} ${own.length === 1 ? 'place' : 'places'}; callers are left as they are.`,
        next: `windtunnel import … --client ${path} writes it for fal, too.`,
      });
      continue;
    }
    findings.push(...own);
    if (!changed) continue;
    const at = files.findIndex((file) => file.path === path);
    if (at >= 0) files.splice(at, 1);
    files.push({ path, content, origin: 'converted' });
  }
  const levels = { OK: 0, CHECK: 0, TODO: 0, BLOCKED: 0 };
  for (const { level } of findings) levels[level]++;
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const report = { ...app.report, findings, levels, files: files.map(({ path, origin }) => ({ path, origin })) };
  return { ...app, files, report };
}
