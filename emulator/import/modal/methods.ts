import { type SyntaxNode, walk } from '../syntax.ts';
import { fold } from './fold.ts';
import { argument, argumentsOf, modalPath } from './library.ts';
import { type Decorator, type Definition, definitionOf, type ModalModule, type Unit } from './read-module.ts';

export type Role = 'enter' | 'exit' | 'method' | 'web' | 'asgi' | 'wsgi' | 'server' | 'plain';

export interface Method extends Definition {
  role: Role;
  /** Of a base class. */
  inherited: boolean;
  asynchronous: boolean;
  generator: boolean;
  /** Takes lists of inputs. */
  batched: boolean;
  /** `enter(snap=True)`: before a snapshot. */
  snap: boolean;
  /** The decorator that gives the role. */
  marker: Decorator | null;
}

/** A field of a class that Modal fills in: `x: str = modal.parameter(…)`, or an argument of its `__init__`. */
export interface Parameter {
  name: string;
  annotation: string | null;
  node: SyntaxNode;
  /** The statement in the class; null for one of `__init__`. */
  statement: SyntaxNode | null;
  default: SyntaxNode | null;
}

const ROLES: Record<string, Role> = {
  enter: 'enter',
  build: 'enter',
  exit: 'exit',
  method: 'method',
  batched: 'method',
  fastapi_endpoint: 'web',
  asgi_app: 'asgi',
  wsgi_app: 'wsgi',
  web_server: 'server',
};

/** What a decorator of modal makes of a function; null for the others. */
export function roleOf(decorators: readonly Decorator[]): { role: Role; marker: Decorator } | null {
  const order: Role[] = ['asgi', 'wsgi', 'server', 'web', 'enter', 'exit', 'method'];
  const found = decorators.flatMap((decorator) => {
    const role = decorator.path === null ? undefined : ROLES[decorator.path];
    return role ? [{ role, marker: decorator }] : [];
  });
  return found.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role))[0] ?? null;
}

/** The methods of a class, its own first, then those of bases in the file that it does not have itself. */
export function methodsOf(unit: Definition, module: ModalModule): Method[] {
  const found = new Map<string, Method>();
  const visit = (definition: Definition, inherited: boolean, seen: Set<number>): void => {
    if (seen.has(definition.node.id)) return;
    seen.add(definition.node.id);
    for (const child of definition.node.childForFieldName('body')?.namedChildren ?? []) {
      const node = child.type === 'decorated_definition' ? child.childForFieldName('definition') : child;
      if (node?.type !== 'function_definition') continue;
      const method = methodOf(definitionOf(child, module.names, module.reader), inherited, module);
      if (!found.has(method.name)) found.set(method.name, method);
    }
    for (const base of definition.node.childForFieldName('superclasses')?.namedChildren ?? []) {
      const other = module.classes.get(base.text);
      if (other) visit(other, true, seen);
    }
  };
  visit(unit, false, new Set());
  return [...found.values()];
}

function methodOf(definition: Definition, inherited: boolean, module: ModalModule): Method {
  const { name, node, decorators } = definition;
  const named = roleOf(decorators);
  // The life cycle of before 0.57.
  const old: Role =
    name === '__enter__' || name === '__aenter__' ? 'enter' : /^__a?exit__$/.test(name) ? 'exit' : 'plain';
  const snap = named ? fold(argument(named.marker.given, 'snap', null), module.reader.lookup) === true : false;
  return {
    ...definition,
    role: named?.role ?? old,
    inherited,
    snap,
    marker: named?.marker ?? null,
    batched: decorators.some(({ path }) => path === 'batched'),
    ...shapeOf(node),
  };
}

/** Whether a function is a coroutine, and whether it yields. */
export function shapeOf(node: SyntaxNode): { asynchronous: boolean; generator: boolean } {
  const asynchronous = node.children.some((child) => child?.type === 'async');
  const body = node.childForFieldName('body');
  let generator = false;
  for (const child of body ? walk(body) : []) {
    if (child.type !== 'yield') continue;
    let own = true;
    for (let at = child.parent; at && at.id !== node.id; at = at.parent)
      if (/^(function_definition|lambda)$/.test(at.type)) own = false;
    if (own) generator = true;
  }
  return { asynchronous, generator };
}

/** The parameters of a class, from `modal.parameter` and from an `__init__` of its own. */
export function parametersOf(unit: Unit, module: ModalModule): { parameters: Parameter[]; init: SyntaxNode | null } {
  const parameters: Parameter[] = [];
  let init: SyntaxNode | null = null;
  for (const child of unit.node.childForFieldName('body')?.namedChildren ?? []) {
    const assignment = child.type === 'expression_statement' ? child.namedChildren[0] : null;
    const value = assignment?.type === 'assignment' ? unparenthesized(assignment.childForFieldName('right')) : null;
    const path = value?.type === 'call' ? definitionPath(value, module) : null;
    if (assignment && path === 'parameter') {
      const given = argumentsOf(value);
      parameters.push({
        name: assignment.childForFieldName('left')?.text ?? '',
        annotation: assignment.childForFieldName('type')?.text ?? null,
        node: assignment,
        statement: child,
        default: argument(given, 'default', 0),
      });
    }
    const node = child.type === 'decorated_definition' ? child.childForFieldName('definition') : child;
    if (node?.type === 'function_definition' && node.childForFieldName('name')?.text === '__init__') init = node;
  }
  for (const [index, parameter] of (init?.childForFieldName('parameters')?.namedChildren ?? []).entries()) {
    if (index === 0 || parameter.type === 'comment') continue;
    const name = (parameter.childForFieldName('name') ?? parameter.namedChildren[0] ?? parameter).text;
    parameters.push({
      name: parameter.type === 'identifier' ? parameter.text : name,
      annotation: parameter.childForFieldName('type')?.text ?? null,
      node: parameter,
      statement: null,
      default: parameter.childForFieldName('value'),
    });
  }
  return { parameters, init };
}

/** What stands in the brackets that only group. */
function unparenthesized(node: SyntaxNode | null): SyntaxNode | null {
  if (node?.type !== 'parenthesized_expression') return node;
  return unparenthesized(node.namedChildren.find(({ type }) => type !== 'comment') ?? null);
}

function definitionPath(call: SyntaxNode, module: ModalModule): string | null {
  return modalPath(call.childForFieldName('function'), module.names);
}
