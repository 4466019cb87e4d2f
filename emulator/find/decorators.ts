import { argumentsOf, resolve } from './evaluate.ts';
import type { FunctionModel } from './function-model.ts';
import type { SyntaxNode } from './python-parser.ts';
import type { Scope } from './scope.ts';
import { type Maybe, truth, UNKNOWN, type Value } from './value.ts';

/** Path below `fal` of a decorator's callee, with the SDK's defining modules taken off (`fal.app.endpoint`). */
function calleePath(node: SyntaxNode, scope: Scope): string | null {
  const callee = node.type === 'call' ? node.childForFieldName('function') : node;
  const binding = resolve(callee, scope);
  return binding?.kind === 'fal' ? binding.path.replace(/^(app|api|api\.api|realtime)\.(?=\w+$)/, '') : null;
}

/** `@fal.function(…)`, or its older name `@fal.isolated(…)`; bare while it is still being typed. */
export function isFalFunction(node: SyntaxNode, scope: Scope): boolean {
  const path = calleePath(node, scope);
  return path === 'function' || path === 'isolated';
}

/** Arguments of `fal.function` by name; the first positional one is `kind`. */
export function readFalFunction(node: SyntaxNode, scope: Scope): Map<string, Maybe<Value>> {
  const { positional, keywords } = argumentsOf(
    node.type === 'call' ? node.childForFieldName('arguments') : null,
    scope,
  );
  const kind = positional[0];
  return kind === undefined ? keywords : new Map([['kind', kind], ...keywords]);
}

/** Marks a method as an endpoint when the decorator is `fal.endpoint` or `fal.realtime`. */
export function bindEndpoint(node: SyntaxNode, model: FunctionModel, scope: Scope): void {
  const path = calleePath(node, scope);
  if (path !== 'endpoint' && path !== 'realtime') return;
  const { positional, keywords } = argumentsOf(
    node.type === 'call' ? node.childForFieldName('arguments') : null,
    scope,
  );
  const route = positional[0] ?? keywords.get('path');
  if (typeof route !== 'string') {
    model.endpoint = 'unresolved';
    return;
  }
  const websocket = keywords.get('is_websocket');
  const health = keywords.get('health_check') ?? null;
  if (health !== null) model.healthCheck = health;
  model.endpoint = {
    path: route,
    method: model.name,
    kind: path === 'realtime' ? 'realtime' : websocket !== undefined && isTrue(websocket) ? 'websocket' : 'http',
    healthCheck: health !== null,
    lines: model.lines,
  };
}

const isTrue = (value: Maybe<Value>): boolean => value !== UNKNOWN && truth(value);
