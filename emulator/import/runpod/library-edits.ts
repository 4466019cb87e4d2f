import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { mark } from '../report.ts';
import { dotted, lineStatement, type SyntaxNode, walk } from '../syntax.ts';
import { hasMember, isLibrary, libraryNames, libraryPath, type Tool, toolFor } from './library-uses.ts';

export interface LibraryEdits {
  edits: Edit[];
  parts: Set<Tool['part']>;
}

const NOTES: Record<Tool['part'], [code: string, level: 'OK' | 'CHECK', reason: string, next: string]> = {
  progress: [
    'F120',
    'CHECK',
    'fal has no progress updates: they are printed, and stand in the logs of the request.',
    'Callers that showed progress read it from the logs, or the handler yields and streams.',
  ],
  validator: [
    'F121',
    'OK',
    'validate() is in worker_tools.py, with the same results; the input model checks the fields before it.',
    '',
  ],
  download: [
    'F122',
    'CHECK',
    "Downloads go through fal's toolkit, below the same folders.",
    'Nothing, unless the code relies on the names of downloaded files.',
  ],
  upload: [
    'F123',
    'CHECK',
    "Uploads go to fal's CDN: their URLs are public, and BUCKET_* settings have no effect.",
    'Keep your own bucket by calling boto3, if the files must stay private.',
  ],
  cleanup: ['F124', 'OK', 'clean() is in worker_tools.py and removes the same folders.', ''],
  cuda: ['F125', 'OK', 'is_available() is in worker_tools.py.', ''],
  debugger: [
    'F126',
    'CHECK',
    'The debugger measures nothing here.',
    "Read a request's timing from fal's logs, or remove the calls.",
  ],
  logger: [
    'F127',
    'CHECK',
    'RunPodLogger is a thin layer over logging now; its lines look different.',
    'Nothing, unless something parses the lines.',
  ],
};

/** Replaces what a file uses of runpod by `worker_tools`; what fal has nothing for is marked. `skip`: calls of `start`. */
export function libraryEdits(
  root: SyntaxNode,
  source: string,
  file: string,
  ledger: Ledger,
  skip: ReadonlySet<number>,
): LibraryEdits {
  const names = libraryNames(root);
  const edits: Edit[] = [];
  const parts = new Set<Tool['part']>();
  const noted = new Set<string>();
  const replaced = new Set<number>();
  const use = (tool: Tool, node: SyntaxNode): void => {
    parts.add(tool.part);
    const line = node.startPosition.row + 1;
    if (noted.has(`${tool.part}:${line}`)) return;
    noted.add(`${tool.part}:${line}`);
    const [code, level, reason, next] = NOTES[tool.part];
    ledger.note(code, level, { source: { file, line }, text: node.text, reason, next });
  };
  const refuse = (node: SyntaxNode, what: string): void => {
    const statement = lineStatement(node, source);
    if (replaced.has(statement.id)) return;
    replaced.add(statement.id);
    const line = statement.startPosition.row + 1;
    const reason = `fal has nothing in the place of ${what}.`;
    const next = 'Do without it, or write what the app needs of it, then remove the mark.';
    ledger.note('F128', 'TODO', {
      source: { file, line },
      text: node.text,
      reason,
      next,
      anchor: { file, text: `${mark('F128')} ${what} ` },
    });
    const indent = source.slice(source.lastIndexOf('\n', statement.startIndex - 1) + 1, statement.startIndex);
    const clean = /^[ \t]*$/.test(indent) ? indent : '';
    const quoted = statement.text.split('\n').map((part) => `# ${part.trimEnd()}`);
    const simple = /^(expression_statement|assert_statement|delete_statement|raise_statement)$/.test(statement.type);
    const lines = [`# ${mark('F128')} ${what} has no counterpart.`];
    if (simple && clean === indent) {
      lines.push(...quoted, `raise NotImplementedError(${JSON.stringify(`${what}: not converted, see the report`)})`);
      edits.push({ start: statement.startIndex, end: statement.endIndex, text: lines.join(`\n${clean}`) });
    } else if (clean === indent) {
      edits.push({ start: statement.startIndex, end: statement.startIndex, text: `${lines[0]}\n${clean}` });
    }
  };
  let toolsModule = false;
  const imports: SyntaxNode[] = [];
  for (const node of walk(root)) {
    if (/^import_(from_)?statement$/.test(node.type)) {
      imports.push(node);
      continue;
    }
    const chain = node.type === 'attribute' || (node.type === 'identifier' && isRead(node));
    if (!chain || (node.parent?.type === 'attribute' && node.parent.childForFieldName('object')?.id === node.id))
      continue;
    if (inImport(node) || skip.has(node.parent?.id ?? -1)) continue;
    const path = libraryPath(node, names);
    if (path === null || path === 'runpod.serverless.start') continue;
    const first = dotted(node)!.split('.')[0]!;
    if (isMember(names.get(first)!)) {
      // `rp_upload.files`: the name is imported from worker_tools, the code stays as it is.
      const tool = toolFor(names.get(first)!)!;
      const member = /\.(\w+)/.exec(dotted(node)!)?.[1];
      if (member !== undefined && tool.name.startsWith('rp_') && !hasMember(tool.name, member)) refuse(node, path);
      else use(tool, node);
      continue;
    }
    const tool = longest(path);
    if (!tool) refuse(node, path);
    else {
      use(tool.tool, node);
      toolsModule = true;
      edits.push({ start: node.startIndex, end: node.endIndex, text: `worker_tools.${tool.tool.name}${tool.rest}` });
    }
  }
  for (const node of imports) editImport(node, edits, refuse, use);
  if (toolsModule) {
    // Where the library was imported first, so that the name exists wherever the other did.
    const home = imports.find((node) => /\brunpod\b/.test(node.text));
    const edit = edits.find(({ start, end }) => start === home?.startIndex && end === home.endIndex);
    if (edit)
      edit.text =
        edit.text === '' || edit.text === 'pass' ? 'import worker_tools' : `import worker_tools; ${edit.text}`;
  }
  return { edits, parts };
}

const isMember = (path: string): boolean => path !== 'runpod' && toolFor(path) !== null;

function longest(path: string): { tool: Tool; rest: string } | null {
  const words = path.split('.');
  for (let length = words.length; length > 1; length--) {
    const tool = toolFor(words.slice(0, length).join('.'));
    const rest = words.slice(length);
    if (tool && (rest.length === 0 || !tool.name.startsWith('rp_'))) {
      return { tool, rest: rest.map((word) => `.${word}`).join('') };
    }
  }
  return null;
}

function isRead(node: SyntaxNode): boolean {
  const parent = node.parent;
  if (parent?.type === 'attribute') return parent.childForFieldName('object')?.id === node.id;
  if (parent?.type === 'keyword_argument') return parent.childForFieldName('value')?.id === node.id;
  return !/^(global_statement|parameters|default_parameter|typed_parameter)$/.test(parent?.type ?? '');
}

function inImport(node: SyntaxNode): boolean {
  for (let at = node.parent; at; at = at.parent) if (/^import_(from_)?statement$/.test(at.type)) return true;
  return false;
}

function editImport(
  node: SyntaxNode,
  edits: Edit[],
  refuse: (node: SyntaxNode, what: string) => void,
  use: (tool: Tool, node: SyntaxNode) => void,
): void {
  const from = node.type === 'import_from_statement';
  const module = node.childForFieldName('module_name')?.text ?? '';
  if (from && !isLibrary(module)) return;
  const left: string[] = [];
  let own = false;
  for (const item of node.childrenForFieldName('name')) {
    if (!item) continue;
    const name = (item.childForFieldName('name') ?? item).text;
    const alias = item.childForFieldName('alias')?.text;
    if (!from) {
      if (isLibrary(name)) own = true;
      else left.push(item.text);
      continue;
    }
    own = true;
    const path = `${module}.${name}`;
    const tool = toolFor(path);
    const local = alias ?? name;
    if (tool) {
      use(tool, node);
      left.push(tool.name === local ? local : `${tool.name} as ${local}`);
    } else if (
      path !== 'runpod.serverless' &&
      path !== 'runpod.serverless.start' &&
      path !== 'runpod.serverless.utils'
    ) {
      refuse(node, path);
    }
  }
  if (!own) return;
  const text = left.length === 0 ? '' : `${from ? 'from worker_tools import' : 'import'} ${left.join(', ')}`;
  const only = node.parent?.type === 'block' && node.parent.namedChildCount === 1;
  edits.push({
    start: node.startIndex,
    end: node.endIndex,
    text: text === '' && (only || node.parent?.type === 'block') ? 'pass' : text,
  });
}
