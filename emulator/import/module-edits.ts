import type { Edit } from './edits.ts';
import type { Ledger } from './ledger.ts';
import type { PlannedStatement } from './module-plan.ts';
import { lineEnd, withComments } from './move-statements.ts';
import { type SyntaxNode, walk } from './syntax.ts';

/** Puts import lines after the imports that stay at the top of the file, so that they are one block. */
export function insertImports(plan: readonly PlannedStatement[], text: string, lines: readonly string[]): Edit {
  const first = plan.findIndex(({ node, fate }, index) => fate !== 'future' && !(index === 0 && isDocstring(node)));
  const leading = plan.slice(first).findIndex(({ node, fate }) => fate === 'kept' && !/^import/.test(node.type));
  const top = plan.slice(first, leading < 0 ? plan.length : first + leading);
  // After the imports that the file keeps at its top, so that they stay one block.
  const last = first < 0 ? undefined : top.findLast(({ fate }) => fate === 'kept')?.node;
  if (last) {
    const at = lineEnd(text, last.endIndex);
    return { start: at, end: at, text: `${text[at - 1] === '\n' ? '' : '\n'}${lines.join('\n')}\n` };
  }
  const node = plan[first]?.node;
  const at = node ? withComments(node, text) : text.length;
  return { start: at, end: at, text: `${lines.join('\n')}\n\n` };
}

/** Whether a statement is nothing but a string. */
export function isDocstring(node: SyntaxNode): boolean {
  return node.type === 'expression_statement' && node.namedChildren[0]?.type === 'string';
}

/** Takes `annotations` out of `from __future__` imports: fal cannot read input models whose annotations are strings. */
export function futureEdits(plan: readonly PlannedStatement[], text: string, file: string, ledger: Ledger): Edit[] {
  return plan.flatMap(({ node, fate }) => {
    if (fate !== 'future' || !/\bannotations\b/.test(node.text)) return [];
    ledger.note('F103', 'CHECK', {
      source: { file, line: node.startPosition.row + 1 },
      text: node.text,
      reason: 'With it, the input model cannot be read again after the app was pickled.',
      next: 'Nothing, unless an annotation names something that is defined further down.',
    });
    const left = node.namedChildren
      .map((child) => child.text)
      .filter((name) => name !== 'annotations' && name !== '__future__');
    if (left.length > 0)
      return [{ start: node.startIndex, end: node.endIndex, text: `from __future__ import ${left.join(', ')}` }];
    const end = text.indexOf('\n', node.endIndex);
    return [{ start: node.startIndex, end: end < 0 ? text.length : end + 1, text: '' }];
  });
}

/** `global` statements for names, indented by `pad`, over as many lines as they need. */
export function globalLines(names: readonly string[], pad = '        '): string[] {
  const lines: string[] = [];
  let line = '';
  for (const name of names) {
    if (line !== '' && line.length + name.length > 96) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? `${pad}global ${name}` : `${line}, ${name}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** Every name that stands anywhere in a file. */
export function identifiers(root: SyntaxNode): Set<string> {
  return new Set([...walk(root)].filter(({ type }) => type === 'identifier').map(({ text }) => text));
}

/** A class name that the file does not use, and whose input model's name is free too. */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  while (taken.has(name) || taken.has(`${name}Input`)) name += 'App';
  return name;
}

/** The first part of every module that a file imports. */
export function topModules(root: SyntaxNode): Set<string> {
  const found = new Set<string>();
  for (const node of walk(root)) {
    if (node.type === 'import_statement') {
      for (const item of node.childrenForFieldName('name')) {
        if (item) found.add((item.childForFieldName('name') ?? item).text.split('.')[0]!);
      }
    } else if (node.type === 'import_from_statement') {
      found.add((node.childForFieldName('module_name')?.text ?? '').split('.')[0]!);
    }
  }
  return found;
}

/** The pieces of text in the strings of a file. */
export function stringsOf(root: SyntaxNode): Set<string> {
  return new Set([...walk(root)].filter(({ type }) => type === 'string_content').map(({ text }) => text));
}

/** Line of the first use of a name; 1 when there is none. */
export function lineOf(root: SyntaxNode, name: string): number {
  for (const node of walk(root))
    if (node.type === 'identifier' && node.text === name) return node.startPosition.row + 1;
  return 1;
}

/** Each statement of the module, once, with what became of it. */
export function itemsOf(plan: readonly PlannedStatement[], file: string, edits: readonly Edit[], ledger: Ledger): void {
  const noted = ledger.linesOf(file);
  for (const { node, fate } of plan) {
    const line = node.startPosition.row + 1;
    const last = node.endPosition.row + 1;
    const reported = noted.some((at) => at >= line && at <= last);
    const touched = fate !== 'kept' || edits.some((edit) => edit.start >= node.startIndex && edit.end <= node.endIndex);
    ledger.item('statement', { file, line }, node.text, reported ? 'reported' : touched ? 'mapped' : 'kept');
  }
}
