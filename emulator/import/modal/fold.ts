import { type Literal, type SyntaxNode, stringText } from '../syntax.ts';
import { argumentsOf } from './library.ts';

/** Looks up what a name of the module was last bound to. */
export type Lookup = (name: string) => SyntaxNode | null;

/** The constant that an expression is when names are replaced by what they are bound to; undefined when it is none. */
export function fold(node: SyntaxNode | null, lookup: Lookup, depth = 0): Literal | undefined {
  if (!node || depth > 40) return undefined;
  const inner = (child: SyntaxNode | null) => fold(child, lookup, depth + 1);
  switch (node.type) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'none':
      return null;
    case 'integer':
    case 'float': {
      const value = Number(node.text.replaceAll('_', ''));
      return Number.isFinite(value) ? value : undefined;
    }
    case 'string':
      return textOf(node, inner);
    case 'concatenated_string': {
      const parts = node.namedChildren.filter(({ type }) => type === 'string').map((part) => textOf(part, inner));
      return parts.every((part) => part !== undefined) ? parts.join('') : undefined;
    }
    case 'parenthesized_expression':
      return inner(node.namedChildren.find(({ type }) => type !== 'comment') ?? null);
    case 'identifier':
      return inner(lookup(node.text));
    case 'unary_operator': {
      const value = inner(node.childForFieldName('argument'));
      if (typeof value !== 'number') return undefined;
      return node.children[0]?.type === '-' ? -value : node.children[0]?.type === '+' ? value : undefined;
    }
    case 'not_operator': {
      const value = inner(node.childForFieldName('argument'));
      return value === undefined ? undefined : !truth(value);
    }
    case 'binary_operator':
      return binary(node, inner);
    case 'boolean_operator': {
      const left = inner(node.childForFieldName('left'));
      if (left === undefined) return undefined;
      const and = node.childForFieldName('operator')?.type === 'and';
      return truth(left) === and ? inner(node.childForFieldName('right')) : left;
    }
    case 'conditional_expression': {
      const [yes, condition, no] = node.namedChildren.filter(({ type }) => type !== 'comment');
      const value = inner(condition ?? null);
      return value === undefined ? undefined : inner((truth(value) ? yes : no) ?? null);
    }
    case 'list':
    case 'tuple':
    case 'set': {
      const items: Literal[] = [];
      for (const child of node.namedChildren) {
        if (child.type === 'comment') continue;
        const value = inner(child.type === 'list_splat' ? (child.namedChildren[0] ?? null) : child);
        if (value === undefined) return undefined;
        if (child.type !== 'list_splat') items.push(value);
        else if (Array.isArray(value)) items.push(...value);
        else return undefined;
      }
      return items;
    }
    case 'dictionary': {
      const result: { [key: string]: Literal } = {};
      for (const pair of node.namedChildren) {
        if (pair.type === 'comment') continue;
        if (pair.type === 'dictionary_splat') {
          const value = inner(pair.namedChildren[0] ?? null);
          if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
          Object.assign(result, value);
          continue;
        }
        const key = inner(pair.childForFieldName('key'));
        const value = inner(pair.childForFieldName('value'));
        if (pair.type !== 'pair' || typeof key === 'object' || key === undefined || value === undefined)
          return undefined;
        result[String(key)] = value;
      }
      return result;
    }
    case 'subscript': {
      const value = inner(node.childForFieldName('value'));
      const key = inner(node.childrenForFieldName('subscript')[0] ?? null);
      if (Array.isArray(value) && typeof key === 'number') return value.at(key);
      if (value && typeof value === 'object' && !Array.isArray(value) && typeof key === 'string')
        return Object.hasOwn(value, key) ? value[key] : undefined;
      return undefined;
    }
    case 'call':
      return called(node, inner);
    default:
      return undefined;
  }
}

function truth(value: Literal): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

function textOf(node: SyntaxNode, inner: (node: SyntaxNode | null) => Literal | undefined): string | undefined {
  const plain = stringText(node);
  if (plain !== null) return plain;
  const prefix = node.firstChild?.text.replace(/["']+$/, '').toLowerCase() ?? '';
  if (/[bt]/.test(prefix)) return undefined;
  let text = '';
  for (const child of node.namedChildren) {
    if (child.type === 'string_content') {
      const raw = child.text;
      if (prefix.includes('r') || !raw.includes('\\')) text += raw;
      else {
        const decoded = unescaped(raw);
        if (decoded === undefined) return undefined;
        text += decoded;
      }
    } else if (child.type === 'interpolation') {
      const format = child.namedChildren.some(({ type }) => /format|conversion/.test(type));
      const value = format ? undefined : inner(child.childForFieldName('expression') ?? child.namedChildren[0] ?? null);
      if (value === undefined || (typeof value === 'object' && value !== null)) return undefined;
      text += value === null ? 'None' : value === true ? 'True' : value === false ? 'False' : String(value);
    }
  }
  return text.replaceAll('{{', '{').replaceAll('}}', '}');
}

const ESCAPES = new Map(Object.entries({ n: '\n', t: '\t', '\\': '\\', '"': '"', "'": "'", '\n': '', r: '\r' }));

function unescaped(raw: string): string | undefined {
  let failed = false;
  const text = raw.replace(/\\([\s\S])/g, (all, sign: string) => {
    const found = ESCAPES.get(sign);
    if (found !== undefined) return found;
    if (/[0-7xuUNabfv]/.test(sign)) failed = true;
    return all;
  });
  return failed ? undefined : text;
}

function binary(node: SyntaxNode, inner: (node: SyntaxNode | null) => Literal | undefined): Literal | undefined {
  const left = inner(node.childForFieldName('left'));
  const right = inner(node.childForFieldName('right'));
  const operator = node.childForFieldName('operator')?.type;
  if (left === undefined || right === undefined) return undefined;
  if (typeof left === 'number' && typeof right === 'number') {
    const results: Record<string, number> = {
      '+': left + right,
      '-': left - right,
      '*': left * right,
      '/': left / right,
      '//': Math.floor(left / right),
      '**': left ** right,
      '%': left - right * Math.floor(left / right),
    };
    const value = results[operator ?? ''];
    return value !== undefined && Number.isFinite(value) ? value : undefined;
  }
  if (typeof left === 'string' && typeof right === 'string') {
    if (operator === '+') return left + right;
    // Of two strings, only paths are divided.
    if (operator === '/') return joinPath(left, right);
  }
  if (Array.isArray(left) && Array.isArray(right) && operator === '+') return [...left, ...right];
  return undefined;
}

function joinPath(...parts: string[]): string {
  let result = '';
  for (const part of parts) {
    if (part.startsWith('/') || result === '') result = part;
    else result = result.endsWith('/') ? result + part : `${result}/${part}`;
  }
  return result;
}

function called(node: SyntaxNode, inner: (node: SyntaxNode | null) => Literal | undefined): Literal | undefined {
  const callee = node.childForFieldName('function');
  const { positional, keywords, splats } = argumentsOf(node);
  if (splats.length > 0) return undefined;
  const name = callee?.text ?? '';
  const values = positional.map(inner);
  const [first] = values;
  if (/^(str|Path|PurePosixPath|PosixPath|pathlib\.\w*Path|os\.fspath|os\.path\.expanduser)$/.test(name)) {
    return values.every((value) => typeof value === 'string' || typeof value === 'number')
      ? joinPath(...values.map(String))
      : undefined;
  }
  if (/^(int|float)$/.test(name) && /^(string|number)$/.test(typeof first)) {
    const value = Number(first);
    return Number.isFinite(value) ? (name === 'int' ? Math.trunc(value) : value) : undefined;
  }
  if (/^(os\.path\.join|join)$/.test(name))
    return values.every((value) => typeof value === 'string') ? joinPath(...values) : undefined;
  if (/^(list|tuple|sorted)$/.test(name) && Array.isArray(first)) return first;
  // What the environment decides has its default here: nothing of the machine is looked at.
  if (/^(os\.)?(getenv|environ\.get)$/.test(name)) return values[1];
  if (name === 'dict' && positional.length === 0) {
    const result: { [key: string]: Literal } = {};
    for (const keyword of keywords) {
      const value = inner(keyword.value);
      if (value === undefined) return undefined;
      result[keyword.name] = value;
    }
    return result;
  }
  if (callee?.type === 'attribute') {
    const owner = inner(callee.childForFieldName('object'));
    const method = callee.childForFieldName('attribute')?.text;
    if (typeof owner === 'string' && positional.length === 0) {
      if (method === 'lower') return owner.toLowerCase();
      if (method === 'upper') return owner.toUpperCase();
      if (method === 'strip') return owner.trim();
      if (method === 'as_posix') return owner;
      if (method === 'split') return owner.split(/\s+/).filter((word) => word !== '');
    }
    if (typeof owner === 'string' && typeof first === 'string') {
      if (method === 'joinpath') return joinPath(owner, first);
      if (method === 'split') return owner.split(first);
    }
    if (typeof owner === 'string' && method === 'join' && Array.isArray(first)) return first.join(owner);
  }
  return undefined;
}
