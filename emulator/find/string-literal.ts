import type { SyntaxNode } from './python-parser.ts';
import { type Maybe, UNKNOWN } from './value.ts';

const SIMPLE: Record<string, string> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
};

/** Text of a `string` node; `interpolate` gives the text of an f-string's `{…}`. Bytes and template strings are unknown. */
export function stringLiteral(node: SyntaxNode, interpolate: (part: SyntaxNode) => Maybe<string>): Maybe<string> {
  const prefix = node.firstChild?.text.replace(/["']+$/, '').toLowerCase() ?? '';
  if (prefix.includes('b') || prefix.includes('t')) return UNKNOWN;
  // An unterminated literal has no string_end: what follows was swallowed by it.
  if (node.lastChild?.type !== 'string_end' || node.lastChild.isMissing) return UNKNOWN;
  let text = '';
  for (const part of node.namedChildren) {
    if (part.type === 'string_content') {
      const piece = content(part, prefix.includes('r'), prefix.includes('f'));
      if (piece === UNKNOWN) return UNKNOWN;
      text += piece;
    } else if (part.type === 'interpolation') {
      const piece = interpolate(part);
      if (piece === UNKNOWN) return UNKNOWN;
      text += piece;
    } else if (part.type !== 'string_start' && part.type !== 'string_end') {
      return UNKNOWN;
    }
  }
  return text;
}

function content(node: SyntaxNode, raw: boolean, format: boolean): Maybe<string> {
  const text = format ? node.text.replaceAll('{{', '{').replaceAll('}}', '}') : node.text;
  return raw ? text : decodeEscapes(text);
}

function decodeEscapes(text: string): Maybe<string> {
  if (!text.includes('\\')) return text;
  // A name (`\N{BULLET}`) needs the Unicode database.
  if (/\\N\{/.test(text)) return UNKNOWN;
  return text.replace(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|[0-7]{1,3}|[\s\S])/g,
    (whole, code: string) => {
      if (code in SIMPLE) return SIMPLE[code]!;
      if (/^[0-7]/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8));
      if (/^[xuU]./.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
      return whole;
    },
  );
}
