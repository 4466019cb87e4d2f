import { boundNames } from '../names.ts';
import type { SyntaxNode } from '../syntax.ts';

const known = new WeakMap<SyntaxNode, ReadonlySet<string>>();

/** Whether an identifier means the module's name: no function or class around it has one of its own. */
export function meansModule(node: SyntaxNode): boolean {
  const name = node.text;
  let direct = true;
  for (let at = node.parent, below: SyntaxNode = node; at; below = at, at = at.parent) {
    switch (at.type) {
      case 'function_definition':
      case 'lambda':
        // Decorators, defaults and annotations are read outside of the function.
        if (below.id === at.childForFieldName('body')?.id && ownNames(at).has(name)) return false;
        direct = false;
        break;
      case 'class_definition':
        if (direct && below.id === at.childForFieldName('body')?.id && ownNames(at).has(name)) return false;
        break;
      case 'list_comprehension':
      case 'set_comprehension':
      case 'dictionary_comprehension':
      case 'generator_expression':
        for (const clause of at.namedChildren) {
          if (clause.type !== 'for_in_clause') continue;
          const left = clause.childForFieldName('left');
          if (left && namesIn(left).has(name)) return false;
        }
        break;
    }
  }
  return true;
}

function ownNames(definition: SyntaxNode): ReadonlySet<string> {
  const cached = known.get(definition);
  if (cached) return cached;
  const names = new Set<string>();
  for (const child of definition.childForFieldName('parameters')?.namedChildren ?? []) {
    for (const name of parameterNames(child)) names.add(name);
  }
  const body = definition.childForFieldName('body');
  if (body && definition.type !== 'lambda') {
    for (const name of boundNames(body)) names.add(name);
    for (const name of globalsOf(body)) names.delete(name);
  }
  known.set(definition, names);
  return names;
}

function globalsOf(body: SyntaxNode): string[] {
  return body
    .descendantsOfType(['global_statement'])
    .flatMap((node) => node?.namedChildren.map((child) => child.text) ?? []);
}

/** Names that a parameter binds. */
export function parameterNames(parameter: SyntaxNode): string[] {
  if (parameter.type === 'identifier') return [parameter.text];
  const named = parameter.childForFieldName('name');
  if (named) return [named.text];
  const first = parameter.namedChildren[0];
  return first ? parameterNames(first) : [];
}

function namesIn(target: SyntaxNode): Set<string> {
  const found = new Set<string>();
  if (target.type === 'identifier') found.add(target.text);
  for (const child of target.descendantsOfType('identifier')) if (child) found.add(child.text);
  return found;
}
