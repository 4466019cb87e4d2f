import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { mark } from '../report.ts';
import { lineStatement, type SyntaxNode, walk } from '../syntax.ts';
import { cogName, cogNames, isCogModule, REPLACEMENTS } from './cog-names.ts';
import { isBase } from './predictor.ts';
import type { PredictorInput } from './predictor-inputs.ts';

const NOTES: Record<string, [code: string, reason: string, next: string]> = {
  emit_metric: ['F930', 'Metrics are printed, and stand in the logs of the request.', 'Read them from the logs.'],
  current_scope: [
    'F930',
    'Metrics are printed, and stand in the logs of the request; the context is empty.',
    'Read them from the logs; send what the context held as an input.',
  ],
  CancelationException: [
    'F931',
    'Nothing raises CancelationException at fal: a request that is cancelled ends its connection.',
    'Poll self.current_request in long loops, or let them run out.',
  ],
  __version__: ['F932', "The app has no version of Cog: it is '0' here.", 'Leave out what reports it.'],
};

/**
 * Takes a file off Cog: imports become those of the standard library and pydantic, or small definitions; bases,
 * decorators and `Input(…)` go. What has no counterpart is marked. `inputs`: how parameters of predictors were read.
 * `appClass`: the class whose bases are edited elsewhere. `definitions`: takes what imports at the top of the file
 * define, for a place below all imports; without it they stand where the import was.
 */
export function cogEdits(
  root: SyntaxNode,
  source: string,
  file: string,
  ledger: Ledger,
  inputs: ReadonlyMap<number, PredictorInput>,
  appClass: SyntaxNode | null,
  definitions: string[] | null = null,
): { edits: Edit[]; marked: ReadonlySet<number> } {
  const names = cogNames(root);
  const edits: Edit[] = [];
  const marked = new Set<number>();
  const whole = new Set<string>();
  for (const node of walk(root)) {
    if (inImport(node)) continue;
    if (node.type === 'class_definition') {
      if (node.id !== appClass?.id) edits.push(...baseEdits(node, names));
    } else if (node.type === 'decorator') {
      const called = node.namedChildren[0]!;
      const callee = called.type === 'call' ? called.childForFieldName('function') : called;
      if (!/^(streaming|concurrent)$/.test(cogName(callee, names) ?? '')) continue;
      const next = node.nextSibling!;
      edits.push({ start: node.startIndex, end: next.startIndex, text: '' });
    } else if (node.type === 'default_parameter' || node.type === 'typed_default_parameter') {
      const value = node.childForFieldName('value')!;
      if (value.type !== 'call' || cogName(value.childForFieldName('function'), names) !== 'Input') continue;
      const read = inputs.get(node.id);
      if (read?.required && !defaultBefore(node, inputs)) {
        const end = (node.childForFieldName('type') ?? node.childForFieldName('name')!).endIndex;
        edits.push({ start: end, end: value.endIndex, text: '' });
      } else edits.push({ start: value.startIndex, end: value.endIndex, text: read?.default ?? '...' });
    } else if (node.type === 'attribute' && !isOwner(node)) {
      const name = cogName(node, names);
      // `cog.Path`: the name by itself is imported.
      if (name === null || insideEdited(node, names)) continue;
      if (REPLACEMENTS[name]) {
        whole.add(name);
        edits.push({ start: node.startIndex, end: node.endIndex, text: name });
      } else refuse(node, name);
    }
  }
  function refuse(node: SyntaxNode, name: string): void {
    const statement = lineStatement(node, source);
    if (marked.has(statement.id)) return;
    marked.add(statement.id);
    ledger.note('F933', 'TODO', {
      source: { file, line: statement.startPosition.row + 1 },
      text: node.text,
      reason: `fal has nothing in the place of cog's ${name}.`,
      next: 'Do without it, or write what the app needs of it, then remove the mark.',
      anchor: { file, text: `${mark('F933')} ${name} ` },
    });
    const indent = source.slice(source.lastIndexOf('\n', statement.startIndex - 1) + 1, statement.startIndex);
    const text = `# ${mark('F933')} ${name} has no counterpart.\n${/^[ \t]*$/.test(indent) ? indent : ''}`;
    edits.push({ start: statement.startIndex, end: statement.startIndex, text });
  }
  const used = usedNames(root, names);
  for (const node of walk(root)) {
    if (!/^import_(from_)?statement$/.test(node.type)) continue;
    const wanted = importedHere(node, whole);
    if (!wanted) continue;
    const top = definitions !== null && node.parent?.type === 'module';
    const lines = replacementLines(wanted.names, used, top ? definitions : null);
    for (const { name, local } of wanted.names) {
      if (!REPLACEMENTS[name]) refuse(node, name);
      const note = NOTES[name];
      if (note && used.has(local)) {
        ledger.note(note[0], 'CHECK', {
          source: { file, line: node.startPosition.row + 1 },
          text: node.text,
          reason: note[1],
          next: note[2],
        });
      }
    }
    if (wanted.rest.length > 0) lines.unshift(`import ${wanted.rest.join(', ')}`);
    const indent = source.slice(source.lastIndexOf('\n', node.startIndex - 1) + 1, node.startIndex);
    if (lines.length === 0 && node.parent?.type === 'block') lines.push('pass');
    const pad = /^[ \t]*$/.test(indent) ? indent : '';
    const text = lines.map((line, at) => (at === 0 || line === '' ? line : `${pad}${line}`)).join('\n');
    const end = text === '' && source[node.endIndex] === '\n' && pad === '' ? node.endIndex + 1 : node.endIndex;
    edits.push({ start: node.startIndex, end, text });
  }
  return { edits, marked };
}

/** Whether a parameter before this one keeps a default, so that Python wants one here too. */
function defaultBefore(node: SyntaxNode, inputs: ReadonlyMap<number, PredictorInput>): boolean {
  for (let at = node.previousNamedSibling; at; at = at.previousNamedSibling) {
    if (at.childForFieldName('value') && !inputs.get(at.id)?.required) return true;
  }
  return false;
}

function baseEdits(node: SyntaxNode, names: ReadonlyMap<string, string>): Edit[] {
  const list = node.childForFieldName('superclasses');
  const all = list?.namedChildren.filter(({ type }) => type !== 'comment') ?? [];
  if (!list || !all.some((base) => isBase(base, names))) return [];
  const left = all.filter((base) => !isBase(base, names)).map(({ text }) => text);
  return [{ start: list.startIndex, end: list.endIndex, text: left.length > 0 ? `(${left.join(', ')})` : '' }];
}

/** What an import takes of Cog, and what it takes beside it. Null for other imports. */
function importedHere(
  node: SyntaxNode,
  whole: ReadonlySet<string>,
): { names: { name: string; local: string }[]; rest: string[] } | null {
  const module = node.childForFieldName('module_name')?.text;
  const items = node.childrenForFieldName('name').flatMap((item) => {
    if (!item) return [];
    const name = (item.childForFieldName('name') ?? item).text;
    return [{ name, local: item.childForFieldName('alias')?.text ?? name, text: item.text }];
  });
  if (module !== undefined) {
    if (!isCogModule(module)) return null;
    if (node.namedChildren.some(({ type }) => type === 'wildcard_import')) {
      return { names: Object.keys(REPLACEMENTS).map((name) => ({ name, local: name })), rest: [] };
    }
    return { names: items, rest: [] };
  }
  if (!items.some(({ name }) => isCogModule(name))) return null;
  return {
    names: [...whole].map((name) => ({ name, local: name })),
    rest: items.filter(({ name }) => !isCogModule(name)).map(({ text }) => text),
  };
}

function replacementLines(
  names: readonly { name: string; local: string }[],
  used: ReadonlySet<string>,
  below: string[] | null,
): string[] {
  const lines: string[] = [];
  const definitions = below ?? [];
  for (const { name, local } of names) {
    const found = REPLACEMENTS[name];
    if (!found || found.kind === 'gone' || !used.has(local)) continue;
    if (found.kind === 'import') {
      lines.push(`from ${found.module} import ${found.name}${found.name === local ? '' : ` as ${local}`}`);
    } else {
      if (definitions.length > 0) definitions.push('', '');
      definitions.push(...found.lines);
      if (local !== name) definitions.push(`${local} = ${name}`);
    }
  }
  lines.sort();
  return below !== null || definitions.length === 0 ? lines : [...lines, '', '', ...definitions, ''];
}

/** Names that stand in the code outside of imports, and what `cog.Name` becomes. */
function usedNames(root: SyntaxNode, names: ReadonlyMap<string, string>): Set<string> {
  const used = new Set<string>();
  for (const node of walk(root)) {
    if (inImport(node)) continue;
    if (node.type === 'identifier') used.add(node.text);
    if (node.type === 'string_content') for (const [word] of node.text.matchAll(/\b\w+\b/g)) used.add(word);
    const name = node.type === 'attribute' ? cogName(node, names) : null;
    if (name !== null) used.add(name);
  }
  return used;
}

const isOwner = (node: SyntaxNode): boolean =>
  node.parent?.type === 'attribute' && node.parent.childForFieldName('object')?.id === node.id;

/** Whether a node stands in something that goes as a whole: a base class, a decorator or an `Input(…)` of Cog's. */
function insideEdited(node: SyntaxNode, names: ReadonlyMap<string, string>): boolean {
  if (isBase(node, names)) return true;
  const name = cogName(node, names);
  if (name === 'Input') return node.parent?.type === 'call';
  return name === 'streaming' || name === 'concurrent';
}

function inImport(node: SyntaxNode): boolean {
  for (let at: SyntaxNode | null = node; at; at = at.parent)
    if (/^import_(from_)?statement$/.test(at.type)) return true;
  return false;
}
