import { pythonLiteral } from '../python-text.ts';
import type { InputField } from '../source-app.ts';
import { type Literal, literal, type SyntaxNode, stringText, walk } from '../syntax.ts';

/** Finds a function or class by the name that a file uses for it, in that file or in a module beside it. */
export type Resolve = (name: string) => SyntaxNode | null;

interface Read {
  key: string;
  line: number;
  /** Read as `x["key"]` on every path. */
  certain: boolean;
  fallback: Literal | undefined;
}

// A handler that hands its input on and on is followed no further.
const MAX_DEPTH = 4;

/** Fields that a handler reads from `job["input"]`, itself or through functions that it gives the input to. */
export function fieldsOfHandler(handler: SyntaxNode, resolve: Resolve): InputField[] {
  const reads: Read[] = [];
  const job = parameterNames(handler).find((name) => name !== 'self' && name !== 'cls');
  if (job !== undefined) follow(handler, new Set([job]), new Set(), resolve, reads, new Set(), 0);
  const fields = new Map<string, InputField>();
  for (const key of new Set(reads.map((read) => read.key))) {
    const own = reads.filter((read) => read.key === key);
    const fallback = own.find((read) => read.fallback !== undefined)?.fallback;
    const required = own.some(({ certain }) => certain) && own.every((read) => read.fallback === undefined);
    const optional = own.some((read) => !read.certain);
    const isRequired = required && !optional;
    fields.set(key, {
      name: key,
      type: fallback === undefined || fallback === null ? 'Any' : typeOfValue(fallback),
      required: isRequired,
      default: isRequired ? null : pythonLiteral(fallback ?? null),
      description: null,
      from: 'code',
      line: own[0]!.line,
    });
  }
  return [...fields.values()];
}

function follow(
  definition: SyntaxNode,
  jobs: Set<string>,
  inputs: Set<string>,
  resolve: Resolve,
  reads: Read[],
  seen: Set<number>,
  depth: number,
): void {
  if (depth > MAX_DEPTH || seen.has(definition.id)) return;
  seen.add(definition.id);
  const body = definition.childForFieldName('body');
  if (!body) return;
  const isInput = (node: SyntaxNode | null): boolean => {
    if (!node) return false;
    if (node.type === 'identifier') return inputs.has(node.text);
    if (node.type === 'parenthesized_expression' || node.type === 'await')
      return isInput(node.namedChildren[0] ?? null);
    if (node.type === 'boolean_operator') return isInput(node.childForFieldName('left'));
    const [owner, key] = access(node);
    return owner !== null && key === 'input' && isJob(owner);
  };
  const isJob = (node: SyntaxNode): boolean => {
    if (node.type === 'parenthesized_expression') return node.namedChildren.some(isJob);
    if (node.type === 'boolean_operator') return isJob(node.childForFieldName('left')!);
    return node.type === 'identifier' && jobs.has(node.text);
  };
  const written = new Set<string>();
  for (const node of walk(body)) {
    if (node.type === 'assignment') {
      const left = node.childForFieldName('left');
      const right = node.childForFieldName('right');
      if (left?.type === 'identifier' && (isInput(right) || copies(right, isInput))) inputs.add(left.text);
      const [owner, key] = left ? access(left) : [null, null];
      if (owner && key !== null && isInput(owner)) written.add(key);
    }
    const [owner, key, fallback] = access(node);
    if (owner && key !== null && isInput(owner) && !isWritten(node)) {
      const certain = node.type === 'subscript' && depth === 0 && !written.has(key) && runsAlways(node, body);
      if (!(node.type === 'subscript' && written.has(key))) {
        reads.push({ key, line: node.startPosition.row + 1, certain, fallback });
      }
    }
    if (node.type === 'comparison_operator' && /^(not )?in$/.test(node.childForFieldName('operators')?.text ?? 'in')) {
      const operands = node.namedChildren;
      const tested = stringText(operands[0] ?? null);
      if (tested !== null && operands.length === 2 && isInput(operands[1]!)) {
        reads.push({ key: tested, line: node.startPosition.row + 1, certain: false, fallback: undefined });
      }
    }
    if (node.type === 'call') followCall(node, isInput, isJob, resolve, reads, seen, depth);
  }
}

/** `(owner, key, default)` of `owner["key"]`, `owner.get("key", …)` and `owner.pop("key", …)`. */
function access(node: SyntaxNode): [SyntaxNode | null, string | null, Literal | undefined] {
  if (node.type === 'subscript') {
    const keys = node.childrenForFieldName('subscript');
    return [node.childForFieldName('value'), keys.length === 1 ? stringText(keys[0]!) : null, undefined];
  }
  const callee = node.type === 'call' ? node.childForFieldName('function') : null;
  const method = callee?.type === 'attribute' ? callee.childForFieldName('attribute')?.text : undefined;
  if (!callee || !/^(get|pop|setdefault)$/.test(method ?? '')) return [null, null, undefined];
  const given = node.childForFieldName('arguments')?.namedChildren.filter(({ type }) => type !== 'comment') ?? [];
  return [callee.childForFieldName('object'), stringText(given[0] ?? null), literal(given[1] ?? null)];
}

/** `dict(x)`, `x.copy()`, `{**x}`. */
function copies(node: SyntaxNode | null, isInput: (node: SyntaxNode | null) => boolean): boolean {
  if (node?.type === 'dictionary') {
    return node.namedChildren.some((child) => child.type === 'dictionary_splat' && isInput(child.namedChildren[0]!));
  }
  if (node?.type !== 'call') return false;
  const callee = node.childForFieldName('function');
  const first = node.childForFieldName('arguments')?.namedChildren[0] ?? null;
  if (/^(dict|deepcopy|copy\.deepcopy|copy\.copy)$/.test(callee?.text ?? '')) return isInput(first);
  return callee?.type === 'attribute' && callee.childForFieldName('attribute')?.text === 'copy'
    ? isInput(callee.childForFieldName('object'))
    : false;
}

function isWritten(node: SyntaxNode): boolean {
  const parent = node.parent;
  if (parent?.type === 'delete_statement') return true;
  return parent?.type === 'assignment' && parent.childForFieldName('left')?.id === node.id;
}

/** Whether the node runs whenever the body does: not below a branch, loop, lambda, function or short circuit. */
function runsAlways(node: SyntaxNode, body: SyntaxNode): boolean {
  for (let at = node.parent; at && at.id !== body.id; at = at.parent) {
    if (
      /^(if_statement|conditional_expression|boolean_operator|for_statement|while_statement|except_clause)$/.test(
        at.type,
      )
    )
      return false;
    if (
      /^(function_definition|lambda|match_statement|.*_comprehension|generator_expression|elif_clause)$/.test(at.type)
    )
      return false;
  }
  // What comes after a return that may happen does not always run.
  for (let at: SyntaxNode | null = node; at && at.id !== body.id; at = at.parent) {
    for (let before = at.previousNamedSibling; before; before = before.previousNamedSibling) {
      if (before.type !== 'function_definition' && before.descendantsOfType('return_statement').length > 0)
        return false;
    }
  }
  return true;
}

function followCall(
  node: SyntaxNode,
  isInput: (node: SyntaxNode | null) => boolean,
  isJob: (node: SyntaxNode) => boolean,
  resolve: Resolve,
  reads: Read[],
  seen: Set<number>,
  depth: number,
): void {
  const callee = node.childForFieldName('function');
  const given = node.childForFieldName('arguments')?.namedChildren.filter(({ type }) => type !== 'comment') ?? [];
  if (callee?.type !== 'identifier') return;
  let definition = resolve(callee.text);
  if (definition?.type === 'class_definition') {
    definition =
      definition
        .descendantsOfType('function_definition')
        .find((method) => method.childForFieldName('name')?.text === '__init__') ?? null;
  }
  if (!definition) return;
  const names = parameterNames(definition);
  if (names[0] === 'self') names.shift();
  const jobs = new Set<string>();
  const inputs = new Set<string>();
  given.forEach((argument, index) => {
    const keyword = argument.type === 'keyword_argument';
    const value = keyword ? argument.childForFieldName('value')! : argument;
    const name = keyword ? argument.childForFieldName('name')!.text : names[index];
    if (name === undefined) return;
    if (isInput(value)) inputs.add(name);
    else if (isJob(value)) jobs.add(name);
  });
  if (jobs.size > 0 || inputs.size > 0) follow(definition, jobs, inputs, resolve, reads, seen, depth + 1);
}

function parameterNames(definition: SyntaxNode): string[] {
  return (definition.childForFieldName('parameters')?.namedChildren ?? [])
    .filter(({ type }) => type !== 'comment')
    .map((node) => {
      if (node.type === 'identifier') return node.text;
      return (node.childForFieldName('name') ?? node.namedChildren[0] ?? node).text;
    });
}

/** The annotation that accepts what a sample or default shows. A whole number may be a fraction in the next call. */
export function typeOfValue(value: Literal): string {
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'Union[int, float]';
  if (value === null) return 'Any';
  return Array.isArray(value) ? 'list' : 'dict';
}
