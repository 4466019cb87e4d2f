import { pythonLiteral } from '../python-text.ts';
import { literal, type SyntaxNode, walk } from '../syntax.ts';
import { argument, argumentsOf } from './library.ts';

const CALLS = /^(remote|remote_gen|local|spawn|call)$/;

/**
 * What the file itself calls a function or method with, as Python by parameter: the first plain value of each. An example says
 * what an argument without a type takes, and forbids nothing.
 */
export function callExamples(unit: string, parameters: readonly string[], root: SyntaxNode): Map<string, string> {
  const found = new Map<string, string>();
  for (const node of walk(root)) {
    if (node.type !== 'call' || !callsUnit(node.childForFieldName('function'), unit)) continue;
    const given = argumentsOf(node);
    if (given.splats.length > 0) continue;
    for (const [position, name] of parameters.entries()) {
      const value = literal(argument(given, name, position));
      if (value !== undefined && value !== null && !found.has(name)) found.set(name, pythonLiteral(value));
    }
  }
  return found;
}

/** `unit.remote`, `Class().unit.remote`, and the like. */
function callsUnit(callee: SyntaxNode | null, unit: string): boolean {
  if (callee?.type !== 'attribute' || !CALLS.test(callee.childForFieldName('attribute')?.text ?? '')) return false;
  const object = callee.childForFieldName('object');
  return (object?.type === 'attribute' ? object.childForFieldName('attribute') : object)?.text === unit;
}
