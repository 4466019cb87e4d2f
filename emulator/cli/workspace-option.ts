import { isAbsolute, relative, resolve } from 'node:path';
import { findWorkspace, realFolder } from '../client/workspace.ts';
import type { Terminal } from './terminal.ts';

export interface WorkspaceOption {
  workspace?: string;
}

/**
 * The workspace of a command: `--workspace DIR`, else the one that `near` (a file, or the current folder) belongs to. A file
 * below the current folder that belongs to none is of that folder: where the next command will be called, too.
 */
export function workspaceOf(terminal: Terminal, options: WorkspaceOption, near = terminal.cwd): string {
  if (options.workspace !== undefined) return realFolder(resolve(terminal.cwd, options.workspace));
  const here = realFolder(terminal.cwd);
  const inside = relative(here, realFolder(near));
  return findWorkspace(terminal.host, near, /^\.\.(\/|$)/.test(inside) || isAbsolute(inside) ? undefined : here);
}
