import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { findEmulator } from '../../client/discover.ts';
import { userPaths, workspacePaths } from '../../client/paths.ts';
import { claimWorkspace, readRegistry } from '../../client/registry.ts';
import { WindtunnelError } from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { formatBytes, table } from '../table.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface CleanOptions extends WorkspaceOption {
  state?: boolean;
  data?: boolean;
  yes?: boolean;
  json?: boolean;
}

interface Item {
  what: string;
  path: string;
  bytes: number;
  /** Removed by this call, moved aside, or only shown. */
  action: 'remove' | 'move aside' | 'keep';
}

/** Shows what Windtunnel keeps on this machine and removes what was asked for; caches where nothing was. */
export async function clean(terminal: Terminal, options: CleanOptions): Promise<number> {
  const workspace = workspaceOf(terminal, options);
  const items = listItems(terminal, workspace, options);
  if (options.json) terminal.out(JSON.stringify({ items }, null, 2));
  else {
    const rows = items.map(({ what, bytes, action, path }) => [action, what, formatBytes(bytes), path]);
    for (const line of table([['ACTION', 'WHAT', 'SIZE', 'PATH'], ...rows])) terminal.out(line);
  }
  const chosen = items.filter(({ action, bytes }) => action === 'move aside' || (action === 'remove' && bytes > 0));
  if (chosen.length === 0) {
    terminal.note('Nothing to remove.');
    return EXIT.ok;
  }
  refuseWhileRunning(terminal, workspace, chosen);
  if (!options.yes && !(await confirmed(terminal, chosen))) {
    terminal.note('Nothing was removed.');
    return EXIT.ok;
  }
  for (const item of chosen) apply(terminal, workspace, item);
  return EXIT.ok;
}

function listItems({ host }: Terminal, workspace: string, options: CleanOptions): Item[] {
  const user = userPaths(host);
  const { state } = workspacePaths(host, workspace);
  const caches = !options.state && !options.data;
  const item = (what: string, path: string, action: Item['action']): Item => ({
    what,
    path,
    bytes: sizeOf(path),
    action,
  });
  return [
    item('environments of apps (made again when needed)', user.envs, caches ? 'remove' : 'keep'),
    item(
      'state of this workspace: queue, results, records of requests, files, keys',
      state,
      options.state ? 'move aside' : 'keep',
    ),
    item('/data of all apps: model caches and what apps keep', user.data, options.data ? 'remove' : 'keep'),
    item('secrets', user.secrets, 'keep'),
  ].filter(({ bytes }) => bytes > 0);
}

function refuseWhileRunning(terminal: Terminal, workspace: string, chosen: readonly Item[]): void {
  const { state, user } = workspacePaths(terminal.host, workspace);
  const own = chosen.some(({ path }) => path === state) && findEmulator(terminal.host, workspace);
  const shared = chosen.some(({ path }) => path === user.envs || path === user.data);
  const running = own ? [workspace] : shared ? runningWorkspaces(join(user.root, 'workspaces')) : [];
  if (running.length === 0) return;
  throw new WindtunnelError('E_USAGE', `An emulator runs and uses this: ${running.join(', ')}`, {
    hint: `Stop it first: windtunnel down --workspace '${running[0]}'`,
    actions: running.map((folder) => `windtunnel down --workspace '${folder}'`),
  });
}

function runningWorkspaces(folder: string): string[] {
  return list(folder)
    .map((key) =>
      readRegistry({ registry: join(folder, key, 'registry.json'), lock: join(folder, key, 'emulator.lock') }),
    )
    .flatMap((entry) => (entry ? [entry.workspace] : []));
}

async function confirmed(terminal: Terminal, chosen: readonly Item[]): Promise<boolean> {
  const total = formatBytes(chosen.reduce((sum, { bytes }) => sum + bytes, 0));
  if (!terminal.interactive) {
    terminal.note(`Pass --yes to go on (${total}).`);
    return false;
  }
  const readline = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await readline.question(`Go on (${total})? [y/N] `, { signal: terminal.interrupted });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    readline.close();
  }
}

function apply(terminal: Terminal, workspace: string, { what, path, action }: Item): void {
  if (action === 'remove') {
    rmSync(path, { recursive: true, force: true });
    terminal.note(`Removed: ${what}`);
    return;
  }
  // Under the lock, so that no emulator starts on the folder while it is moved; the lock moves along.
  const files = workspacePaths(terminal.host, workspace);
  if (!claimWorkspace(files)) throw new WindtunnelError('E_USAGE', 'An emulator of this workspace has just started.');
  const stamp = new Date(systemClock.now()).toISOString().replace(/[:.]/g, '-');
  const aside = `${path}.${stamp}`;
  renameSync(path, aside);
  rmSync(join(aside, basename(files.lock)), { force: true });
  terminal.note(`Moved aside: ${what}\n  ${aside}`);
}

function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

export function addCleanCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('clean')
    .description('show what is kept on this machine, and remove caches')
    .option('--state', 'move the state of this workspace aside, e.g. a damaged one')
    .option('--data', 'remove /data: model caches and what apps keep there')
    .option('--yes', 'do not ask')
    .option('--json', 'print the list as JSON')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText('after', '\nExamples:\n  windtunnel clean\n  windtunnel clean --state --yes')
    .action((options: CleanOptions) => run(() => clean(terminal, options)));
}
