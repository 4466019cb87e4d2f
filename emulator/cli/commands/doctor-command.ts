import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { findEmulator } from '../../client/discover.ts';
import { userPaths, workspacePaths } from '../../client/paths.ts';
import { type DoctorCheck as Check, type GpuCard, toWindtunnelError, VERSION } from '../../contract/index.ts';
import { loadConfig } from '../../control/config/load-config.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import type { HostGpus } from '../../engines/docker/gpus.ts';
import { createEnvironments } from '../../environments/create-environments.ts';
import { routeFromEnv } from '../../gateway/port/upstream.ts';
import { dockerSearch } from '../docker-parts.ts';
import { originalEnv } from '../exec-env.ts';
import { cardWords } from '../gpu-words.ts';
import { which } from '../machine.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';
import { checkGpu, checkGpuApps, type GpuFindings, gpuApps, machineGpus } from './doctor-gpus.ts';

/** Every check, none of which changes anything; exit 3 when one fails. */
export async function doctor(terminal: Terminal, options: WorkspaceOption & { json?: boolean }): Promise<number> {
  const workspace = workspaceOf(terminal, options);
  const host = await machineGpus(terminal, workspace);
  const docker = await checkDocker(terminal, host);
  const reached = { process: host.cards, docker: docker.cards };
  const gpus: GpuFindings = { ...reached, apps: await gpuApps(terminal, workspace, reached) };
  const checks = [
    ...(await checkPythons(terminal, workspace)),
    checkUv(terminal),
    docker.check,
    checkGpu(terminal, host),
    ...checkGpuApps(gpus),
    checkConfig(workspace),
    checkEmulator(terminal, workspace),
    await checkPort(terminal, workspace),
    checkCertificates(terminal, workspace),
    await checkData(terminal),
    checkProxy(terminal),
  ];
  if (options.json) terminal.out(JSON.stringify({ version: VERSION, workspace, checks, gpus }, null, 2));
  else {
    for (const { name, state, reason, fix } of checks) {
      terminal.out(`${state.padEnd(4)}  ${name.padEnd(12)}  ${reason}`);
      if (fix !== null) terminal.out(`${' '.repeat(20)}fix: ${fix}`);
    }
  }
  return checks.some(({ state }) => state === 'fail') ? EXIT.emulator : EXIT.ok;
}

const ok = (name: string, reason: string): Check => ({ name, state: 'ok', reason, fix: null });

async function checkPythons(terminal: Terminal, workspace: string): Promise<Check[]> {
  const environments = createEnvironments({
    cacheDir: userPaths(terminal.host).root,
    env: originalEnv(terminal.host.env),
    clock: systemClock,
    log: silentLog,
    workspaceDir: workspace,
  });
  const pythons = await environments.inspectPythons(terminal.interrupted);
  const usable = pythons.flatMap(({ result, path, source }) =>
    typeof result === 'string' ? [] : [{ ...result, path, source }],
  );
  const first = usable[0];
  if (first) {
    const others = usable.length > 1 ? `; ${usable.length - 1} more found` : '';
    return [ok('python', `${first.version} (${first.path}, ${first.source})${others}`)];
  }
  const tried = pythons[0];
  const reason = tried ? `${tried.path}: ${String(tried.result)}` : 'no Python was found';
  return [{ name: 'python', state: 'fail', reason, fix: 'Install Python 3.10 or newer with its venv module.' }];
}

function checkUv({ host }: Terminal): Check {
  const path = which(host, 'uv');
  if (path) return ok('uv', path);
  const fix = 'Install uv for faster environments: https://docs.astral.sh/uv/';
  return { name: 'uv', state: 'warn', reason: 'not found: environments are made with pip, more slowly', fix };
}

async function checkDocker(
  { host }: Terminal,
  here: HostGpus,
): Promise<{ check: Check; cards: readonly GpuCard[] | null }> {
  // Loaded here alone: the other commands do without.
  const [{ findDaemon }, { daemonGpus }] = await Promise.all([
    import('../../engines/docker/find-daemon.ts'),
    import('../../engines/docker/gpus.ts'),
  ]);
  const env = originalEnv(host.env);
  try {
    const { candidate, facts } = await findDaemon(dockerSearch(host, env));
    const { cards, reason } = daemonGpus(facts, here);
    const gpus = cards.length > 0 ? cards.map(cardWords).join(', ') : `none (${reason})`;
    return {
      check: ok('docker', `${facts.kind} ${facts.version} at ${candidate.url}; GPUs for containers: ${gpus}`),
      cards,
    };
  } catch (thrown) {
    const error = toWindtunnelError(thrown);
    const reason = `${error.message} Apps run on the process engine; those with a ContainerImage need this.`;
    return { check: { name: 'docker', state: 'warn', reason, fix: error.hint ?? null }, cards: null };
  }
}

function checkConfig(workspace: string): Check {
  try {
    const keys = Object.keys(loadConfig(workspace));
    return ok(
      'config',
      keys.length === 0 ? `none in ${workspace}: defaults` : `windtunnel.jsonc sets ${keys.join(', ')}`,
    );
  } catch (thrown) {
    const error = toWindtunnelError(thrown);
    return { name: 'config', state: 'fail', reason: error.message, fix: error.hint ?? null };
  }
}

function checkEmulator({ host }: Terminal, workspace: string): Check {
  const found = findEmulator(host, workspace);
  if (!found) return ok('emulator', 'not running');
  const { version, pid, url } = found.entry;
  if (version === VERSION) return ok('emulator', `version ${version} at ${url}, pid ${pid}`);
  const fix = 'windtunnel down && windtunnel up';
  return { name: 'emulator', state: 'fail', reason: `runs version ${version}, this command is ${VERSION}`, fix };
}

async function checkPort({ host }: Terminal, workspace: string): Promise<Check> {
  const found = findEmulator(host, workspace);
  if (found) return ok('port', `${found.entry.url} is the emulator's`);
  const port = portOf(workspace);
  const problem = await bindProblem(port);
  if (problem === null) return ok('port', `${port} is free`);
  const fix = `Stop the program that has it, or set "port" in windtunnel.jsonc. Without a setting a free port is taken.`;
  return { name: 'port', state: 'warn', reason: `${port}: ${problem}`, fix };
}

function portOf(workspace: string): number {
  try {
    return loadConfig(workspace).port ?? 8799;
  } catch (thrown) {
    // A broken configuration has its own line.
    if (toWindtunnelError(thrown).code === 'E_CONFIG_INVALID') return 8799;
    throw thrown;
  }
}

function bindProblem(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EADDRINUSE' ? 'used by another program' : error.message),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(null)));
  });
}

function checkCertificates({ host }: Terminal, workspace: string): Check {
  const file = join(workspacePaths(host, workspace).ca, 'ca.pem');
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return ok('certificates', 'the CA of this workspace is made at the first start; it enters no system store');
    }
    throw error;
  }
  const fix = `Delete ${dirname(file)}; a new CA is made at the next start.`;
  try {
    const { validTo } = new X509Certificate(pem);
    const left = Date.parse(validTo) - systemClock.now();
    if (left > 0) return ok('certificates', `CA for fal's hosts and localhost, valid to ${validTo}`);
    return { name: 'certificates', state: 'fail', reason: `the CA ended on ${validTo}`, fix };
  } catch (thrown) {
    return { name: 'certificates', state: 'fail', reason: `${file}: ${toWindtunnelError(thrown).message}`, fix };
  }
}

async function checkData({ host }: Terminal): Promise<Check> {
  const { data } = userPaths(host);
  try {
    if (realpathSync('/data') === realpathSync(data)) return ok('/data', `a link to ${data}`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const unshare = host.platform === 'linux' ? which(host, 'unshare') : null;
  if (unshare) {
    const probe = await firstLine(unshare, host.uid === 0 ? ['-m', 'true'] : ['-Ur', '-m', 'true']);
    if (probe.ok) return ok('/data', `${data}, mounted for each runner alone`);
  }
  const reason = `${data} cannot be shown at /data here; apps that name /data are refused`;
  return { name: '/data', state: 'warn', reason, fix: `sudo ln -s '${data}' /data` };
}

function checkProxy({ host }: Terminal): Check {
  try {
    const env = originalEnv(host.env);
    routeFromEnv(env);
    const proxy = env.HTTPS_PROXY ?? env.https_proxy ?? env.ALL_PROXY ?? env.all_proxy;
    return ok('proxy', proxy ? 'the proxy of this shell is passed through' : 'none in this shell');
  } catch (thrown) {
    const error = toWindtunnelError(thrown);
    return { name: 'proxy', state: 'fail', reason: error.message, fix: error.hint ?? null };
  }
}

const PROBE_MS = 2000;

function firstLine(program: string, args: string[]): Promise<{ ok: boolean; line: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PROBE_MS, encoding: 'utf8' }, (error, stdout, stderr) => {
      const text = error ? stderr || (error.killed ? `no answer within ${PROBE_MS} ms` : error.message) : stdout;
      resolve({ ok: error === null, line: text.trim().split('\n')[0] ?? '' });
    });
  });
}

export function addDoctorCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('doctor')
    .description('check Python, uv, Docker, GPU, port, certificates and /data')
    .option('--json', 'print JSON')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nEach line: state, reason, and the fix. Exit 3 when a check fails.\n\nExample:\n  windtunnel doctor --json',
    )
    .action((options) => run(() => doctor(terminal, options)));
}
