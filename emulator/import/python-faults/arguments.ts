import type { SyntaxNode } from '../syntax.ts';
import type { Rule } from './syntax-fault.ts';

/** Arguments in an order that Python does not take, or given twice. */
export const argumentFault: Rule = (node, children) => {
  if (node.type === 'dictionary' && children[1]?.type === ',') return 'a comma stands alone';
  if (node.type !== 'argument_list') return null;
  if (children[1]?.type === ',') return 'a comma stands alone';
  const names = new Set<string>();
  let keyword = false;
  let unpacked = false;
  for (const argument of node.namedChildren) {
    switch (argument.type) {
      case 'comment':
      case 'line_continuation':
        break;
      case 'keyword_argument': {
        const name = argument.childForFieldName('name')?.text ?? '';
        if (names.has(name)) return `the argument ${name} is given twice`;
        if (name === '__debug__') return '__debug__ cannot be assigned to';
        names.add(name);
        keyword = true;
        break;
      }
      case 'dictionary_splat':
        unpacked = true;
        break;
      case 'list_splat':
        if (unpacked) return '«*» follows «**»';
        break;
      default:
        if (keyword || unpacked) return 'an argument without a name follows one with a name';
    }
  }
  return null;
};

/** Parameters in an order that Python does not take, or named twice. */
export const parameterFault: Rule = (node) => {
  if (node.type !== 'parameters' && node.type !== 'lambda_parameters') return null;
  const parameters = node.namedChildren.filter(({ type }) => type !== 'comment' && type !== 'line_continuation');
  const names = new Set<string>();
  let place: 'plain' | 'star' | 'end' = 'plain';
  let slash = false;
  let defaults = false;
  for (const [index, parameter] of parameters.entries()) {
    const inner = parameter.type === 'typed_parameter' ? parameter.namedChildren[0]! : parameter;
    if (place === 'end') return 'something follows the parameter with «**»';
    if (node.type === 'lambda_parameters' && /^typed_/.test(parameter.type)) return 'a lambda takes no types';
    switch (inner.type) {
      case 'positional_separator':
        if (slash || index === 0 || place !== 'plain') return '«/» stands in the wrong place';
        slash = true;
        continue;
      case 'keyword_separator': {
        const next = parameters[index + 1];
        const named = /^(identifier|typed_parameter|default_parameter|typed_default_parameter)$/;
        if (place !== 'plain' || !next || !named.test(next.type) || /^\*/.test(next.text))
          return '«*» stands in the wrong place';
        place = 'star';
        continue;
      }
      case 'list_splat_pattern':
        if (place !== 'plain') return 'two parameters have a star';
        place = 'star';
        break;
      case 'dictionary_splat_pattern':
        place = 'end';
        break;
      case 'default_parameter':
      case 'typed_default_parameter':
        defaults = true;
        break;
      default:
        if (defaults && place === 'plain') return 'a parameter without a default follows one with a default';
    }
    const name = nameOf(inner);
    if (name?.type !== 'identifier') return 'a parameter is not a name';
    if (name.text === '__debug__') return '__debug__ cannot be assigned to';
    if (names.has(name.text)) return `the parameter ${name.text} stands twice`;
    names.add(name.text);
  }
  return null;
};

/** The node that names a parameter; null where it is one of Python 2's lists of names. */
function nameOf(parameter: SyntaxNode): SyntaxNode | null {
  if (parameter.type === 'identifier') return parameter;
  if (/_splat_pattern$/.test(parameter.type)) return parameter.namedChildren[0] ?? null;
  return parameter.childForFieldName('name');
}
