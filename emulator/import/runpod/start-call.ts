import { boundNames } from '../names.ts';
import { type Literal, literal, type SyntaxNode, stringText, walk } from '../syntax.ts';
import { type LibraryNames, libraryPath } from './library-uses.ts';

export interface StartOption {
  name: string;
  value: SyntaxNode;
  node: SyntaxNode;
}

/** A call of `runpod.serverless.start`. */
export interface StartCall {
  call: SyntaxNode;
  /** The options as they stand in the dictionary; null when it cannot be read. */
  options: StartOption[] | null;
  /** The handler is a name of the function around the call, not of the module. */
  localHandler: boolean;
}

/** All calls of `start`, in source order. */
export function startCalls(root: SyntaxNode, names: LibraryNames): StartCall[] {
  const calls: StartCall[] = [];
  for (const call of walk(root)) {
    if (call.type !== 'call') continue;
    if (libraryPath(call.childForFieldName('function'), names) !== 'runpod.serverless.start') continue;
    const config = call.childForFieldName('arguments')?.namedChildren.find(({ type }) => type !== 'comment') ?? null;
    const dictionary = dictionaryOf(config, root);
    const options = dictionary ? optionsOf(dictionary) : null;
    const handler = options?.find(({ name }) => name === 'handler')?.value ?? null;
    calls.push({ call, options, localHandler: handler !== null && isLocal(handler) });
  }
  return calls;
}

function dictionaryOf(node: SyntaxNode | null, root: SyntaxNode): SyntaxNode | null {
  if (node?.type === 'dictionary') return node;
  if (node?.type === 'keyword_argument') return dictionaryOf(node.childForFieldName('value'), root);
  if (node?.type === 'call' && node.childForFieldName('function')?.text === 'dict') return node;
  if (node?.type !== 'identifier') return null;
  const assigned = [...walk(root)].filter(
    (child) => child.type === 'assignment' && child.childForFieldName('left')?.text === node.text,
  );
  const value = assigned.length === 1 ? assigned[0]!.childForFieldName('right') : null;
  return value?.type === 'dictionary' || value?.type === 'call' ? dictionaryOf(value, root) : null;
}

function optionsOf(dictionary: SyntaxNode): StartOption[] | null {
  const options: StartOption[] = [];
  const parts = dictionary.type === 'call' ? dictionary.childForFieldName('arguments') : dictionary;
  for (const node of parts?.namedChildren ?? []) {
    if (node.type === 'comment') continue;
    const key = node.childForFieldName('key');
    const name = node.type === 'keyword_argument' ? node.childForFieldName('name')?.text : stringText(key);
    const value = node.childForFieldName('value');
    if (name === undefined || name === null || !value) return null;
    options.push({ name, value, node });
  }
  return options;
}

/** Whether a name in the expression is bound by a function around it. */
function isLocal(expression: SyntaxNode): boolean {
  const names = new Set([...walk(expression)].filter(({ type }) => type === 'identifier').map(({ text }) => text));
  for (let at = expression.parent; at; at = at.parent) {
    if (at.type !== 'function_definition') continue;
    const body = at.childForFieldName('body');
    const own = body ? boundNames(body) : new Set<string>();
    const shared = new Set(
      (body?.descendantsOfType('global_statement') ?? []).flatMap((node) => node.namedChildren.map(({ text }) => text)),
    );
    for (const parameter of at.childForFieldName('parameters')?.namedChildren ?? []) {
      own.add((parameter.childForFieldName('name') ?? parameter.namedChildren[0] ?? parameter).text);
    }
    if ([...own].some((name) => names.has(name) && !shared.has(name))) return true;
  }
  return false;
}

/** The number that a `concurrency_modifier` always gives; null when it depends on anything. */
export function constantConcurrency(value: SyntaxNode, functions: ReadonlyMap<string, SyntaxNode>): number | null {
  if (value.type === 'lambda') return count(literal(value.childForFieldName('body')));
  const body = functions.get(value.text)?.childForFieldName('body');
  const statements = body?.namedChildren.filter(
    (node) => node.type !== 'comment' && node.namedChildren[0]?.type !== 'string',
  );
  if (statements?.length !== 1 || statements[0]!.type !== 'return_statement') return null;
  return count(literal(statements[0]!.namedChildren[0] ?? null));
}

function count(value: Literal | undefined): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;
}
