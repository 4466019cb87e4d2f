import { attribute } from './class-model.ts';
import type { SyntaxNode } from './python-parser.ts';
import type { Binding, Scope } from './scope.ts';
import { stringLiteral } from './string-literal.ts';
import { type Dict, ELLIPSIS, equal, isDict, type Maybe, truth, UNKNOWN, type Value } from './value.ts';

// Long: one evaluator, a case for each kind of expression.

// Deeper than anybody writes by hand; keeps a generated file from overflowing the stack.
const MAX_DEPTH = 200;
// A repeated string or list is kept to a size that a setting can have.
const MAX_SIZE = 100_000;

/** SDK constructors whose calls are kept as objects. */
const CONSTRUCTORS =
  /^(HealthCheck|sdk\.HealthCheck|RetryConfig|sdk\.RetryConfig|(container\.)?ContainerImage(\.from_dockerfile(_str)?)?)$/;

/** The constant that an expression plainly is, else unknown. Never throws. */
export function evaluate(node: SyntaxNode | null, scope: Scope, depth = 0): Maybe<Value> {
  if (!node || node.isMissing || node.isError || depth > MAX_DEPTH) return UNKNOWN;
  const inner = (child: SyntaxNode | null): Maybe<Value> => evaluate(child, scope, depth + 1);
  switch (node.type) {
    case 'string':
      return stringLiteral(node, (part) => interpolation(part, inner));
    case 'concatenated_string':
      return concatenation(node, inner);
    case 'integer':
      return integer(node.text);
    case 'float':
      return float(node.text);
    case 'true':
      return true;
    case 'false':
      return false;
    case 'none':
      return null;
    case 'ellipsis':
      return ELLIPSIS;
    case 'parenthesized_expression':
    case 'type':
      return inner(onlyChild(node));
    case 'named_expression':
      return inner(node.childForFieldName('value'));
    case 'list':
    case 'tuple':
    case 'set':
    case 'expression_list':
      return sequence(node, inner);
    case 'dictionary':
      return dictionary(node, inner);
    case 'identifier':
    case 'attribute':
      return bindingValue(resolve(node, scope, depth + 1), node, scope);
    case 'call':
      return construct(node, scope, inner);
    case 'binary_operator':
      return binary(node, inner);
    case 'unary_operator':
      return unary(node, inner);
    case 'not_operator':
      return map(inner(node.childForFieldName('argument')), (value) => !truth(value));
    case 'boolean_operator':
      return boolean(node, inner);
    case 'comparison_operator':
      return comparison(node, inner);
    case 'conditional_expression':
      return conditional(node, inner);
    case 'subscript':
      return subscript(node, inner);
    default:
      return UNKNOWN;
  }
}

/** What a dotted name stands for: something of the SDK, a class of the file, a constant. */
export function resolve(node: SyntaxNode | null, scope: Scope, depth = 0): Binding | undefined {
  if (!node || depth > MAX_DEPTH) return undefined;
  if (node.type === 'identifier') return scope.lookup(node.text);
  if (node.type !== 'attribute') return undefined;
  const owner = resolve(node.childForFieldName('object'), scope, depth + 1);
  const name = node.childForFieldName('attribute')?.text ?? '';
  if (owner?.kind === 'fal') return { kind: 'fal', path: owner.path === '' ? name : `${owner.path}.${name}` };
  if (owner?.kind !== 'class') return undefined;
  const value = attribute(owner.model, name);
  return value === undefined || value === UNKNOWN ? undefined : { kind: 'value', value };
}

/** Positional and keyword arguments of a call or class header. `exact` is false when `*x` or `**x` hides some. */
export function argumentsOf(
  list: SyntaxNode | null,
  scope: Scope,
): { positional: Maybe<Value>[]; keywords: Map<string, Maybe<Value>>; exact: boolean } {
  const result = { positional: [] as Maybe<Value>[], keywords: new Map<string, Maybe<Value>>(), exact: true };
  for (const child of list?.namedChildren ?? []) {
    if (child.type === 'comment') continue;
    if (child.type === 'keyword_argument') {
      result.keywords.set(
        child.childForFieldName('name')?.text ?? '',
        evaluate(child.childForFieldName('value'), scope),
      );
    } else if (child.type === 'dictionary_splat') {
      const value = evaluate(onlyChild(child), scope);
      if (value !== UNKNOWN && isDict(value)) for (const [key, item] of value.entries) result.keywords.set(key, item);
      else result.exact = false;
    } else if (child.type === 'list_splat') {
      const value = evaluate(onlyChild(child), scope);
      if (Array.isArray(value)) result.positional.push(...value);
      else result.exact = false;
    } else {
      result.positional.push(evaluate(child, scope));
    }
  }
  return result;
}

/** The one operand of a node that wraps an expression; comments don't count. */
export function onlyChild(node: SyntaxNode): SyntaxNode | null {
  return node.namedChildren.find((child) => child.type !== 'comment') ?? null;
}

type Inner = (child: SyntaxNode | null) => Maybe<Value>;

function map(value: Maybe<Value>, apply: (value: Value) => Maybe<Value>): Maybe<Value> {
  return value === UNKNOWN ? UNKNOWN : apply(value);
}

function bindingValue(binding: Binding | undefined, node: SyntaxNode, scope: Scope): Maybe<Value> {
  if (binding?.kind === 'value') return binding.value;
  // `fal run` and `fal deploy` load the file through runpy.run_path, whose default module name this is.
  if (!binding && node.text === '__name__' && scope.lookup('__name__') === undefined) return '<run_path>';
  return UNKNOWN;
}

function interpolation(part: SyntaxNode, inner: Inner): Maybe<string> {
  if (part.namedChildren.some((child) => child.type === 'format_specifier' || child.type === 'type_conversion')) {
    return UNKNOWN;
  }
  // `{x=}` prints the name too.
  if (part.children.some((child) => child.type === '=')) return UNKNOWN;
  const value = inner(part.childForFieldName('expression'));
  return typeof value === 'string' ? value : Number.isInteger(value) ? String(value) : UNKNOWN;
}

function concatenation(node: SyntaxNode, inner: Inner): Maybe<Value> {
  let text = '';
  for (const part of node.namedChildren) {
    if (part.type === 'comment') continue;
    const value = inner(part);
    if (typeof value !== 'string') return UNKNOWN;
    text += value;
  }
  return text;
}

function integer(text: string): Maybe<Value> {
  const digits = text.replaceAll('_', '');
  if (/[jJ]$/.test(digits)) return UNKNOWN;
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : UNKNOWN;
}

function float(text: string): Maybe<Value> {
  const value = Number(text.replaceAll('_', ''));
  return Number.isFinite(value) ? value : UNKNOWN;
}

function sequence(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const items: Value[] = [];
  for (const child of node.namedChildren) {
    if (child.type === 'comment') continue;
    const splat = child.type === 'list_splat';
    const value = inner(splat ? onlyChild(child) : child);
    if (value === UNKNOWN || (splat && !Array.isArray(value))) return UNKNOWN;
    if (Array.isArray(value) && splat) items.push(...value);
    else items.push(value);
  }
  return items;
}

function dictionary(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const dict: Dict = { kind: 'dict', entries: new Map() };
  for (const child of node.namedChildren) {
    if (child.type === 'comment') continue;
    if (child.type === 'dictionary_splat') {
      const value = inner(onlyChild(child));
      if (value === UNKNOWN || !isDict(value)) return UNKNOWN;
      for (const [key, item] of value.entries) dict.entries.set(key, item);
      continue;
    }
    const key = inner(child.childForFieldName('key'));
    const value = inner(child.childForFieldName('value'));
    if (typeof key !== 'string' || value === UNKNOWN) return UNKNOWN;
    dict.entries.set(key, value);
  }
  return dict;
}

function construct(node: SyntaxNode, scope: Scope, inner: Inner): Maybe<Value> {
  const callee = resolve(node.childForFieldName('function'), scope);
  const list = node.childForFieldName('arguments');
  if (callee?.kind !== 'fal' || !CONSTRUCTORS.test(callee.path)) {
    // `list(BASE)` and `tuple(BASE)` copy; nothing else is worth calling.
    const name = node.childForFieldName('function')?.text;
    if ((name === 'list' || name === 'tuple') && !callee && list?.namedChildCount === 1) {
      const value = inner(onlyChild(list));
      return Array.isArray(value) ? [...value] : UNKNOWN;
    }
    return UNKNOWN;
  }
  const { positional, keywords, exact } = argumentsOf(list, scope);
  if (!exact || positional.includes(UNKNOWN) || [...keywords.values()].includes(UNKNOWN)) return UNKNOWN;
  return {
    kind: 'fal-object',
    name: callee.path.replace(/^(sdk|container)\./, ''),
    positional: positional as Value[],
    keywords: keywords as Map<string, Value>,
  };
}

function binary(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const left = inner(node.childForFieldName('left'));
  const right = inner(node.childForFieldName('right'));
  const operator = node.childForFieldName('operator')?.text;
  return left === UNKNOWN || right === UNKNOWN ? UNKNOWN : combine(left, operator, right);
}

/** `left <operator> right` on constants; also for `+=`. */
export function combine(left: Value, operator: string | undefined, right: Value): Maybe<Value> {
  if (typeof left === 'number' && typeof right === 'number') return arithmetic(left, operator, right);
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') return left + right;
  if (operator === '+' && Array.isArray(left) && Array.isArray(right)) {
    return left.length + right.length > MAX_SIZE ? UNKNOWN : [...left, ...right];
  }
  if (operator === '|' && isDict(left) && isDict(right)) {
    return { kind: 'dict', entries: new Map([...left.entries, ...right.entries]) };
  }
  return UNKNOWN;
}

function arithmetic(a: number, operator: string | undefined, b: number): Maybe<Value> {
  const result = ((): number => {
    switch (operator) {
      case '+':
        return a + b;
      case '-':
        return a - b;
      case '*':
        return a * b;
      case '/':
        return a / b;
      case '//':
        return Math.floor(a / b);
      case '%':
        return a - b * Math.floor(a / b);
      case '**':
        return a ** b;
      default:
        return Number.NaN;
    }
  })();
  return Number.isFinite(result) ? result : UNKNOWN;
}

function unary(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const value = inner(node.childForFieldName('argument'));
  const operator = node.childForFieldName('operator')?.text;
  if (typeof value !== 'number') return UNKNOWN;
  return operator === '-' ? -value : operator === '+' ? value : UNKNOWN;
}

function boolean(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const left = inner(node.childForFieldName('left'));
  if (left === UNKNOWN) return UNKNOWN;
  const and = node.childForFieldName('operator')?.text === 'and';
  return truth(left) === and ? inner(node.childForFieldName('right')) : left;
}

function comparison(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const operands = node.namedChildren.filter((child) => child.type !== 'comment');
  const operator = node.childForFieldName('operators')?.text;
  if (operands.length !== 2) return UNKNOWN;
  const left = inner(operands[0]!);
  const right = inner(operands[1]!);
  if (left === UNKNOWN || right === UNKNOWN) return UNKNOWN;
  if (operator === '==' || operator === 'is') return equal(left, right);
  if (operator === '!=' || operator === 'is not') return !equal(left, right);
  if (typeof left !== 'number' || typeof right !== 'number') return UNKNOWN;
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  if (operator === '>') return left > right;
  return operator === '>=' ? left >= right : UNKNOWN;
}

function conditional(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const [then, condition, otherwise] = node.namedChildren.filter((child) => child.type !== 'comment');
  return map(inner(condition ?? null), (value) => inner((truth(value) ? then : otherwise) ?? null));
}

function subscript(node: SyntaxNode, inner: Inner): Maybe<Value> {
  const value = inner(node.childForFieldName('value'));
  const index = inner(node.childForFieldName('subscript'));
  if (Array.isArray(value) && Number.isInteger(index)) return value.at(index as number) ?? UNKNOWN;
  if (value !== UNKNOWN && isDict(value) && typeof index === 'string') return value.entries.get(index) ?? UNKNOWN;
  return UNKNOWN;
}
