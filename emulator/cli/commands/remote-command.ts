import type { Command } from 'commander';
import { type Holdings, HoldingsSchema, WindtunnelError } from '../../contract/index.ts';
import { askFal } from '../deploy/fal-project.ts';
import { findUserFal } from '../deploy/user-fal.ts';
import { table } from '../table.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface RemoteOptions extends WorkspaceOption {
  env?: string;
  profile?: string;
  team?: string;
  json?: boolean;
}

/** What the user's own account at fal holds, asked through the user's own fal, outside of the emulator. */
export async function remote(terminal: Terminal, options: RemoteOptions): Promise<number> {
  const { env, profile, team } = options;
  const { cwd, interrupted: signal } = terminal;
  const fal = findUserFal(terminal.host, cwd, workspaceOf(terminal, options), profile);
  const holdings = await askFal(fal, 'holdings', { env, profile, team }, HoldingsSchema, { cwd, signal }).catch(
    (thrown: unknown) => {
      if (!(thrown instanceof WindtunnelError) || !isSignedOut(thrown)) throw thrown;
      throw new WindtunnelError('E_SIGNED_OUT', 'fal does not know who you are, or refused the key.', {
        hint: 'Log in with `fal auth login`, choose a profile with --profile, or set FAL_KEY.',
        actions: ['fal auth login'],
        detail: thrown.message,
      });
    },
  );
  if (options.json) terminal.out(JSON.stringify(holdings, null, 2));
  else for (const line of lines(holdings)) terminal.out(line);
  return EXIT.ok;
}

/** In the words of the SDK, nobody is logged in; in those of a server, the key is none. */
const isSignedOut = ({ code, message }: WindtunnelError): boolean =>
  code === 'E_REMOTE' && /authenticat|unauthorized|\b401\b|\bkey\b.*\bnot\b|invalid\b.*\bkey\b/i.test(message);

function lines({ account, user, apps, secrets }: Holdings): string[] {
  const rows = apps.map(({ alias, revision, auth, machines, revisions, runners }) => [
    alias,
    revision,
    String(revisions.length),
    auth,
    machines.join(', '),
    runners.map(({ id, state }) => `${id.slice(0, 8)} ${state}`).join(', ') || '-',
  ]);
  return [
    `${user} at ${account.host}`,
    '',
    ...(rows.length === 0
      ? ['no apps']
      : table([['APP', 'REVISION', 'REVISIONS', 'AUTH', 'MACHINE', 'RUNNERS'], ...rows])),
    '',
    `secrets: ${secrets.join(', ') || 'none'}`,
  ];
}

export function addRemoteCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('remote')
    .description('show what your account at the real fal holds: apps, revisions, runners, names of secrets')
    .option('--env <name>', 'environment at fal (default: main)')
    .option('--profile <name>', 'profile of ~/.fal/config.toml (default: the chosen one)')
    .option('--team <name>', 'team to look at')
    .option('--json', 'print JSON')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nIt asks your own fal, where `fal apps list` would go.\n\nExample:\n  windtunnel remote --json',
    )
    .action((options: RemoteOptions) => run(() => remote(terminal, options)));
}
