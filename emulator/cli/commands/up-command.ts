import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import * as z from 'zod/mini';
import { connectEmulator, findEmulator } from '../../client/discover.ts';
import { workspacePaths } from '../../client/paths.ts';
import { SerializedErrorSchema, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import { refuseOtherPort, untilPublished } from '../attach.ts';
import { startEmulator } from '../compose.ts';
import { parsePort } from '../parse-port.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface UpOptions extends WorkspaceOption {
  port?: string;
  listen?: string;
  foreground?: boolean;
  json?: boolean;
  reportFd?: string;
  linger?: string;
}

const ReportSchema = z.union([z.object({ url: z.string() }), z.object({ error: SerializedErrorSchema })]);
type Report = z.infer<typeof ReportSchema>;

/** Starts the emulator in the background and returns when it answers. */
export async function up(terminal: Terminal, options: UpOptions): Promise<number> {
  const workspace = workspaceOf(terminal, options);
  const port = parsePort(options.port);
  const linger = parseLinger(options.linger);
  const listen = options.listen ?? null;
  if (options.foreground) return foreground(terminal, workspace, { port, listen, linger, reportFd: options.reportFd });
  const running = findEmulator(terminal.host, workspace);
  if (!running) await background(terminal, workspace, { port, listen, linger });
  const { entry } = await connectEmulator(terminal.host, workspace);
  refuseOtherPort(entry.url, port);
  const { url, pid, remote } = entry;
  if (listen !== null && !remote) throw notListening(url);
  if (options.json)
    terminal.out(JSON.stringify({ url, pid, workspace: entry.workspace, ...(remote ? { remote } : {}) }));
  else terminal.out(`${running ? 'Already running' : 'Running'} at ${url}  (pid ${pid}, ${entry.workspace})`);
  if (remote && !options.json) {
    terminal.out(`For other machines at ${remote.url}, with a key and the certificate in ${remote.caFile}`);
  }
  return EXIT.ok;
}

function notListening(url: string): WindtunnelError {
  return new WindtunnelError('E_LISTEN', `The emulator at ${url} runs already, and serves this machine alone.`, {
    hint: 'Stop it first with `windtunnel down`.',
    actions: ['windtunnel down'],
  });
}

interface Start {
  port: number | null;
  listen: string | null;
  /** Ends this many seconds after its last client left; null: stays. */
  linger: number | null;
}

async function background(terminal: Terminal, workspace: string, { port, listen, linger }: Start): Promise<void> {
  const paths = workspacePaths(terminal.host, workspace);
  mkdirSync(paths.state, { recursive: true, mode: 0o700 });
  const log = openSync(paths.log, 'a', 0o600);
  const self = process.argv[1] ?? '';
  const args = ['up', '--foreground', '--report-fd', '3', '--workspace', workspace];
  if (port !== null) args.push('--port', String(port));
  if (listen !== null) args.push('--listen', listen);
  if (linger !== null) args.push('--linger', String(linger));
  try {
    const child = spawn(process.execPath, [...process.execArgv, self, ...args], {
      cwd: workspace,
      // glibc gives each of Node's dozen threads an arena of its own, which stay resident: 10 MB with a long queue. And it
      // takes large blocks from an arena once one was freed, where they leave holes: the columns of a long queue grow so.
      env: { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '262144', ...terminal.host.env },
      // A session of its own: Ctrl-C in this terminal and its closing are not meant for it.
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
    });
    const report = await readReport(child.stdio[3] as Readable, paths.log);
    child.unref();
    if ('error' in report) throw rebuilt(report.error);
  } finally {
    closeSync(log);
  }
}

async function readReport(pipe: Readable, log: string): Promise<Report> {
  const chunks: Buffer[] = [];
  for await (const chunk of pipe as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text !== '') return ReportSchema.parse(JSON.parse(text));
  throw new WindtunnelError('E_INTERNAL', 'The emulator ended while it started.', {
    hint: `Its last words are in ${log}`,
  });
}

async function foreground(
  terminal: Terminal,
  workspace: string,
  { port, listen, linger, reportFd }: Start & { reportFd: string | undefined },
): Promise<number> {
  const tell = (report: Report) => {
    if (reportFd === undefined) return;
    writeSync(Number(reportFd), JSON.stringify(report));
    closeSync(Number(reportFd));
  };
  let emulator: Awaited<ReturnType<typeof startEmulator>>;
  try {
    emulator = await startEmulator({ host: terminal.host, workspace, port, listen, linger, note: terminal.note });
    if (!emulator) await untilPublished(terminal, workspace);
  } catch (thrown) {
    tell({ error: toWindtunnelError(thrown).toJSON() });
    throw thrown;
  }
  const url = emulator?.url ?? findEmulator(terminal.host, workspace)?.entry.url ?? '';
  tell({ url });
  if (!emulator) {
    refuseOtherPort(url, port);
    terminal.note(`Another emulator runs for this workspace already, at ${url}`);
    return EXIT.ok;
  }
  if (reportFd === undefined) terminal.out(`Running at ${url}. Ctrl-C stops it.`);
  const interrupted = new Promise<void>((resolve) => {
    // It may have come while the emulator was starting.
    if (terminal.interrupted.aborted) resolve();
    else terminal.interrupted.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([emulator.ended, interrupted]);
  await emulator.dispose();
  return EXIT.ok;
}

function parseLinger(text: string | undefined): number | null {
  if (text === undefined) return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw usage(`Not a number of seconds: ${text}`);
}

function rebuilt(error: z.infer<typeof SerializedErrorSchema>): WindtunnelError {
  const { code, message, hint, actions, detail } = error;
  return new WindtunnelError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(actions === undefined ? {} : { actions }),
    ...(detail === undefined ? {} : { detail }),
  });
}

export function addUpCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('up')
    .description('start the emulator by itself, in the background')
    .option('--port <n>', 'public port; 0 takes any free one (default: windtunnel.jsonc, else 8799, else a free one)')
    .option('--listen <host[:port]>', 'serve other machines too, at this address of this one: over TLS, with a key')
    .option('--foreground', 'stay in this terminal')
    .option('--json', 'print JSON')
    .option('--workspace <dir>', 'workspace folder')
    .option('--linger <seconds>', 'end this long after the last client that follows its events left, as an editor does')
    .addOption(program.createOption('--report-fd <n>').hideHelp())
    .addHelpText('after', '\nExamples:\n  windtunnel up\n  windtunnel up --port 9000 --json')
    .action((options: UpOptions) => run(() => up(terminal, options)));
}
