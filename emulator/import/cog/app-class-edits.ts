import type { Edit } from '../edits.ts';
import type { ImportedNames } from '../imported-names.ts';
import { hasEffect } from '../module-plan.ts';
import { lineEnd, lineStart, moveLines } from '../move-statements.ts';
import { readNames } from '../names.ts';
import { pythonString } from '../python-text.ts';
import { type SyntaxNode, walk } from '../syntax.ts';
import { cogName } from './cog-names.ts';
import { bases, isBase, methods, type Predictor } from './predictor.ts';

/** Members of fal.App: a class that has one of its own by that name cannot become one. Source: fal.app.App. */
const TAKEN = new Set(
  `__init__ __init_subclass__ app_auth app_files app_files_context_dir app_files_ignore app_name build_metadata
  collect_routes concurrency_buffer concurrency_buffer_perc current_request data_mounts get_billing_components
  get_endpoints get_health_check_config handle_exit health host_kwargs image isolate_channel kind lifespan
  local_file_path local_python_modules machine_type max_concurrency max_multiplexing metrics_port min_concurrency
  num_gpus openapi provide_hints regions request_start_timeout request_timeout requirements requirements_context_dir
  retry_config run_local scaling_delay secrets serve skip_retry_conditions spawn startup_timeout teardown
  termination_grace_period_seconds version`.split(/\s+/),
);

// Decorators that are context managers too: what they did around a call is done inside of it.
const CONTEXTS = /^(torch\.)?(inference_mode|no_grad|enable_grad|autocast|cuda\.amp\.autocast|amp\.autocast)$/;

export interface ClassEdits {
  edits: Edit[];
  /** Decorators that became `with` statements. */
  wrapped: SyntaxNode[];
}

/**
 * What makes the class of a predictor a `fal.App`, but for its attributes and endpoints; a string says why it must stay
 * the class that it is. `late`: names that exist only when `setup` has run, and not where the file is imported.
 */
export function appClassEdits(
  predictor: Predictor,
  names: ImportedNames,
  late: (name: string) => boolean,
  source: string,
  inner: readonly Edit[],
): ClassEdits | string {
  const result: ClassEdits = { edits: [], wrapped: [] };
  const { node: own } = predictor;
  for (const node of predictor.lineage) {
    const problem = classProblem(node, names, late);
    if (problem !== null) return problem;
    if (node.parent?.type === 'decorated_definition') return 'it is decorated';
    for (const method of methods(node)) {
      const refused = methodEdits(method, names, late, source, inner, result);
      if (refused !== null) return refused;
    }
  }
  const list = own.childForFieldName('superclasses');
  const kept = bases(own)
    .filter((base) => !isBase(base, names))
    .map(({ text }) => text);
  const after = own.childForFieldName('name')!;
  result.edits.push({
    start: list?.startIndex ?? after.endIndex,
    end: list?.endIndex ?? after.endIndex,
    text: `(${[...kept, 'fal.App'].join(', ')})`,
  });
  return result;
}

function classProblem(node: SyntaxNode, names: ImportedNames, late: (name: string) => boolean): string | null {
  const list = node.childForFieldName('superclasses');
  if (list?.namedChildren.some(({ type }) => type === 'keyword_argument')) return 'it has a metaclass';
  if (bases(node).some((base) => !isBase(base, names) && [...readNames(base)].some(late))) {
    return 'one of its bases is not there when the app is deployed';
  }
  const block = node.childForFieldName('body')!;
  if (block.startPosition.row === node.startPosition.row) return 'it stands on one line';
  for (const statement of block.namedChildren) {
    if (statement.type === 'comment' || statement.type === 'pass_statement') continue;
    const definition =
      statement.type === 'decorated_definition' ? statement.childForFieldName('definition')! : statement;
    if (definition.type === 'function_definition') {
      const name = definition.childForFieldName('name')!.text;
      if (TAKEN.has(name)) return `fal.App has a ${name} of its own`;
      continue;
    }
    if (hasEffect(statement) || [...readNames(statement)].some(late)) {
      return 'its body needs what is not there when the app is deployed';
    }
    const assigned = statement.namedChildren[0];
    const target = assigned?.type === 'assignment' ? assigned.childForFieldName('left')?.text : undefined;
    if (target !== undefined && TAKEN.has(target)) return `fal.App has a ${target} of its own`;
  }
  return null;
}

function methodEdits(
  method: SyntaxNode,
  names: ImportedNames,
  late: (name: string) => boolean,
  source: string,
  inner: readonly Edit[],
  result: ClassEdits,
): string | null {
  for (const parameter of method.childForFieldName('parameters')?.namedChildren ?? []) {
    const value = parameter.childForFieldName('value');
    const input = value?.type === 'call' && cogName(value.childForFieldName('function'), names) === 'Input';
    if (value && !input && (hasEffect(value) || [...readNames(value)].some(late))) {
      return 'the default of a parameter needs what is not there when the app is deployed';
    }
    quoteLate(parameter.childForFieldName('type'), late, result);
  }
  quoteLate(method.childForFieldName('return_type'), late, result);
  const outer = method.parent?.type === 'decorated_definition' ? method.parent : null;
  const contexts: SyntaxNode[] = [];
  for (const decorator of outer?.namedChildren.filter(({ type }) => type === 'decorator') ?? []) {
    const called = decorator.namedChildren[0]!;
    const callee = called.type === 'call' ? called.childForFieldName('function')! : called;
    if (/^(streaming|concurrent)$/.test(cogName(callee, names) ?? '')) continue;
    if (!hasEffect(called) && ![...readNames(called)].some(late)) continue;
    if (called.type !== 'call' || !CONTEXTS.test(callee.text)) {
      if (/^(staticmethod|classmethod|property)$/.test(called.text)) continue;
      return `the decorator ${decorator.text.split('\n')[0]} needs what is not there when the app is deployed`;
    }
    contexts.push(decorator);
  }
  if (contexts.length > 0 && !wrapBody(method, contexts, source, inner, result))
    return 'a decorated method stands on one line';
  return null;
}

/** Takes decorators off and does their work by a `with` around the body, below its docstring. */
function wrapBody(
  method: SyntaxNode,
  decorators: readonly SyntaxNode[],
  source: string,
  inner: readonly Edit[],
  result: ClassEdits,
): boolean {
  const block = method.childForFieldName('body')!;
  const statements = block.namedChildren.filter(({ type }) => type !== 'comment');
  const doc = statements[0]?.type === 'expression_statement' && statements[0].namedChildren[0]?.type === 'string';
  const first = statements[doc ? 1 : 0];
  if (!first) return true;
  const start = lineStart(source, first.startIndex);
  const prefix = source.slice(start, first.startIndex);
  if (prefix.trim() !== '') return false;
  for (const decorator of decorators) {
    result.wrapped.push(decorator);
    result.edits.push({ start: decorator.startIndex, end: decorator.nextSibling!.startIndex, text: '' });
  }
  const end = lineEnd(source, block.endIndex);
  const contexts = decorators.map((decorator) => decorator.namedChildren[0]!.text).join(', ');
  const step = prefix.includes('\t') ? '\t' : '    ';
  const body = moveLines(source, { start, end, prefix }, inner, block, `${prefix}${step}`);
  result.edits.push({ start, end, text: `${prefix}with ${contexts}:\n${body}` });
  return true;
}

/** Puts an annotation in quotes when evaluating it would need what is not there yet. */
function quoteLate(type: SyntaxNode | null, late: (name: string) => boolean, result: ClassEdits): void {
  if (!type || type.namedChildren[0]?.type === 'string' || ![...readNames(type)].some(late)) return;
  // A string inside of it would end the quotes: what is left of such an annotation says nothing anyway.
  const text = [...walk(type)].some(({ type: kind }) => kind === 'string')
    ? 'object'
    : type.text.replace(/\s*\n\s*/g, ' ');
  result.edits.push({ start: type.startIndex, end: type.endIndex, text: pythonString(text) });
}
