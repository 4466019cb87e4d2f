import type { Rule } from './syntax-fault.ts';

const DIGITS = '[0-9](?:_?[0-9])*';
const INTEGER = new RegExp(
  `^(?:0x(?:_?[0-9a-f])+|0o(?:_?[0-7])+|0b(?:_?[01])+|0(?:_?0)*|[1-9](?:_?[0-9])*|${DIGITS}j)$`,
  'i',
);
const FLOAT = new RegExp(
  `^(?:(?:${DIGITS})?\\.${DIGITS}|${DIGITS}\\.)(?:e[+-]?${DIGITS})?j?$|^${DIGITS}e[+-]?${DIGITS}j?$`,
  'i',
);
const COMPLETE: Record<string, RegExp> = {
  x: /^[0-9a-f]{2}/i,
  u: /^[0-9a-f]{4}/i,
  U: /^(?:000[0-9a-f]|0010)[0-9a-f]{4}/i,
  N: /^\{[^}]+\}/,
};

/** Numbers and strings that are written as Python does not read them. */
export const literalFault: Rule = (node, children, source) => {
  switch (node.type) {
    case 'integer':
      return INTEGER.test(node.text) ? null : `${node.text} is not a number`;
    case 'float':
      return FLOAT.test(node.text) ? null : `${node.text} is not a number`;
    case 'string': {
      const prefix = prefixOf(children[0]?.text ?? '');
      if (!/^(|r|u|b|br|rb|f|fr|rf)$/.test(prefix)) return `«${prefix}» begins no string`;
      if (prefix.includes('b') && /\P{ASCII}/u.test(node.text)) return 'bytes hold ASCII only';
      if (endsEarly(children, source)) return 'a string does not end in its line';
      return prefix.includes('r') ? null : escapeFault(children, prefix, source);
    }
    case 'concatenated_string': {
      const bytes = children
        .filter(({ type }) => type === 'string')
        .map((part) => prefixOf(part.firstChild?.text ?? '').includes('b'));
      return bytes.includes(true) && bytes.includes(false) ? 'bytes and text stand beside each other' : null;
    }
    case 'string_content': {
      const start = node.parent?.firstChild?.text ?? '';
      if (!prefixOf(start).includes('f')) return null;
      return /\}/.test(node.text.replaceAll('}}', '').replaceAll(/\\N\{[^}]*\}/g, '')) ? 'a «}» stands alone' : null;
    }
    case 'type_conversion':
      return /^![rsa]$/.test(node.text) ? null : `${node.text} converts nothing`;
    default:
      return null;
  }
};

/** Whether a line ends in a string of single quotes, which the grammar takes beside a quote or a brace. */
function endsEarly(children: Parameters<Rule>[1], source: string): boolean {
  if (/("""|''')$/.test(children[0]?.text ?? '')) return false;
  // What stands in braces is Python by itself; blanks between two of them are in no node.
  let plain = '';
  let at = children[0]?.startIndex ?? 0;
  for (const { type, startIndex, endIndex } of children) {
    plain += source.slice(at, type === 'interpolation' ? startIndex : endIndex);
    at = endIndex;
  }
  return plain.replaceAll(/\\(\r\n|[\s\S])/g, '').includes('\n');
}

const prefixOf = (start: string): string => start.replace(/["']+$/, '').toLowerCase();

function escapeFault(children: Parameters<Rule>[1], prefix: string, source: string): string | null {
  for (const { type, startIndex, endIndex } of children) {
    if (type !== 'string_content') continue;
    const text = source.slice(startIndex, endIndex);
    for (const { 0: written, 1: letter, index } of text.matchAll(/\\([\s\S])/g)) {
      // Bytes know \x alone; the others are two characters there.
      const complete = prefix.includes('b') && letter !== 'x' ? undefined : COMPLETE[letter!];
      if (complete && !complete.test(text.slice(index + 2, index + 60))) return `the escape ${written} is not complete`;
    }
  }
  return null;
}
