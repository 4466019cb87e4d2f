import { resolve } from 'node:path';
import { findWorkspace, realFolder } from '../client/workspace.ts';
import type { Terminal } from './terminal.ts';

export interface WorkspaceOption {
  workspace?: string;
}

/** The workspace of a command: `--workspace DIR`, else the one that `near` (a file, or the current folder) belongs to. */
export function workspaceOf(terminal: Terminal, options: WorkspaceOption, near = terminal.cwd): string {
  if (options.workspace !== undefined) return realFolder(resolve(terminal.cwd, options.workspace));
  return findWorkspace(terminal.host, near);
}
