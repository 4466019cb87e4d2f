import type { ImportedNames } from '../imported-names.ts';
import type { SyntaxNode } from '../syntax.ts';
import { REPLACEMENTS } from './cog-names.ts';

export type MediaKind = 'File' | 'Image' | 'Audio' | 'Video';

/** What a value is, by its annotation. */
export interface ValueType {
  kind: 'path' | 'file' | 'secret' | 'other';
  list: boolean;
  optional: boolean;
  /** Annotation that the generated model may carry, `typing.Any` when the original's names are not there in time. */
  text: string;
}

export interface OutputType {
  /** `joined`: pieces of one text. `items`: any other iterator. */
  stream: 'joined' | 'items' | null;
  value: ValueType;
  /** Name of a class of the file that the annotation is, e.g. a `BaseModel`. */
  named: string | null;
}

const BUILTIN = new Set(
  'str int float bool bytes dict list set tuple frozenset None Any Optional Union List Dict Tuple Set Literal'.split(
    ' ',
  ),
);

/** Reads an annotation's text. `available`: whether a name can be used where the file is imported for a deploy. */
export function valueType(
  annotation: string | null,
  names: ImportedNames,
  available: (name: string) => boolean,
): ValueType {
  if (annotation === null) return { kind: 'other', list: false, optional: true, text: 'typing.Any' };
  let text = annotation;
  let optional = false;
  for (let inner = unwrapOptional(text); inner !== null; inner = unwrapOptional(text)) {
    optional = true;
    text = inner;
  }
  const item = /^(?:typing\.)?(?:List|list|Sequence|Iterable)\[([\s\S]+)\]$/.exec(text)?.[1]?.trim();
  const element = leaf(item ?? text, names);
  if (element !== 'other') return { kind: element, list: item !== undefined, optional, text: '' };
  return { kind: 'other', list: false, optional, text: safeText(text, names, available) };
}

/** Reads what a predict method is annotated to return. */
export function outputType(
  node: SyntaxNode | null,
  names: ImportedNames,
  available: (name: string) => boolean,
): OutputType {
  const text = annotationText(node);
  const match = text === null ? null : /^([\w.]+)\[([\s\S]+)\]$/.exec(text);
  const outer = match ? cogLeaf(match[1]!, names) : '';
  const iterator = /^(Async)?(Concatenate)?(Iterator|Generator|AsyncGenerator|Iterable|AsyncIterable)$/.exec(outer);
  const inner = match && iterator ? firstArgument(match[2]!) : text;
  return {
    stream: iterator ? (iterator[2] ? 'joined' : 'items') : null,
    value: valueType(inner, names, available),
    named: inner !== null && /^\w+$/.test(inner) ? inner : null,
  };
}

/** Text of an annotation on one line, out of its quotes when it is a string. */
export function annotationText(node: SyntaxNode | null): string | null {
  if (!node) return null;
  const text = node.text.replace(/\s*\n\s*/g, ' ').trim();
  const quoted = /^(["'])([^"'\\]+)\1$/.exec(text);
  return quoted ? quoted[2]!.trim() : text;
}

function unwrapOptional(text: string): string | null {
  const whole = /^(?:typing\.|t\.)?Optional\[([\s\S]+)\]$/.exec(text)?.[1];
  if (whole !== undefined) return whole.trim();
  const union = /^(?:typing\.)?Union\[([\s\S]+)\]$/.exec(text)?.[1];
  const parts = union !== undefined ? splitTop(union, ',') : splitTop(text, '|');
  const left = parts.filter((part) => part !== 'None');
  if (left.length === parts.length || parts.length < 2) return null;
  return left.length === 1 ? left[0]! : union !== undefined ? `typing.Union[${left.join(', ')}]` : left.join(' | ');
}

/** The parts between separators that stand outside of brackets and quotes. */
export function splitTop(text: string, separator: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  let quote = '';
  for (const char of text) {
    if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if ('[({'.includes(char)) depth++;
    else if ('])}'.includes(char)) depth--;
    if (char === separator && depth === 0 && quote === '') parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

const firstArgument = (text: string): string => splitTop(text, ',')[0] ?? text;

function cogLeaf(text: string, names: ImportedNames): string {
  const [first, ...rest] = text.split('.');
  const path = names.get(first!);
  return [path ?? first!, ...rest].join('.').split('.').at(-1)!;
}

function leaf(text: string, names: ImportedNames): ValueType['kind'] {
  if (!/^[\w.]+$/.test(text)) return 'other';
  const last = cogLeaf(text, names);
  const own = names.has(text.split('.')[0]!);
  if (/^(Path|URLPath)$/.test(last) && (own || /^(pathlib\.)?Path$/.test(text))) return 'path';
  if (own && /^(File|URLFile)$/.test(last)) return 'file';
  return own && last === 'Secret' ? 'secret' : 'other';
}

function safeText(text: string, names: ImportedNames, available: (name: string) => boolean): string {
  const bare = text.replace(/(["'])(?:(?!\1).)*\1/g, '');
  const used = [...bare.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)].map(([name]) => name);
  const cog = used.some((name) => names.has(name) && name in REPLACEMENTS);
  const there = used.every((name) => BUILTIN.has(name) || name === 'typing' || available(name));
  if (cog || !there) return 'typing.Any';
  return text.replace(/(?<![.\w])(Any|Optional|Union|List|Dict|Tuple|Set|Literal)\b/g, (name) =>
    available(name) ? name : `typing.${name}`,
  );
}

/** The toolkit's type for a file, by what its name, or else its description, says. */
export function mediaKind(...hints: readonly (string | null)[]): MediaKind {
  for (const hint of hints) {
    const text = (hint ?? '').replaceAll('_', ' ');
    const found = (
      [
        ['Image', /\b(images?|img|photos?|pictures?|masks?|faces?|png|jpe?g|webp|logo|portrait|scribble|sketch)\b/i],
        ['Audio', /\b(audio|songs?|voices?|speech|music|sounds?|wav|mp3|flac)\b/i],
        ['Video', /\b(videos?|movies?|clips?|mp4|webm|gif)\b/i],
      ] as const
    ).filter(([, pattern]) => pattern.test(text));
    if (found.length === 1) return found[0]![0];
    if (found.length > 1) return 'File';
  }
  return 'File';
}
