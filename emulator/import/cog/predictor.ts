import type { ImportedNames } from '../imported-names.ts';
import type { HandlerShape } from '../source-app.ts';
import { definitions, type SyntaxNode } from '../syntax.ts';
import { cogName } from './cog-names.ts';

/** What serves predictions: a class with a method, or a function. */
export interface Predictor {
  kind: 'class' | 'function';
  name: string;
  /** The class or function. */
  node: SyntaxNode;
  /** `predict` or `run` of the class, where it is found in the file; the function itself. */
  method: SyntaxNode;
  methodName: string;
  /** `setup` of the class or of a base in the same file. */
  setup: SyntaxNode | null;
  /** The class and its bases that stand in the file, the class first. */
  lineage: SyntaxNode[];
  shape: Exclude<HandlerShape, 'unknown'>;
}

/** Names of classes that are predictors by their base, in source order. */
export function predictorClasses(root: SyntaxNode, names: ImportedNames): string[] {
  return [...definitions(root)].flatMap(([name, node]) =>
    node.type === 'class_definition' && bases(node).some((base) => isBase(base, names)) ? [name] : [],
  );
}

export const isBase = (node: SyntaxNode, names: ImportedNames): boolean =>
  /^Base(Predictor|Runner)$/.test(cogName(node, names) ?? '');

/** Bases of a class without keywords such as `metaclass=`. */
export function bases(node: SyntaxNode): SyntaxNode[] {
  return (node.childForFieldName('superclasses')?.namedChildren ?? []).filter(
    ({ type }) => type !== 'comment' && type !== 'keyword_argument',
  );
}

/** The class or function of that name; a string says why it cannot serve. */
export function findPredictor(root: SyntaxNode, symbol: string): Predictor | string {
  const all = definitions(root);
  const node = all.get(symbol);
  if (!node) return `there is no class or function ${symbol} in it`;
  if (node.type === 'function_definition') {
    return {
      kind: 'function',
      name: symbol,
      node,
      method: node,
      methodName: symbol,
      setup: null,
      lineage: [],
      shape: shapeOf(node),
    };
  }
  const lineage: SyntaxNode[] = [];
  for (const queue = [node]; queue.length > 0; ) {
    const at = queue.shift()!;
    if (lineage.some(({ id }) => id === at.id)) continue;
    lineage.push(at);
    for (const base of bases(at)) {
      const found = all.get(base.text);
      if (found?.type === 'class_definition') queue.push(found);
    }
  }
  const find = (name: string): SyntaxNode | null => {
    for (const owner of lineage) {
      const found = methods(owner).find((method) => method.childForFieldName('name')?.text === name);
      if (found) return found;
    }
    return null;
  };
  const method = find('predict') ?? find('run');
  if (!method) return `class ${symbol} has no method predict or run in this file`;
  return {
    kind: 'class',
    name: symbol,
    node,
    method,
    methodName: method.childForFieldName('name')!.text,
    setup: find('setup'),
    lineage,
    shape: shapeOf(method),
  };
}

/** Functions that stand right in the body of a class. */
export function methods(node: SyntaxNode): SyntaxNode[] {
  return (node.childForFieldName('body')?.namedChildren ?? []).flatMap((child) => {
    const inner = child.type === 'decorated_definition' ? child.childForFieldName('definition') : child;
    return inner?.type === 'function_definition' ? [inner] : [];
  });
}

export const isAsync = (definition: SyntaxNode): boolean => definition.children.some(({ type }) => type === 'async');

function shapeOf(definition: SyntaxNode): Predictor['shape'] {
  if (yields(definition.childForFieldName('body'))) return isAsync(definition) ? 'async-generator' : 'generator';
  return isAsync(definition) ? 'async' : 'plain';
}

function yields(node: SyntaxNode | null): boolean {
  if (!node) return false;
  if (node.type === 'yield') return true;
  return node.namedChildren.some(
    (child) => !/^(function_definition|class_definition|lambda)$/.test(child.type) && yields(child),
  );
}
