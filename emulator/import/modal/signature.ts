import type { SyntaxNode } from '../syntax.ts';
import { parameterNames } from './scope.ts';

/** How a value goes between JSON and the function: as it is, as files, as what a dataclass is made of, or by its name. */
export type Carried = 'json' | 'files' | 'dataclass' | 'name';

export interface Field {
  /** Name of the parameter, which is what callers write. */
  name: string;
  /** Python annotation of the model's field; `Any` where none can be had. */
  type: string;
  /** Python expression; null for one that is required. */
  default: string | null;
  /** The function's own default is an expression that exists in the runner only: what is not given is not passed. */
  omit: boolean;
  carried: Carried;
  /** The dataclass that the function takes, or the class of what is known by its name. */
  made: string | null;
  /** The annotation when it could not be taken over. */
  lost: string | null;
  /** Python of a value that the file itself gives; for a field without a type or default. */
  example?: string;
  line: number;
  /** Taken by position only. */
  positional: boolean;
}

export interface Signature {
  fields: Field[];
  /** `**kwargs`: other keys are passed on. */
  open: boolean;
  /** `*args`, which nobody can send. */
  star: string | null;
}

/** What an annotation may name: types that pydantic knows and that are there when the file is imported. */
export interface KnownTypes {
  /** A definition of the module, bound before: a model, dataclass, enum or alias. */
  has(name: string): boolean;
  /** Whether a name of `typing` (or its alias in the file) is meant. */
  typing(name: string): boolean;
  /** A dataclass of the module. A model cannot hold one: its marks for missing values do not survive a pickle. */
  dataclass(name: string): boolean;
  /** The class of the generated code for what an annotation of Modal means. */
  shared(node: SyntaxNode): string | null;
  /** Whether all names of an expression are there when the file is imported. */
  safe(node: SyntaxNode): boolean;
}

/** The parameters of a function as fields, without `self` and what `skip` names. */
export function readSignature(
  definition: SyntaxNode,
  types: KnownTypes,
  method: boolean,
  skip: ReadonlySet<string> = new Set(),
): Signature {
  const signature: Signature = { fields: [], open: false, star: null };
  const parameters = definition.childForFieldName('parameters')?.namedChildren ?? [];
  let first = method;
  for (const parameter of parameters) {
    if (parameter.type === 'comment') continue;
    if (parameter.type === 'positional_separator') {
      for (const field of signature.fields) field.positional = true;
      continue;
    }
    if (parameter.type === 'keyword_separator') continue;
    const [name] = parameterNames(parameter);
    if (name === undefined) continue;
    if (first) {
      first = false;
      continue;
    }
    const inner = parameter.type === 'typed_parameter' ? parameter.namedChildren[0] : parameter;
    if (inner?.type === 'list_splat_pattern') signature.star = name;
    else if (inner?.type === 'dictionary_splat_pattern') signature.open = true;
    else if (!skip.has(name)) signature.fields.push(fieldOf(name, parameter, types));
  }
  return signature;
}

function fieldOf(name: string, parameter: SyntaxNode, types: KnownTypes): Field {
  const annotation = parameter.childForFieldName('type')?.namedChildren[0] ?? null;
  const value = parameter.childForFieldName('value');
  const own = annotation ? typeOf(annotation, types) : null;
  const shared = annotation && !own ? types.shared(annotation) : null;
  const dataclass = annotation?.type === 'identifier' && !own && types.dataclass(annotation.text);
  const made = shared ?? (dataclass ? annotation.text : null);
  let type =
    own?.type ??
    (shared !== null ? 'str' : made !== null ? 'dict' : annotation ? 'Any' : value ? typeOfDefault(value) : 'Any');
  const simple = value === null || types.safe(value);
  if (value?.type === 'none' && type !== 'Any' && !/\bNone\b|Optional/.test(type)) type = `Optional[${type}]`;
  if (value && !simple && type !== 'Any' && !/Optional/.test(type)) type = `Optional[${type}]`;
  return {
    name,
    type,
    default: value ? (simple ? value.text : 'None') : null,
    omit: value !== null && !simple,
    carried: shared !== null ? 'name' : made === null ? (own?.carried ?? 'json') : 'dataclass',
    lost: annotation && !own && made === null ? annotation.text : null,
    made,
    line: parameter.startPosition.row + 1,
    positional: false,
  };
}

function typeOfDefault(value: SyntaxNode): string {
  switch (value.type) {
    case 'integer':
      return 'int';
    case 'float':
      return 'float';
    case 'true':
    case 'false':
      return 'bool';
    case 'string':
    case 'concatenated_string':
      return /^[rRuUfF]*["']/.test(value.text) ? 'str' : 'Any';
    case 'unary_operator':
      return typeOfDefault(value.childForFieldName('argument') ?? value.namedChildren[0]!);
    default:
      return 'Any';
  }
}

const PLAIN = new Set(['str', 'int', 'float', 'bool', 'dict', 'list', 'set', 'tuple', 'None', 'frozenset']);
const STANDARD =
  /^(datetime\.)?(datetime|date|time|timedelta)$|^(decimal\.)?Decimal$|^(uuid\.)?UUID$|^(pathlib\.)?Path$/;
const GENERIC =
  /^(Optional|Union|List|Dict|Tuple|Set|Sequence|Iterable|Mapping|MutableMapping|Collection|FrozenSet|Literal|Annotated|Any)$/;

/** An annotation as the model can have it; null when it names something that pydantic or the deploying machine lacks. */
export function typeOf(node: SyntaxNode, types: KnownTypes): { type: string; carried: Carried } | null {
  switch (node.type) {
    case 'type':
      return node.namedChildren[0] ? typeOf(node.namedChildren[0], types) : null;
    case 'none':
      return { type: 'None', carried: 'json' };
    case 'identifier':
      return named(node.text, types);
    case 'attribute': {
      const short = node.childForFieldName('attribute')!.text;
      if (/^(typing|t|typing_extensions)\.\w+$/.test(node.text) && types.typing(node.text.split('.')[0]!))
        return GENERIC.test(short) ? { type: short, carried: 'json' } : null;
      return STANDARD.test(node.text) && types.safe(node) ? { type: node.text, carried: 'json' } : null;
    }
    case 'string': {
      const name = node.text.replace(/^["']|["']$/g, '');
      return /^\w+$/.test(name) ? named(name, types) : null;
    }
    case 'binary_operator': {
      if (node.childForFieldName('operator')?.type !== '|') return null;
      const parts = [node.childForFieldName('left'), node.childForFieldName('right')].map(
        (part) => part && typeOf(part, types),
      );
      if (parts.some((part) => !part)) return null;
      // Older Pythons have no `|` of types.
      const other = parts.filter((part) => part!.type !== 'None').map((part) => part!.type);
      const carried = parts.some((part) => part!.carried === 'files') ? 'files' : 'json';
      return { type: other.length === 2 ? `Union[${other.join(', ')}]` : `Optional[${other[0] ?? 'Any'}]`, carried };
    }
    case 'generic_type':
    case 'subscript':
      return generic(node, types);
    default:
      return null;
  }
}

function named(name: string, types: KnownTypes): { type: string; carried: Carried } | null {
  if (name === 'bytes' || name === 'bytearray') return { type: 'fal.toolkit.File', carried: 'files' };
  if (name === 'object' || name === 'any') return { type: 'Any', carried: 'json' };
  if (PLAIN.has(name) || types.has(name)) return { type: name, carried: 'json' };
  if (types.typing(name) && GENERIC.test(name)) return { type: name, carried: 'json' };
  return null;
}

function generic(node: SyntaxNode, types: KnownTypes): { type: string; carried: Carried } | null {
  const head = node.type === 'generic_type' ? node.namedChildren[0]! : node.childForFieldName('value')!;
  const parts =
    node.type === 'generic_type'
      ? (node.namedChildren[1]?.namedChildren ?? [])
      : node.childrenForFieldName('subscript').filter((part) => part !== null);
  const short = head.text.split('.').at(-1)!;
  const fromTyping = head.type === 'identifier' ? types.typing(head.text) : types.typing(head.text.split('.')[0]!);
  if (!(fromTyping && GENERIC.test(short)) && !/^(list|dict|tuple|set|frozenset)$/.test(head.text)) return null;
  const inner = parts.map((part) => (part.type === 'type' ? (part.namedChildren[0] ?? part) : part));
  if (short === 'Literal') {
    const plain = inner.every(({ type }) => /^(string|integer|true|false|none|unary_operator)$/.test(type));
    return plain ? { type: `Literal[${inner.map(({ text }) => text).join(', ')}]`, carried: 'json' } : null;
  }
  if (short === 'Annotated') {
    const [first, ...rest] = inner;
    const base = first ? typeOf(first, types) : null;
    if (!base || base.carried === 'files') return base;
    if (rest.some((part) => !types.safe(part))) return base;
    return { type: `Annotated[${[base.type, ...rest.map(({ text }) => text)].join(', ')}]`, carried: 'json' };
  }
  const read = inner.map((part) =>
    part.type === 'ellipsis' ? { type: '...', carried: 'json' as const } : typeOf(part, types),
  );
  if (read.some((part) => part === null)) return null;
  const carried = read.some((part) => part!.carried === 'files') ? 'files' : 'json';
  return {
    type: `${/^[a-z]/.test(head.text) && head.type === 'identifier' ? head.text : short}[${read.map((part) => part!.type).join(', ')}]`,
    carried,
  };
}

/** `Optional`, `Literal`, …: what the generated code takes from typing under its own name. */
export function withTyping(type: string, typing: string): string {
  return type.replaceAll(
    /(?<![\w."'])(Optional|Union|List|Dict|Tuple|Set|Sequence|Iterable|Mapping|MutableMapping|Collection|FrozenSet|Literal|Annotated|Any)\b(?!["'])/g,
    `${typing}.$1`,
  );
}
