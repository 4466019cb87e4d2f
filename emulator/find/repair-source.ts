/** A line that begins a statement, whatever bracket is still open above it. */
const KEYWORD =
  /^(?:@\w|class\s+\w|(?:async\s+)?def\s+\w|import\s+\w|from\s+[\w.]+\s+import\b|return\b|with\s|try\s*:|if\s.*:\s*$|for\s.*:\s*$)/;
/** An assignment as formatters write it: keyword arguments have no spaces around `=`. */
const ASSIGNMENT = /^\w+(?:\s*:\s*[^=:]+)?\s+=\s/;
const HEADER = /^(?:class|(?:async\s+)?def)\b/;

const CLOSER: Record<string, string> = { '(': ')', '[': ']', '{': '}' };

/**
 * Makes half-typed Python parse: closes brackets and strings where the next statement plainly begins, gives an unfinished
 * right side a `...`, adds a missing colon. The parser alone loses all that follows an open bracket. Rows stay as they
 * are; whole files pass through unchanged.
 */
export function repairSource(source: string): string {
  const lines = source.split('\n');
  const open: string[] = [];
  let triple: string | null = null;
  let statementIndent = 0;
  let header = false;
  for (let i = 0; i < lines.length; i++) {
    if (open.length === 0 && triple === null && lines[i]!.trim() !== '') {
      statementIndent = indentOf(lines[i]!);
      header = HEADER.test(lines[i]!.trimStart());
    }
    const scanned = scanLine(lines[i]!, open, triple);
    triple = scanned.triple;
    let code = scanned.code;
    let tail = scanned.comment;
    if (triple === null && code.trim() !== '') {
      const next = nextCodeLine(lines, i);
      const ends = next === null || startsStatement(next, open.length > 0 ? statementIndent : null, header);
      if (open.length > 0 && ends) {
        code =
          withOperand(code) +
          open
            .map((bracket) => CLOSER[bracket]!)
            .toReversed()
            .join('');
        open.length = 0;
      } else if (open.length === 0) {
        code = withOperand(code);
      }
      if (open.length === 0 && header && ends && !/:/.test(afterBrackets(code))) code += ':';
      if (tail !== '' && code !== scanned.code) tail = `  ${tail}`;
    }
    lines[i] = code + tail;
  }
  return lines.join('\n');
}

/** What follows the last closing bracket; a header without brackets is looked at whole. */
const afterBrackets = (code: string): string => code.slice(Math.max(code.lastIndexOf(')'), 0));

const indentOf = (line: string): number => line.length - line.trimStart().length;

function nextCodeLine(lines: string[], from: number): string | null {
  for (let i = from + 1; i < lines.length; i++) {
    const text = lines[i]!.trimStart();
    if (text !== '' && !text.startsWith('#')) return lines[i]!;
  }
  return null;
}

/** `indent` is that of the statement with the open bracket, null when none is open. */
function startsStatement(line: string, indent: number | null, header: boolean): boolean {
  if (indent === null) return true;
  const text = line.trimStart();
  if (!header && indentOf(line) > indent) return false;
  return KEYWORD.test(text) || ASSIGNMENT.test(text);
}

function withOperand(code: string): string {
  const text = code.trimEnd();
  if (/(?:^|[^=!<>:])=$|[+*/%|&]$|(?:^|\s)-$/.test(text)) return `${text} ...`;
  return /\w\.$/.test(text) ? `${text}_` : code;
}

/** Walks one line's brackets and strings. `open` is changed in place; a string that the line leaves open is closed. */
function scanLine(
  line: string,
  open: string[],
  inTriple: string | null,
): { code: string; comment: string; triple: string | null } {
  let quote = inTriple;
  let code = '';
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (quote !== null) {
      if (char === '\\') {
        code += line.slice(i, i + 2);
        i++;
      } else if (line.startsWith(quote, i)) {
        code += quote;
        i += quote.length - 1;
        quote = null;
      } else {
        code += char;
      }
      continue;
    }
    if (char === '#') return { code, comment: line.slice(i), triple: null };
    if (char === '"' || char === "'") {
      quote = line.startsWith(char.repeat(3), i) ? char.repeat(3) : char;
      code += quote;
      i += quote.length - 1;
    } else if (char in CLOSER) {
      open.push(char);
      code += char;
    } else if (char === ')' || char === ']' || char === '}') {
      // A closer that matches nothing would close what is not its own.
      const matches = open.length > 0 && CLOSER[open.at(-1)!] === char;
      if (matches) open.pop();
      code += matches ? char : ' ';
    } else {
      code += char;
    }
  }
  if (quote !== null && quote.length === 1 && !line.endsWith('\\'))
    return { code: code + quote, comment: '', triple: null };
  return { code, comment: '', triple: quote !== null && quote.length === 3 ? quote : null };
}
