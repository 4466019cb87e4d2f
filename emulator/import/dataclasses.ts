import { boundNames } from './names.ts';
import type { SyntaxNode } from './syntax.ts';

/** Whether a statement defines a dataclass. */
export function isDataclass(statement: SyntaxNode): boolean {
  return statement.namedChildren.some(({ type, text }) => type === 'decorator' && /\bdataclass\b/.test(text));
}

/**
 * The dataclasses of the module from which classes in a statement derive. A class that is pickled loses Python's mark for
 * a missing default, so that deriving from it gives fields with wrong defaults: it has to wait for the runner as well.
 */
export function dataclassBases<S extends { node: SyntaxNode }>(statement: SyntaxNode, all: readonly S[]): S[] {
  const bases = new Set(
    statement
      .descendantsOfType('class_definition')
      .flatMap((node) => (node.childForFieldName('superclasses')?.namedChildren ?? []).map(({ text }) => text)),
  );
  if (bases.size === 0) return [];
  return all.filter(({ node }) => isDataclass(node) && [...boundNames(node)].some((name) => bases.has(name)));
}
