import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { workspacePaths } from '../../client/paths.ts';
import { type DeployCheck, type Deployment, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import { assetUrl } from '../../core/assets.ts';
import { runCommand } from '../../environments/run-command.ts';
import { decodeSource } from '../../find/decode-source.ts';
import { createFinder } from '../../find/finder.ts';
import { selectApp } from '../../find/select-app.ts';
import { CodeRecords, codeChanges } from '../deploy/code-record.ts';
import { deployLines } from '../deploy/deploy-lines.ts';
import { deploymentDiff } from '../deploy/deployment-diff.ts';
import { dockerfileChecks } from '../deploy/dockerfile-check.ts';
import {
  askFal,
  HealthSchema,
  type Inspection,
  InspectionSchema,
  type LoadedApp,
  type RemoteState,
} from '../deploy/fal-project.ts';
import { loadChecks, secretChecks, sourceChecks } from '../deploy/local-checks.ts';
import { requirementCheck } from '../deploy/requirement-check.ts';
import { falDeployArguments, runFalDeploy } from '../deploy/run-fal-deploy.ts';
import { findUserFal, type UserFal } from '../deploy/user-fal.ts';
import { EXIT, exitCodeOf, report, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface DeployOptions extends WorkspaceOption {
  env?: string;
  profile?: string;
  team?: string;
  appName?: string;
  auth?: string;
  strategy?: string;
  message?: string;
  wait?: number;
  resetScale?: boolean;
  dryRun?: boolean;
  force?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** How far a deployment came, and what an interruption leaves then. */
const INTERRUPTED = {
  checks: { message: 'Interrupted: nothing was deployed.' },
  deployment: {
    message: 'Interrupted while fal deployed.',
    hint: 'What was deployed before serves on, unless fal had all that it needs: `fal apps list` shows what serves.',
  },
  answer: { message: 'Interrupted: it is deployed, and whether it answers was not waited for.' },
} satisfies Record<string, { message: string; hint?: string }>;
interface Progress {
  stage: keyof typeof INTERRUPTED;
}

/** Checks, shows what changes, runs the real `fal deploy` outside of the emulator, and waits until the app answers. */
export async function deploy(terminal: Terminal, target: string, options: DeployOptions): Promise<number> {
  const deployment: Deployment = {
    ok: false,
    app: null,
    account: null,
    checks: [],
    changes: null,
    code: null,
    deployedText: null,
    revision: null,
    url: null,
    error: null,
  };
  const progress: Progress = { stage: 'checks' };
  try {
    await stages(terminal, target, options, deployment, progress);
    deployment.ok = true;
    if (options.json) terminal.out(JSON.stringify(deployment, null, 2));
    return EXIT.ok;
  } catch (thrown) {
    const { aborted } = terminal.interrupted;
    const { message, ...more } = INTERRUPTED[progress.stage];
    const error = aborted ? new WindtunnelError('E_CANCELLED', message, more) : toWindtunnelError(thrown);
    if (options.json) terminal.out(JSON.stringify({ ...deployment, error: error.toJSON() }, null, 2));
    else report(terminal, error);
    return aborted ? EXIT.interrupted : exitCodeOf(error);
  }
}

async function stages(
  terminal: Terminal,
  target: string,
  options: DeployOptions,
  deployment: Deployment,
  progress: Progress,
) {
  const { file, symbol } = parseTarget(terminal, target);
  const workspace = workspaceOf(terminal, options, dirname(file));
  const show = deployLines(terminal);
  const fal = findUserFal(terminal.host, dirname(file), workspace, options.profile);
  const { findings, chosen } = await readSource(file, symbol);
  const { inspection, app, remote, checks } = await look(terminal, { file, symbol: chosen, fal, findings }, options);
  deployment.account = inspection.account;
  deployment.checks = checks;
  deployment.app = app && remote ? `${remote.user}/${app.alias}` : null;
  show.account(inspection.account, fal.cli, deployment.app);
  show.checks(checks);
  const failed = checks.filter(({ state }) => state === 'error');
  if (app === null || (failed.length > 0 && !options.force)) throw checksFailed(failed, app !== null);
  if (remote === null) throw unreachable(inspection);

  const records = new CodeRecords(join(workspacePaths(terminal.host, workspace).state, 'deployed'));
  const place = `${inspection.account.host}/${deployment.app}`;
  deployment.changes = deploymentDiff(app, remote, { auth: options.auth, resetScale: options.resetScale ?? false });
  const record = records.deployed(place, remote.annotations['windtunnel.code'] ?? '');
  deployment.code = record && codeChanges(record, app.code);
  deployment.deployedText = record?.text ?? null;
  show.changes(deployment.app ?? '', remote.deployed?.revision ?? null, deployment.changes, deployment.code);
  if (options.dryRun) return;
  if (terminal.interactive && !options.yes && !options.json) await confirm(terminal);

  show.heading('deploying');
  progress.stage = 'deployment';
  const ref = `${file}::${chosen}`;
  const args = falDeployArguments(app, { ref, ...flagsOf(options) });
  const { cwd, interrupted: signal } = terminal;
  await runFalDeploy(fal, args, { cwd, signal, onLine: show.line });
  progress.stage = 'answer';
  await awaitHealthy(terminal, { fal, app, remote }, options, deployment, show.line);
  records.keep(place, app.code);
  show.done(deployment.url ?? '', deployment.revision ?? '');
}

const flagsOf = ({ env, team, appName, auth, strategy, resetScale = false, message }: DeployOptions) => ({
  env,
  team,
  appName,
  auth,
  strategy,
  resetScale,
  message,
});

async function readSource(file: string, symbol: string | null) {
  if (!existsSync(file)) throw new WindtunnelError('E_FILE_UNREADABLE', `There is no file ${file}.`);
  const finder = await createFinder({ wasmDir: fileURLToPath(new URL('.', assetUrl('treeSitterWasm'))) });
  const source = decodeSource(readFileSync(file));
  const { symbol: chosen } = selectApp(finder.findInSource(source, file), file, symbol ?? undefined);
  return { findings: finder.checkSource(source), chosen };
}

interface Subject {
  file: string;
  symbol: string;
  fal: UserFal;
  findings: Parameters<typeof sourceChecks>[0];
}

/** All checks, and what they stand on. */
async function look(terminal: Terminal, { file, symbol, fal, findings }: Subject, options: DeployOptions) {
  const { cwd, interrupted: signal } = terminal;
  const { env, profile, team, appName, auth } = options;
  const ask = { file, symbol, env, profile, team, appName, auth };
  const inspection = await askFal(fal, 'inspect', ask, InspectionSchema, { cwd, signal });
  const app: LoadedApp | null = 'value' in inspection.app ? inspection.app.value : null;
  const remote: RemoteState | null = 'value' in inspection.remote ? inspection.remote.value : null;
  const checks = [...sourceChecks(findings), ...loadChecks(inspection)];
  if (app !== null) {
    checks.push(await requirementCheck(app, inspection.versions.python, fal, { run: runCommand, cwd, signal }));
    checks.push(...dockerfileChecks(app, dirname(file)));
    if (remote !== null) checks.push(...secretChecks(app, remote.secrets, env ?? 'main'));
  }
  return { inspection, app, remote, checks };
}

function checksFailed(failed: readonly DeployCheck[], canForce: boolean): WindtunnelError {
  const [first] = failed;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
  return new WindtunnelError('E_DEPLOY_CHECKS', `${first?.message ?? 'The app cannot be loaded.'}${more}`, {
    hint: canForce
      ? 'Mend what the checks name, or deploy all the same with --force.'
      : (first?.hint ?? 'Mend the file.'),
    ...(first?.detail === undefined ? {} : { detail: first.detail }),
  });
}

function unreachable({ remote, account }: Inspection): WindtunnelError {
  const error = 'error' in remote ? remote.error : null;
  return new WindtunnelError('E_REMOTE', `${account.host} could not be asked: ${error?.message ?? 'no answer'}`, {
    hint: 'Log in with `fal auth login`, choose a profile with --profile, or set FAL_KEY.',
    ...(error === null ? {} : { detail: error.traceback }),
  });
}

async function confirm(terminal: Terminal): Promise<void> {
  const readline = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await readline.question('Deploy this? [y/N] ', { signal: terminal.interrupted });
    if (!/^y(es)?$/i.test(answer.trim())) throw new WindtunnelError('E_CANCELLED', 'Nothing was deployed.');
  } finally {
    readline.close();
  }
}

/** A start may take as long as the app allows it, and a switch some seconds more. */
const MORE_SECONDS = 60;
const STARTUP_SECONDS = 600;

async function awaitHealthy(
  terminal: Terminal,
  { fal, app, remote }: { fal: UserFal; app: LoadedApp; remote: RemoteState },
  { env, profile, team, wait }: DeployOptions,
  deployment: Deployment,
  onLine: (line: string) => void,
): Promise<void> {
  const startup = app.host.startup_timeout;
  const ask = {
    env,
    profile,
    team,
    name: app.name,
    alias: app.alias,
    user: remote.user,
    before: remote.deployed?.revision ?? null,
    healthPath: app.health?.path ?? null,
    healthMethod: app.health?.method ?? null,
    seconds: wait ?? (typeof startup === 'number' ? startup : STARTUP_SECONDS) + MORE_SECONDS,
  };
  const { cwd, interrupted: signal } = terminal;
  const health = await askFal(fal, 'healthy', ask, HealthSchema, { cwd, signal, onProgress: onLine });
  deployment.revision = health.revision;
  deployment.url = health.url;
  if (!health.late) return;
  throw new WindtunnelError('E_DEPLOY_UNHEALTHY', `${health.url} does not answer as healthy: ${health.checked}`, {
    hint: `See what its runners say: fal apps runners ${app.name}; go back: fal apps set-rev ${app.name} REVISION`,
  });
}

function parseTarget(terminal: Terminal, target: string): { file: string; symbol: string | null } {
  const [file = '', symbol, ...rest] = target.split('::');
  if (!file.endsWith('.py') || symbol === '' || rest.length > 0) throw usage(`Not FILE.py[::Symbol]: ${target}`);
  return { file: resolve(terminal.cwd, file), symbol: symbol ?? null };
}

const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number of seconds.');
};

export function addDeployCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('deploy')
    .description('check an app, show what changes, deploy it to the real fal, wait until it answers')
    .argument('<file>', 'FILE.py, or FILE.py::Symbol where the file has several apps')
    .option('--env <name>', 'environment at fal (default: main)')
    .option('--profile <name>', 'profile of ~/.fal/config.toml (default: the chosen one)')
    .option('--team <name>', 'team to deploy as')
    .option('--app-name <name>', 'another name than the app’s own')
    .addOption(new Option('--auth <mode>', 'who may call it').choices(['private', 'public', 'shared']))
    .addOption(new Option('--strategy <name>', 'how the new code takes over').choices(['rolling', 'recreate']))
    .option('--message <text>', 'kept with the revision')
    .option('--wait <seconds>', 'how long it may take to answer (default: its startup_timeout and a minute)', seconds)
    .option('--reset-scale', 'take scaling from the code, not from what is deployed')
    .option('--dry-run', 'stop after the checks and the comparison')
    .option('--force', 'deploy although a check failed')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON document at the end; progress goes to stderr')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nIt goes where your own `fal deploy` would go, also in a shell that `exec` or `env` leads to the emulator.\nExit 1 where a check, the deployment or the app fails.\n\nExamples:\n  windtunnel deploy app.py\n  windtunnel deploy app.py::Pixels --env staging --dry-run',
    )
    .action((file: string, options: DeployOptions) => run(() => deploy(terminal, file, options)));
}
