import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { connectEmulator } from '../../client/discover.ts';
import { workspacePaths } from '../../client/paths.ts';
import { WindtunnelError } from '../../contract/index.ts';
import { assetUrl } from '../../core/assets.ts';
import { systemClock } from '../../core/clock.ts';
import { makeCaBundles } from '../ca-bundles.ts';
import { type ExecEnvOptions, execEnv, execEnvChanges, originalEnv } from '../exec-env.ts';
import { keepRecord } from '../shell-records.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

const PROXY_VARIABLE = /^(https?|all|no|grpc|wss?)_proxy$/i;

interface Prepared extends ExecEnvOptions {
  /** State folder of the workspace. */
  state: string;
}

/** What exec's environment is made of: a key of this call's own, and bundles that hold the CA beside the user's roots. */
async function prepare(
  terminal: Terminal,
  options: WorkspaceOption,
  label: string,
  deploys = false,
): Promise<Prepared> {
  const { client, entry } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  const original = originalEnv(terminal.host.env);
  const proxyEnv = Object.fromEntries(Object.entries(original).filter(([name]) => PROXY_VARIABLE.test(name)));
  const grant = await client.grant({ label, proxyEnv, deploys });
  const { state } = workspacePaths(terminal.host, entry.workspace);
  const dir = join(state, 'bundles');
  const bundles = makeCaBundles(original, { ca: readFileSync(grant.caFile, 'utf8'), dir });
  for (const note of bundles.notes) terminal.note(`warning: ${note}`);
  return {
    state,
    port: Number(new URL(grant.url).port),
    key: grant.secret,
    falKey: `local:${grant.secret}`,
    bundles: bundles.files,
    preloadPath: fileURLToPath(assetUrl('preload')),
  };
}

export async function exec(terminal: Terminal, command: string[], options: WorkspaceOption): Promise<number> {
  const [program = '', ...args] = command;
  const prepared = await prepare(terminal, options, `exec ${program}`, runsDeploy(command));
  const env = execEnv(terminal.host.env, prepared);
  const child = spawn(program, args, { cwd: terminal.cwd, env, stdio: 'inherit' });
  // Ctrl-C in a terminal reaches the child by itself: passed on as well it would come twice. What `kill` sends reaches only us.
  const ofTerminal: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGWINCH'];
  const pass = (signal: NodeJS.Signals) => {
    if (!(process.stdin.isTTY && ofTerminal.includes(signal))) child.kill(signal);
  };
  const signals: NodeJS.Signals[] = [...ofTerminal, 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
  for (const signal of signals) process.on(signal, pass);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause: NodeJS.ErrnoException) => reject(spawnError(program, cause)));
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    for (const signal of signals) process.off(signal, pass);
  }
}

/** `fal deploy`, and `python -m fal deploy`. */
function runsDeploy(command: readonly string[]): boolean {
  const fal = command.findIndex((word) => basename(word) === 'fal');
  return fal >= 0 && command.indexOf('deploy', fal + 1) >= 0;
}

function spawnError(program: string, cause: NodeJS.ErrnoException): WindtunnelError {
  const what = cause.code === 'ENOENT' ? 'was not found' : `cannot be started (${cause.code})`;
  return new WindtunnelError('E_USAGE', `The program ${program} ${what}.`, { cause });
}

interface EnvOptions extends WorkspaceOption {
  json?: boolean;
  shell?: boolean;
}

export async function env(terminal: Terminal, options: EnvOptions): Promise<number> {
  const prepared = await prepare(terminal, options, 'env');
  const changes = execEnvChanges(terminal.host.env, prepared, (record, before) =>
    keepRecord(join(prepared.state, 'shells'), record, before, systemClock.now()),
  );
  if (options.json) {
    terminal.out(JSON.stringify(changes, null, 2));
    return EXIT.ok;
  }
  for (const [name, value] of Object.entries(changes)) {
    terminal.out(value === null ? `unset ${name}` : `export ${name}=${quote(value)}`);
  }
  return EXIT.ok;
}

const quote = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;

export function addExecCommands(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('exec')
    .description("run any program with fal's clients, SDK and CLI in it led to the emulator")
    .argument('<cmd...>', 'program and arguments, after --')
    .option('--workspace <dir>', 'workspace folder')
    .passThroughOptions()
    .addHelpText(
      'after',
      '\nThe exit code is the program’s.\n\nExamples:\n  windtunnel exec -- python client.py\n  windtunnel exec -- npm test',
    )
    .action((command: string[], options: WorkspaceOption) => run(() => exec(terminal, command, options)));
  program
    .command('env')
    .description('print the variables that `exec` sets')
    .option('--json', 'print JSON; null means unset')
    .option('--shell', 'print lines for a POSIX shell (default)')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText('after', '\nExamples:\n  eval "$(windtunnel env --shell)"\n  windtunnel env --json')
    .action((options: EnvOptions) => run(() => env(terminal, options)));
}
