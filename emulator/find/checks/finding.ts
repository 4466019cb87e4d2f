import type { SyntaxNode } from '../python-parser.ts';

/** Something about an app's source that will go wrong at fal, or not do what it looks like. */
export interface SourceFinding {
  check:
    | 'attribute'
    | 'query-parameter'
    | 'heavy-import'
    | 'machine-type'
    | 'duplicate-path'
    | 'init-override'
    | 'future-annotations';
  /** An error fails the deployment; a warning goes through, and does not do what was meant. */
  level: 'error' | 'warning';
  /** One line: what, and what comes of it. */
  message: string;
  /** The fix, one sentence. */
  hint: string;
  /** Lines count from 1, columns from 0 in UTF-16 units, as an editor has them; `end` is exclusive. */
  range: SourceRange;
  /** What an editor can do about it by itself. */
  fix?: SourceFix;
}

/** Edits of one file that mend a finding. */
export interface SourceFix {
  title: string;
  edits: { range: SourceRange; text: string }[];
}

export interface SourceRange {
  start: { line: number; column: number };
  end: { line: number; column: number };
}

export function rangeOf({ startPosition: start, endPosition: end }: SyntaxNode): SourceRange {
  return {
    start: { line: start.row + 1, column: start.column },
    end: { line: end.row + 1, column: end.column },
  };
}
