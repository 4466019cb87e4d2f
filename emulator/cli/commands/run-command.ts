import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ControlClient } from '../../client/control-client.ts';
import { realFolder } from '../../client/workspace.ts';
import {
  type AppId,
  type AppStatus,
  type EmulatorEvent,
  toWindtunnelError,
  WindtunnelError,
} from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { attachOrStart } from '../attach.ts';
import { eventPrinter } from '../event-lines.ts';
import { parsePort } from '../parse-port.ts';
import { EXIT, errorLines, exitCodeOf, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface RunOptions extends WorkspaceOption {
  engine?: string;
  port?: string;
  as?: string;
  watch: boolean;
}

/** Starts or joins the emulator of the file's workspace, serves the app until it is stopped, and leaves nothing. */
export async function run(terminal: Terminal, target: string, options: RunOptions): Promise<number> {
  const { file, symbol } = parseTarget(terminal, target);
  const engine = parseEngine(options.engine);
  const as = parseAs(options.as);
  const port = parsePort(options.port);
  realFolder(file);
  const emulator = await attachOrStart(terminal, workspaceOf(terminal, options, file), port);
  try {
    const { client } = emulator;
    const firstStart = new FirstStart();
    const print = printEvents(terminal, client, firstStart);
    const answer = await client.run({ file, symbol, as, engine, watch: options.watch }, terminal.interrupted);
    const { id } = answer.app;
    emulator.onLeave(() => client.remove(id));
    for (const line of banner(answer.app, emulator.url, emulator.joined)) terminal.out(line);
    for (const { level, message } of answer.notices) terminal.out(level === 'warn' ? `warning: ${message}` : message);
    const failed = await firstStart.wait(terminal, client, id);
    if (failed !== null && !options.watch) return failed;
    if (failed !== null) terminal.out('Waiting for a change of the source. Ctrl-C stops.');
    await Promise.race([print, emulator.ended]);
    if (terminal.interrupted.aborted) return EXIT.ok;
    terminal.note('The emulator has ended.');
    return emulator.joined ? EXIT.emulator : EXIT.ok;
  } catch (error) {
    // Ctrl-C is the way to end `run`, not a failure.
    if (terminal.interrupted.aborted) return EXIT.ok;
    throw error;
  } finally {
    await emulator.leave();
  }
}

/** The first start is told by its own answer; this keeps the event of the same failure from telling it again. */
class FirstStart {
  private state: 'running' | 'told by event' | 'told by answer' | 'over' = 'running';
  private message = '';

  /** Null when a runner is ready, else the exit code that a failure means. */
  async wait(terminal: Terminal, client: ControlClient, id: AppId): Promise<number | null> {
    const begun = systemClock.monotonic();
    try {
      await client.start(id, terminal.interrupted);
      this.state = 'over';
      terminal.out(`ready in ${((systemClock.monotonic() - begun) / 1000).toFixed(1)} s`);
      return null;
    } catch (thrown) {
      if (terminal.interrupted.aborted) throw thrown;
      const error = toWindtunnelError(thrown);
      for (const line of errorLines(error)) terminal.out(line);
      this.state = this.state === 'told by event' ? 'over' : 'told by answer';
      this.message = error.message;
      return exitCodeOf(error);
    }
  }

  /** Whether an event says what the answer says. */
  isSame(event: EmulatorEvent): boolean {
    if (event.type !== 'app.failed') return false;
    if (this.state === 'running') {
      this.state = 'told by event';
      return true;
    }
    if (this.state !== 'told by answer' || event.error.message !== this.message) return false;
    this.state = 'over';
    return true;
  }
}

async function printEvents(terminal: Terminal, client: ControlClient, firstStart: FirstStart): Promise<void> {
  const print = eventPrinter(terminal.out);
  for await (const event of client.events({ replay: false }, terminal.interrupted)) {
    if (!firstStart.isSame(event)) print(event);
  }
}

function banner(app: AppStatus, url: string, joined: boolean): string[] {
  const path = app.endpoints.find(({ kind }) => kind === 'http')?.path ?? '/';
  const route = path === '/' ? '' : path;
  return [
    `${app.id}  ${app.file}::${app.symbol}${joined ? '  (in the emulator that runs here already)' : ''}`,
    `  run    ${url}/run/${app.id}${route}`,
    `  queue  ${url}/queue/${app.id}${route}`,
    `  curl   curl -X POST ${url}/run/${app.id}${route} -H 'content-type: application/json' -d '{}'`,
    '  clients: windtunnel exec -- python client.py',
  ];
}

function parseTarget(terminal: Terminal, target: string): { file: string; symbol: string | null } {
  const [file = '', symbol, ...rest] = target.split('::');
  if (file === '' || symbol === '' || rest.length > 0) throw usage(`Not FILE.py[::Symbol]: ${target}`);
  if (!file.endsWith('.py')) throw usage(`Not a Python file: ${file}`, 'Name one file, e.g. `windtunnel run app.py`.');
  return { file: resolve(terminal.cwd, file), symbol: symbol ?? null };
}

function parseEngine(engine: string | undefined): 'auto' | 'process' | 'docker' | null {
  if (engine === undefined) return null;
  if (engine === 'auto' || engine === 'process' || engine === 'docker') return engine;
  throw usage(`No engine ${engine}.`, 'Use auto, process or docker.');
}

function parseAs(as: string | undefined): AppId | null {
  if (as === undefined) return null;
  const match = /^([A-Za-z0-9][\w.-]*)\/([A-Za-z0-9][\w.-]*)$/.exec(as);
  if (match) return `${match[1] ?? ''}/${match[2] ?? ''}`;
  throw new WindtunnelError('E_USAGE', `Not OWNER/NAME: ${as}`);
}

export function addRunCommand(program: Command, act: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('run')
    .description('start the emulator with this app, watch and reload it, serve until stopped')
    .argument('<file>', 'FILE.py, or FILE.py::Symbol where the file has several apps')
    .option('--engine <name>', 'auto, process or docker (default: windtunnel.jsonc, else auto)')
    .option('--port <n>', 'public port (default: windtunnel.jsonc, else 8799, else a free one)')
    .option('--as <owner/name>', 'register it under another name, e.g. to stand in for a public model')
    .option('--no-watch', 'do not reload when files change')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nExamples:\n  windtunnel run app.py\n  windtunnel run app.py::Pixels --as fal-ai/flux\n  windtunnel run app.py --no-watch --port 9000',
    )
    .action((file: string, options: RunOptions) => act(() => run(terminal, file, options)));
}
