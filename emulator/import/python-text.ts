import type { Literal } from './syntax.ts';

/** A JSON-like value as Python writes it, on one line. */
export function pythonLiteral(value: Literal): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return pythonString(value);
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${pythonString(key)}: ${pythonLiteral(item)}`)
    .join(', ')}}`;
}

/** A string literal; JSON's escapes are Python's. */
export function pythonString(text: string): string {
  return JSON.stringify(text);
}

const KEYWORDS = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if
  import in is lambda nonlocal not or pass raise return try while with yield match case type`.split(/\s+/),
);

/** Whether a name can be used for a variable. */
export function isPythonName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name);
}

/** `WorkerTemplate` of `worker-template`. */
export function pascalCase(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const joined = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return /^[A-Za-z]/.test(joined) ? joined : `Worker${joined}`;
}

/** A name that fal takes for an app: lower case, digits, hyphens. */
export function kebabCase(name: string): string {
  const text = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return text === '' ? 'worker' : text;
}

/** A list of strings over as many lines as it needs, indented. */
export function pythonList(items: readonly string[], indent: string): string {
  const line = `[${items.map(pythonString).join(', ')}]`;
  if (line.length + indent.length < 90) return line;
  return `[\n${items.map((item) => `${indent}    ${pythonString(item)},\n`).join('')}${indent}]`;
}
