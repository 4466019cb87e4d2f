import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { hasEffect } from '../module-plan.ts';
import { lineEnd, lineStart } from '../move-statements.ts';
import { type SyntaxNode, walk } from '../syntax.ts';

/** Stands where something was taken out: `closeGaps` sets the blank lines there. */
export const GAP = '\0';

/** The comments in a node and on its last line, each on a line of its own: they outlive what they stood in. */
function commentsOf(node: SyntaxNode, text: string): string {
  const indent = text.slice(lineStart(text, node.startIndex), node.startIndex);
  const last = /^[ \t]*(#[^\n]*)/.exec(text.slice(node.endIndex, lineEnd(text, node.endIndex)))?.[1];
  const inside = node.descendantsOfType('comment').flatMap((comment) => (comment ? [comment.text] : []));
  return [...inside, ...(last === undefined ? [] : [last])].map((comment) => `${indent}${comment}\n`).join('');
}

/** Takes a decorator off, with its lines; the comments there stay. */
export function removeDecorator(decorator: SyntaxNode, text: string): Edit {
  const start = lineStart(text, decorator.startIndex);
  const end = lineEnd(text, decorator.endIndex);
  return { start, end, text: commentsOf(decorator, text) };
}

/** Takes a statement out and leaves its comments. One that shares its line becomes `pass`. */
export function removeStatement(node: SyntaxNode, text: string): Edit {
  const start = lineStart(text, node.startIndex);
  const end = lineEnd(text, node.endIndex);
  const alone = text.slice(start, node.startIndex).trim() === '' && (end === text.length || text[end - 1] === '\n');
  if (!alone) return { start: node.startIndex, end: node.endIndex, text: 'pass' };
  return { start, end, text: `${commentsOf(node, text)}${GAP}` };
}

/** A statement as a comment, under a mark. */
export function commentOut(node: SyntaxNode, text: string, mark: string): Edit {
  const start = lineStart(text, node.startIndex);
  const indent = /^[ \t]*/.exec(text.slice(start))![0];
  const lines = text.slice(start + indent.length, node.endIndex).split('\n');
  const shown = lines.map(
    (line, index) => `${indent}#${line === '' ? '' : ` ${index === 0 ? line : line.replace(indent, '')}`}\n`,
  );
  const end = lineEnd(text, node.endIndex);
  const alone = text.slice(start, node.startIndex).trim() === '' && (end === text.length || text[end - 1] === '\n');
  const put = `${indent}# ${mark}\n${shown.join('')}`;
  return alone ? { start, end, text: put } : { start, end: node.endIndex, text: `${put}${indent}pass` };
}

/** Where the body of a definition begins, behind its docstring; null when it stands on the line of its header. */
export function bodyStart(definition: SyntaxNode, text: string): { at: number; indent: string } | null {
  const body = definition.childForFieldName('body');
  const first = body?.namedChildren.find(({ type }) => type !== 'comment');
  if (!body || !first) return null;
  const start = lineStart(text, first.startIndex);
  const indent = text.slice(start, first.startIndex);
  if (indent.trim() !== '' || indent === '') return null;
  if (
    first.type === 'expression_statement' &&
    first.namedChildren[0]?.type === 'string' &&
    first.namedChildCount === 1
  ) {
    const end = lineEnd(text, first.endIndex);
    if (text[end - 1] === '\n' || end === text.length) return { at: end, indent };
  }
  return { at: start, indent };
}

/**
 * Edits of what a definition evaluates where it stands, when it must not wait: annotations that name what exists in the
 * runner only become strings, defaults are filled in when the function is called.
 */
export function definitionEdits(
  definition: SyntaxNode,
  text: string,
  file: string,
  missing: (node: SyntaxNode) => boolean,
  ledger: Ledger,
): Edit[] {
  const edits: Edit[] = [];
  for (const node of walk(definition)) {
    if (node.type !== 'function_definition') continue;
    if (insideOther(node, definition)) continue;
    const annotations = [node.childForFieldName('return_type')];
    const parameters = node.childForFieldName('parameters')?.namedChildren ?? [];
    for (const parameter of parameters) {
      annotations.push(parameter.childForFieldName('type'));
      const value = parameter.childForFieldName('value');
      if (!value || !(missing(value) || hasEffect(value))) continue;
      const name = parameter.childForFieldName('name')?.text ?? '';
      const start = bodyStart(node, text);
      if (!start) continue;
      edits.push({ start: value.startIndex, end: value.endIndex, text: 'None' });
      const inner = start.indent.startsWith('\t') ? '\t' : '    ';
      edits.push({
        start: start.at,
        end: start.at,
        text: `${start.indent}if ${name} is None:\n${start.indent}${inner}${name} = (${value.text})\n`,
      });
      ledger.note('F763', 'OK', {
        source: { file, line: value.startPosition.row + 1 },
        text: parameter.text,
        reason: 'The default needs a package of the runner: it is taken when the function is called.',
      });
    }
    for (const annotation of annotations) {
      if (!annotation || !missing(annotation) || annotation.text.includes('\n')) continue;
      const quoted = annotation.text.includes('"') ? `'${annotation.text}'` : `"${annotation.text}"`;
      const value = annotation.text.includes('"') && annotation.text.includes("'") ? 'object' : quoted;
      edits.push({ start: annotation.startIndex, end: annotation.endIndex, text: value });
    }
  }
  return edits;
}

/** Whether a function stands in another function of the definition, which runs later. */
function insideOther(node: SyntaxNode, definition: SyntaxNode): boolean {
  for (let at = node.parent; at && at.id !== definition.id; at = at.parent)
    if (at.type === 'function_definition') return true;
  return node.id !== definition.id && definition.type === 'function_definition';
}

/** Blank lines where statements were taken out: two before definitions and after them, one elsewhere, none in a block. */
export function closeGaps(text: string): string {
  return text.replaceAll(
    /((?:^|\n)(?:[ \t]*\n)*)\0((?:\0|[ \t]*\n)*)/g,
    (all, before: string, after: string, at: number) => {
      const lines = before.split('\n').length - 1 + (after.split('\n').length - 1);
      const next = text.slice(at + all.length, at + all.length + 40);
      if (at === 0 && before === '') return '';
      if (next === '') return '\n';
      if (/^[ \t]/.test(next)) return lines > 1 && !/^[ \t]*(else|elif|except|finally)\b/.test(next) ? '\n\n' : '\n';
      const previous = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
      if (/^[ \t]/.test(previous) || /^(def |class |async def |@|if __name__)/.test(next)) return '\n\n\n';
      return lines > 1 ? '\n\n' : '\n';
    },
  );
}
