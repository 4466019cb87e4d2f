/** A constant of Python, as far as settings need them. Lists, tuples and sets are arrays. */
export type Value = string | number | boolean | null | Value[] | Dict | FalObject | typeof ELLIPSIS;

export const ELLIPSIS = Symbol('...');

export interface Dict {
  kind: 'dict';
  entries: Map<string, Value>;
}

/** A call of one of fal's own constructors with constant arguments: HealthCheck, RetryConfig, ContainerImage. */
export interface FalObject {
  kind: 'fal-object';
  /** Name below `fal`, e.g. `ContainerImage.from_dockerfile_str`. */
  name: string;
  positional: Value[];
  keywords: Map<string, Value>;
}

/** What is not plainly constant. */
export const UNKNOWN = Symbol('unknown');
export type Maybe<T> = T | typeof UNKNOWN;

export function isDict(value: Value): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && value.kind === 'dict';
}

export function isFalObject(value: Value): value is FalObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && value.kind === 'fal-object';
}

/** Python's truth of a constant. */
export function truth(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (value === null || typeof value !== 'object') return Boolean(value);
  return isDict(value) ? value.entries.size > 0 : true;
}

/** Deep equality, as `==` on constants. */
export function equal(a: Value, b: Value): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]!));
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return a === b || (typeof a === 'boolean' && Number(a) === b) || (typeof b === 'boolean' && a === Number(b));
  }
  if (Array.isArray(a) || Array.isArray(b)) return false;
  if (a.kind === 'dict' && b.kind === 'dict') return equalMaps(a.entries, b.entries);
  if (a.kind === 'fal-object' && b.kind === 'fal-object') {
    return a.name === b.name && equal(a.positional, b.positional) && equalMaps(a.keywords, b.keywords);
  }
  return false;
}

function equalMaps(a: Map<string, Value>, b: Map<string, Value>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !equal(value, other)) return false;
  }
  return true;
}
