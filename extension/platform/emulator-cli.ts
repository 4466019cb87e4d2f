import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { toWindtunnelError, WindtunnelError } from '../../emulator/contract/index.ts';
import { thisHost } from './host.ts';
import { requireTrust } from './workspace-trust.ts';

export interface CliAnswer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Environment under which the editor's own executable is Node. */
export const NODE_ENV = { ELECTRON_RUN_AS_NODE: '1' } as const;

/** What the bundled CLI runs under: the editor's environment, without what would have it wait for a debugger of the editor. */
export const cliEnv = () => ({ ...withoutInspector(thisHost().env), ...NODE_ENV });

export interface CliOptions {
  cwd: string;
  /** Interrupts it: it says so, and ends by itself. */
  signal?: AbortSignal;
  /** Of stderr, as they come. */
  onLine?: (line: string) => void;
}

/** Runs the bundled CLI under the editor's own Node. Rejects only when it cannot, or must not, be started. */
export async function runCli(emulatorJs: string, args: readonly string[], { cwd, signal, onLine }: CliOptions) {
  requireTrust();
  return new Promise<CliAnswer>((resolve, reject) => {
    const child = spawn(process.execPath, [emulatorJs, ...args], {
      cwd,
      env: cliEnv(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const interrupt = () => child.kill('SIGINT');
    signal?.addEventListener('abort', interrupt, { once: true });
    if (onLine) createInterface({ input: child.stderr }).on('line', onLine);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString('utf8');
    });
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString('utf8');
    });
    child.once('error', (error) => reject(toWindtunnelError(error)));
    child.once('close', (code) => {
      signal?.removeEventListener('abort', interrupt);
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}

/** As `runCli`; rejects with what the command said unless it exits 0. */
export async function runCliOk(emulatorJs: string, args: readonly string[], options: { cwd: string }): Promise<string> {
  const { code, stdout, stderr } = await runCli(emulatorJs, args, options);
  if (code === 0) return stdout;
  const [first = `windtunnel ${args[0]} exited with ${code}`, ...rest] = stderr.trim().split('\n');
  throw new WindtunnelError(code === 3 ? 'E_INTERNAL' : 'E_USAGE', first, { detail: rest.join('\n') });
}

/** A debugger of the extension host must not be attached to the emulator as well. */
function withoutInspector(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const { NODE_OPTIONS: _options, VSCODE_INSPECTOR_OPTIONS: _inspector, ...rest } = env;
  return rest;
}
