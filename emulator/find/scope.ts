import type { ClassModel } from './class-model.ts';
import type { FunctionModel } from './function-model.ts';
import { equal, type Maybe, UNKNOWN, type Value } from './value.ts';

/** What a name stands for while a module is read. */
export type Binding =
  /** Something of the SDK by its path below the package: `` is `fal` itself, `App`, `toolkit.File`. */
  | { kind: 'fal'; path: string }
  | { kind: 'value'; value: Value }
  | { kind: 'class'; model: ClassModel }
  | { kind: 'function'; model: FunctionModel }
  | { kind: 'unknown' };

export const UNKNOWN_BINDING: Binding = { kind: 'unknown' };

/** Names of a module or a class body. Lookups go outwards, as Python's do. */
export class Scope {
  readonly names = new Map<string, Binding>();

  readonly outer: Scope | null;

  constructor(outer: Scope | null = null) {
    this.outer = outer;
  }

  lookup(name: string): Binding | undefined {
    return this.names.get(name) ?? this.outer?.lookup(name);
  }

  bind(name: string, binding: Binding): void {
    this.names.set(name, binding);
  }

  bindValue(name: string, value: Maybe<Value>): void {
    this.bind(name, value === UNKNOWN ? UNKNOWN_BINDING : { kind: 'value', value });
  }

  /** Runs each branch from the same start; a constant that differs after them is unknown, an app of any branch stays. */
  fork(branches: (() => void)[]): void {
    const before = new Map(this.names);
    const ends = branches.map((branch) => {
      this.replaceNames(before);
      branch();
      return new Map(this.names);
    });
    const merged = new Map<string, Binding>();
    for (const end of ends) {
      for (const name of end.keys()) {
        if (!merged.has(name)) merged.set(name, merge(ends.map((e) => e.get(name))));
      }
    }
    this.replaceNames(merged);
  }

  private replaceNames(names: Map<string, Binding>): void {
    this.names.clear();
    for (const [name, binding] of names) this.names.set(name, binding);
  }
}

function merge(bindings: (Binding | undefined)[]): Binding {
  const known = bindings.filter((b) => b !== undefined);
  const first = known[0] ?? UNKNOWN_BINDING;
  // `try: import fal / except ImportError: fal = None` still means fal; the last definition of an app wins, as in Python.
  const symbol = known.findLast((b) => b.kind === 'fal' || b.kind === 'class' || b.kind === 'function');
  if (symbol) return symbol;
  if (first.kind !== 'value' || known.length < bindings.length) return UNKNOWN_BINDING;
  const value = first.value;
  return known.every((b) => b.kind === 'value' && equal(b.value, value)) ? first : UNKNOWN_BINDING;
}
