import { type Literal, literal, type SyntaxNode } from '../syntax.ts';

/** Finds what a name of the module is assigned once, in the file or in one that it imports. */
export type Constants = (name: string) => SyntaxNode | null;

/**
 * The constant that an expression is, through names, `list(…)`, `.keys()` and sums of lists; undefined when it depends on
 * what runs. Keys of a dictionary count even when its values are not constant.
 */
export function fold(node: SyntaxNode | null, constants: Constants, depth = 0): Literal | undefined {
  if (!node || depth > 6) return undefined;
  const plain = literal(node);
  if (plain !== undefined) return plain;
  const next = (child: SyntaxNode | null) => fold(child, constants, depth + 1);
  switch (node.type) {
    case 'identifier':
      return next(constants(node.text));
    case 'attribute':
      return next(memberConstant(node, constants));
    case 'parenthesized_expression':
      return next(node.namedChildren[0] ?? null);
    case 'list':
    case 'tuple':
    case 'set': {
      const items = node.namedChildren.filter(({ type }) => type !== 'comment').map(next);
      return items.includes(undefined) ? undefined : (items as Literal[]);
    }
    case 'call': {
      const callee = node.childForFieldName('function');
      const given = node.childForFieldName('arguments')?.namedChildren ?? [];
      if (/^(list|tuple|sorted)$/.test(callee?.text ?? '') && given.length === 1) {
        const value = keysOf(given[0]!, constants) ?? next(given[0]!);
        if (!Array.isArray(value)) return undefined;
        return callee!.text === 'sorted' && value.every((item) => typeof item === 'string') ? value.toSorted() : value;
      }
      const keys = callee?.type === 'attribute' && callee.childForFieldName('attribute')?.text === 'keys';
      return keys ? keysOf(callee.childForFieldName('object')!, constants) : undefined;
    }
    case 'binary_operator': {
      const [left, right] = [next(node.childForFieldName('left')), next(node.childForFieldName('right'))];
      const plus = node.childForFieldName('operator')?.text === '+';
      if (plus && Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
      return plus && typeof left === 'string' && typeof right === 'string' ? left + right : undefined;
    }
    default:
      return undefined;
  }
}

/** `settings.SIZES`: the constant of that name, when the owner is no object of the code. */
function memberConstant(node: SyntaxNode, constants: Constants): SyntaxNode | null {
  const owner = node.childForFieldName('object');
  const plain = owner?.type === 'identifier' && !/^(self|cls)$/.test(owner.text) && constants(owner.text) === null;
  return plain ? constants(node.childForFieldName('attribute')!.text) : null;
}

/** Keys of a dictionary display, itself or by its name. */
function keysOf(node: SyntaxNode, constants: Constants): Literal[] | undefined {
  const found =
    node.type === 'identifier'
      ? constants(node.text)
      : node.type === 'attribute'
        ? memberConstant(node, constants)
        : node;
  if (found?.type !== 'dictionary') return undefined;
  const keys = found.namedChildren
    .filter(({ type }) => type !== 'comment')
    .map((pair) => literal(pair.childForFieldName('key')));
  return keys.includes(undefined) ? undefined : (keys as Literal[]);
}

/** The right side of the only assignment to each name at the top of the files, nearest file first. */
export function moduleConstants(roots: readonly SyntaxNode[]): Constants {
  return (name) => {
    for (const root of roots) {
      const values = root.namedChildren.flatMap((statement) => {
        const node = statement.type === 'expression_statement' ? statement.namedChildren[0] : null;
        return node?.type === 'assignment' && node.childForFieldName('left')?.text === name
          ? [node.childForFieldName('right')]
          : [];
      });
      if (values.length > 0) return values.length === 1 ? (values[0] ?? null) : null;
    }
    return null;
  };
}
