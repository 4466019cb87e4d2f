import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import type { CallTarget } from '../platform.ts';
import type { SyntaxNode } from '../syntax.ts';
import type { ClientHelper } from './client-helpers.ts';

/** What callers are rewritten to call. */
export interface CalledApp {
  /** The app's name at fal, without its owner. */
  name: string;
  /** Module name of the app's file, as other files import it. */
  module: string;
  targets: readonly CallTarget[];
}

export interface ClientContext {
  root: SyntaxNode;
  text: string;
  file: string;
  app: CalledApp;
  ledger: Ledger;
}

/** What the rewriting of one kind of calls asks for. */
export interface ClientEdits {
  edits: Edit[];
  helpers: Set<ClientHelper>;
  /** Lines after the helpers. */
  lines: string[];
}

/** A call's line of the report, with a mark in the code when it is left to a person. */
export function markAbove(
  { text, file, ledger }: ClientContext,
  statement: SyntaxNode,
  code: string,
  reason: string,
  next: string,
): Edit {
  const start = text.lastIndexOf('\n', statement.startIndex - 1) + 1;
  const pad = /^[ \t]*/.exec(text.slice(start))![0];
  const line = `TODO(fal-import): ${code} ${statement.text.split('\n')[0]!.slice(0, 60)}`;
  const source = { file, line: statement.startPosition.row + 1 };
  ledger.note(code, 'TODO', { source, text: statement.text, reason, next, anchor: { file, text: line } });
  return { start, end: start, text: `${pad}# ${line}\n` };
}

/** A whole literal text, or one of which only names in braces are open: what is open is a node in `holes`, `\0` in `text`. */
export interface Shape {
  text: string;
  holes: SyntaxNode[];
}

const MOST_STEPS = 20;

/** The shape of a string expression; names that are assigned once in the file are looked through. */
export function shapeOf(node: SyntaxNode | null, assigned: ReadonlyMap<string, SyntaxNode>, steps = 0): Shape | null {
  if (!node || steps > MOST_STEPS) return null;
  const again = (one: SyntaxNode | null): Shape | null => shapeOf(one, assigned, steps + 1);
  if (node.type === 'parenthesized_expression') return again(node.namedChildren[0] ?? null);
  if (node.type === 'identifier') {
    const found = again(assigned.get(node.text) ?? null);
    // What is no text at all stays the name that it has: it may be worth something else by now.
    return found && found.text !== '\0' ? found : { text: '\0', holes: [node] };
  }
  if (node.type === 'concatenated_string') return joined(node.namedChildren.map(again));
  if (node.type === 'binary_operator' && node.childForFieldName('operator')?.text === '+')
    return joined([again(node.childForFieldName('left')), again(node.childForFieldName('right'))]);
  if (node.type !== 'string') return { text: '\0', holes: [node] };
  return joined(
    node.namedChildren.flatMap((part): (Shape | null)[] => {
      if (part.type === 'string_content') return [{ text: part.text, holes: [] }];
      return part.type === 'interpolation' ? [again(part.namedChildren[0] ?? null)] : [];
    }),
  );
}

function joined(parts: readonly (Shape | null)[]): Shape | null {
  const shapes = parts.filter((part) => part !== null);
  if (shapes.length < parts.length) return null;
  return { text: shapes.map(({ text }) => text).join(''), holes: shapes.flatMap(({ holes }) => holes) };
}
