import { dataclassBases } from './dataclasses.ts';
import { boundNames, readNames } from './names.ts';
import { importsAnywhere, isPureCall } from './standard-library.ts';
import { dotted, type SyntaxNode } from './syntax.ts';

/** `main`: the body of an `if __name__ == "__main__"` block, which a platform that runs the file executes. */
export type Fate = 'kept' | 'setup' | 'main' | 'future';

export interface PlannedStatement {
  node: SyntaxNode;
  fate: Fate;
}

const STRING_METHODS =
  /^(lower|upper|strip|lstrip|rstrip|split|join|format|replace|encode|items|keys|values|copy|title)$/;

/**
 * Which statements of a module stay where they are, and which must wait for `setup`: whatever imports a package that a
 * deploying machine may lack, calls something with an effect, reads the environment, or needs a name that such a
 * statement binds. fal imports the app's file on the developer's machine, the others never did. `decide` has the last
 * word on a statement, whatever it needs.
 */
export function planModule(
  root: SyntaxNode,
  decide: (node: SyntaxNode) => 'setup' | 'kept' | null,
): PlannedStatement[] {
  const nodes = root.namedChildren.filter(({ type }) => type !== 'comment');
  const pinned = new Set<number>();
  const plan = nodes.map((node, index): PlannedStatement => {
    if (node.type === 'future_import_statement') return { node, fate: 'future' };
    if (isMainBlock(node)) return { node, fate: 'main' };
    const docstring = index === 0 && isString(node);
    const decided = docstring ? 'kept' : decide(node);
    if (decided === 'kept') pinned.add(node.id);
    return { node, fate: decided ?? (mustWait(node) ? 'setup' : 'kept') };
  });
  const facts = new Map(plan.map((entry) => [entry, { bound: boundNames(entry.node), reads: readNames(entry.node) }]));
  const late = new Set(['__file__']);
  const anywhere = new Set(plan.flatMap((entry) => [...facts.get(entry)!.bound]));
  let star = false;
  for (let changed = true; changed; ) {
    changed = false;
    for (const entry of plan) {
      const { bound, reads } = facts.get(entry)!;
      if (pinned.has(entry.node.id)) continue;
      if (entry.fate === 'kept') {
        const unknown = star && [...reads].some((name) => !anywhere.has(name) && !BUILTINS.has(name));
        // A name that is bound twice keeps the order of its bindings only if both move.
        const needs = unknown || [...reads, ...bound].some((name) => late.has(name));
        if (!needs) continue;
        entry.fate = 'setup';
        changed = true;
      }
      if (entry.fate !== 'setup' && entry.fate !== 'main') continue;
      for (const base of dataclassBases(entry.node, plan)) {
        if (base.fate !== 'kept' || pinned.has(base.node.id)) continue;
        base.fate = 'setup';
        changed = true;
      }
      for (const name of bound) {
        if (name === '*') star = true;
        if (late.has(name)) continue;
        late.add(name);
        changed = true;
      }
    }
  }
  return plan;
}

/** Whether a name is bound only when `setup` runs, or may be by a star import there. */
export function lateNames(plan: readonly PlannedStatement[]): (name: string) => boolean {
  const late = new Set(['__file__']);
  const early = new Set<string>();
  for (const { node, fate } of plan) {
    for (const name of boundNames(node)) (fate === 'setup' || fate === 'main' ? late : early).add(name);
  }
  const star = late.has('*');
  return (name) => late.has(name) || (star && !early.has(name) && !BUILTINS.has(name));
}

/** `if __name__ == "__main__":` without other branches; one with branches is an ordinary statement. */
export function isMainBlock(node: SyntaxNode): boolean {
  if (node.type !== 'if_statement' || node.childrenForFieldName('alternative').length > 0) return false;
  const condition = node.childForFieldName('condition')?.text.replace(/[\s()]/g, '') ?? '';
  return /^(__name__==["']__main__["']|["']__main__["']==__name__)$/.test(condition);
}

function isString(node: SyntaxNode): boolean {
  return node.type === 'expression_statement' && node.namedChildren[0]?.type === 'string' && node.namedChildCount === 1;
}

/** Whether running the node now would do more than bind names to plain values. */
export function mustWait(node: SyntaxNode): boolean {
  switch (node.type) {
    case 'import_statement':
      return node
        .childrenForFieldName('name')
        .some((item) => item && !importsAnywhere((item.childForFieldName('name') ?? item).text));
    case 'import_from_statement': {
      const module = node.childForFieldName('module_name');
      return module?.type !== 'dotted_name' || !importsAnywhere(module.text) || readsEnvironment(node);
    }
    case 'expression_statement': {
      const child = node.namedChildren[0];
      const plain = child?.type === 'assignment' || child?.type === 'augmented_assignment' || isString(node);
      return (!plain && child?.type !== 'ellipsis') || (child ? hasEffect(child) : false);
    }
    case 'function_definition':
    case 'class_definition':
    case 'decorated_definition':
    case 'type_alias_statement':
      return hasEffect(node);
    case 'pass_statement':
      return false;
    case 'if_statement':
    case 'try_statement':
      return hasEffect(node) || blocks(node).some((block) => block.namedChildren.some(mustWait));
    default:
      return node.type !== 'comment';
  }
}

function* nestedBlocks(node: SyntaxNode): Generator<SyntaxNode> {
  for (const child of node.namedChildren) {
    if (child.type === 'block') yield child;
    else if (/_clause$/.test(child.type)) yield* nestedBlocks(child);
  }
}

const blocks = (node: SyntaxNode): SyntaxNode[] => [...nestedBlocks(node)];

/** A call with an effect, or a look at the environment, among what runs at once. */
export function hasEffect(node: SyntaxNode): boolean {
  switch (node.type) {
    case 'lambda':
      return (node.childForFieldName('parameters')?.namedChildren ?? []).some(hasEffect);
    case 'function_definition':
      return (node.childForFieldName('parameters')?.namedChildren ?? []).some(hasEffect);
    case 'call': {
      const callee = node.childForFieldName('function');
      const name = dotted(callee);
      const method = callee?.type === 'attribute' ? (callee.childForFieldName('attribute')?.text ?? '') : '';
      const text = callee?.childForFieldName('object')?.type === 'string' && STRING_METHODS.test(method);
      if (!text && (name === null || !isPureCall(name))) return true;
      break;
    }
    case 'await':
    case 'yield':
      return true;
    case 'attribute':
      if (readsEnvironment(node)) return true;
      break;
  }
  return node.namedChildren.some(hasEffect);
}

/** `os.environ`, `sys.argv` and what is imported from them: values of the machine that must not be baked in. */
function readsEnvironment(node: SyntaxNode): boolean {
  if (node.type === 'attribute') return /^(os\.environb?|sys\.argv|sys\.path|sys\.stdin)$/.test(node.text);
  return /\b(environ|getenv|argv)\b/.test(node.text);
}

export const BUILTINS: ReadonlySet<string> = new Set(
  `ArithmeticError AssertionError AttributeError BaseException Exception False FileNotFoundError ImportError IndexError
  KeyError KeyboardInterrupt LookupError MemoryError NameError None NotImplementedError OSError PermissionError
  RuntimeError StopIteration SystemExit TimeoutError True TypeError ValueError ZeroDivisionError __name__ abs all any bool
  bytearray bytes callable chr classmethod complex dict dir enumerate filter float format frozenset getattr hasattr hash
  hex id int isinstance issubclass iter len list map max memoryview min next object oct open ord pow print property range
  repr reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip`.split(/\s+/),
);
