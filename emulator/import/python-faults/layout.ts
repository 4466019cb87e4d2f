import type { SyntaxNode } from '../syntax.ts';
import type { SyntaxFault } from './syntax-fault.ts';

// Widths of a tab in Lib/tokenizer: one for the column, one to find mixtures that only line up by the first.
const TAB = 8;

interface Indent {
  column: number;
  /** The column with tabs as wide as a space: two indents that only one of the widths tells apart are a mixture. */
  narrow: number;
}

/** Follows the lines of a source by the rules of Python's tokenizer: what begins a line, and how far it is indented. */
export class Layout {
  private readonly source: string;
  private readonly indents: Indent[] = [{ column: 0, narrow: 0 }];
  private readonly faults: SyntaxFault[] = [];
  private last = 0;
  private depth = 0;
  private newLine = true;
  private opens = false;
  private stringEnd = 0;
  private row = 0;

  constructor(source: string) {
    this.source = source;
  }

  /** A carriage return by itself ends a line for Python, and nothing here does. */
  lineEnds(): SyntaxFault | null {
    const lone = /\r(?!\n)/.exec(this.source);
    if (!lone) return null;
    return {
      line: this.source.slice(0, lone.index).split('\n').length,
      what: 'a line ends with a carriage return alone',
    };
  }

  /** Takes the nodes in source order. A string is one token, whatever stands in its braces. */
  take(node: SyntaxNode, leaf: boolean): void {
    const { type, startIndex: start } = node;
    if (start < this.stringEnd || type === 'line_continuation') return;
    if (type === 'string') this.stringEnd = node.endIndex;
    else if (!leaf || node.endIndex === start) return;
    this.gap(start, node.startPosition.row);
    if (type !== 'comment') this.token(node);
    this.last = node.endIndex;
    this.row = node.endPosition.row;
  }

  /** The first fault of the whole. */
  end(): SyntaxFault | null {
    this.gap(this.source.length, this.row);
    if (this.opens) this.fault(this.row, 'a block is missing after «:»');
    return this.faults.toSorted((a, b) => a.line - b.line)[0] ?? null;
  }

  private gap(start: number, row: number): void {
    const between = this.source.slice(this.last, start);
    const joined = between.replaceAll(/\\\r?\n/g, '');
    const odd = /[^ \t\f\r\n]/.exec(joined)?.[0];
    if (odd === '\\') this.fault(row, 'something follows a «\\» that carries a line over');
    else if (odd !== undefined) this.fault(row, `the character U+${hex(odd)} stands between words`);
    if (/\\\r?\n$/.test(between) && start === this.source.length) this.fault(row, 'the file ends in a carried line');
    if (joined.includes('\n') && this.depth === 0) this.newLine = true;
  }

  private token(node: SyntaxNode): void {
    const { type } = node;
    if (this.newLine) this.startLine(node);
    this.newLine = false;
    if (/^[([{]$/.test(type)) this.depth++;
    if (/^[)\]}]$/.test(type)) this.depth = Math.max(0, this.depth - 1);
    this.opens = this.depth === 0 && type === ':';
  }

  private startLine(node: SyntaxNode): void {
    const { row } = node.startPosition;
    const wrong = this.indent(this.indentAt(node.startIndex));
    if (wrong !== null) this.fault(row, wrong);
    else if (!startsStatement(node)) this.fault(row, 'a statement ends before it is complete');
  }

  /** Takes the indent of a line that begins; what is wrong with it, else null. */
  private indent({ column, narrow }: Indent): string | null {
    const MIXED = 'tabs and spaces are mixed in the indentation';
    const top = this.indents.at(-1)!;
    if (this.opens) {
      if (column <= top.column) return 'a block is missing after «:»';
      if (narrow <= top.narrow) return MIXED;
      this.indents.push({ column, narrow });
      return null;
    }
    if (column > top.column) return 'the line is indented, and no block begins here';
    while (column < this.indents.at(-1)!.column) this.indents.pop();
    const found = this.indents.at(-1)!;
    if (found.column !== column) return 'the indentation is that of no block around it';
    return found.narrow === narrow ? null : MIXED;
  }

  private indentAt(index: number): Indent {
    let column = 0;
    let narrow = 0;
    let carried: number | null = null;
    let at = index;
    // Back to the begin of the first line that is carried over to this one; a comment carries none.
    while (at > this.last && (this.source[at - 1] !== '\n' || /\\\r?\n$/.test(this.source.slice(this.last, at)))) at--;
    for (; at < index; at++) {
      const char = this.source[at];
      if (char === ' ') [column, narrow] = [column + 1, narrow + 1];
      else if (char === '\t') [column, narrow] = [(Math.floor(column / TAB) + 1) * TAB, narrow + 1];
      else if (char === '\f') [column, narrow] = [0, 0];
      else if (char === '\\') carried ||= column;
    }
    return carried ? { column: carried, narrow: carried } : { column, narrow };
  }

  private fault(row: number, what: string): void {
    this.faults.push({ line: row + 1, what });
  }
}

/** Whether what begins with this token may begin a line: a statement, a clause of one, a decorator or what it stands at. */
function startsStatement(token: SyntaxNode): boolean {
  for (let at: SyntaxNode | null = token; at; at = at.parent) {
    if (at.startIndex !== token.startIndex) return false;
    if (/^(elif|else|except|finally|case)_clause$|^decorator$/.test(at.type)) return true;
    const holder = at.parent?.type ?? '';
    if (/^(module|block|decorated_definition|ERROR)$/.test(holder)) return true;
  }
  return false;
}

const hex = (char: string): string => char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
