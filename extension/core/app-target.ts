import type { FoundApp } from '../../emulator/contract/index.ts';
import type { KnownApp, TreeNode } from './app-tree.ts';
import type { Row } from './row.ts';

/** An app as a code lens, a key binding or another extension names it. `file` is absolute. */
export interface AppTarget {
  file: string;
  symbol: string;
}

/** What a command was called with: a node or row of a view, a target, or nothing (then the active editor counts, or a choice). */
export type CommandArgument = TreeNode | Row | AppTarget | undefined;

export function isTarget(argument: unknown): argument is AppTarget {
  return typeof argument === 'object' && argument !== null && 'file' in argument && 'symbol' in argument;
}

export function isNode(argument: unknown): argument is TreeNode {
  return typeof argument === 'object' && argument !== null && 'kind' in argument && 'app' in argument;
}

/** Of the apps of one file the one that a line (1-based) stands in; else the only one; else null. */
export function appAtLine(apps: readonly KnownApp[], line: number): KnownApp | null {
  const around = apps.find(({ found }) => contains(found, line));
  return around ?? (apps.length === 1 ? (apps[0] ?? null) : null);
}

const contains = ({ lines }: FoundApp, line: number): boolean => line >= lines.start && line <= lines.end;
