import type { SyntaxNode } from '../syntax.ts';
import { argumentFault, parameterFault } from './arguments.ts';
import { expressionFault } from './expressions.ts';
import { Layout } from './layout.ts';
import { literalFault } from './literals.ts';
import { patternFault } from './match-patterns.ts';
import { scopeFault } from './scopes.ts';
import { statementFault } from './statements.ts';
import { targetFault } from './targets.ts';

/** Why Python would not compile a source: the line, from 1, and a phrase for «it has a syntax error: …». */
export interface SyntaxFault {
  line: number;
  what: string;
}

/** Where the grammar itself gives up: nearly always an error of the source; a comment left of its block is none. */
export const NOT_UNDERSTOOD = 'it cannot be read as Python from here';

/** What is wrong with a node, as a phrase; null for nothing. `children` are all of the node's, punctuation too. */
export type Rule = (node: SyntaxNode, children: readonly SyntaxNode[], source: string) => string | null;

const RULES: readonly Rule[] = [
  statementFault,
  expressionFault,
  targetFault,
  argumentFault,
  parameterFault,
  literalFault,
  patternFault,
  scopeFault,
];

/**
 * The first thing in a source that Python would not compile. The grammar takes more than Python does (both Pythons, blocks
 * whose lines do not line up, things out of their place), so each rule that it leaves to the compiler stands here.
 */
export function syntaxFault(root: SyntaxNode, source: string): SyntaxFault | null {
  const layout = new Layout(source);
  // What the grammar did not understand has any shape.
  const sound = !root.hasError;
  let first: SyntaxFault | null = layout.lineEnds();
  const add = (row: number, what: string): void => {
    if (!first || row + 1 < first.line) first = { line: row + 1, what };
  };
  const visit = (node: SyntaxNode): void => {
    const children = node.children;
    layout.take(node, children.length === 0);
    if (node.isMissing) add(node.startPosition.row, `«${node.type}» is missing`);
    else if (node.isError) add(node.startPosition.row, NOT_UNDERSTOOD);
    else if (sound && node.isNamed) {
      for (const rule of RULES) {
        const what = rule(node, children, source);
        if (what === null) continue;
        add(node.startPosition.row, what);
        break;
      }
    }
    for (const child of children) visit(child);
  };
  visit(root);
  const laid = layout.end();
  if (laid && (!first || laid.line < first.line)) first = laid;
  return first ?? (sound ? null : { line: 1, what: NOT_UNDERSTOOD });
}
