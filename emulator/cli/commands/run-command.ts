import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ControlClient } from '../../client/control-client.ts';
import { askExampleInput } from '../../client/example-input.ts';
import { realFolder } from '../../client/workspace.ts';
import {
  type AppId,
  type AppStatus,
  type EmulatorEvent,
  toWindtunnelError,
  WindtunnelError,
} from '../../contract/index.ts';
import { loadScenario } from '../../control/config/load-scenario.ts';
import { systemClock } from '../../core/clock.ts';
import { attachOrStart } from '../attach.ts';
import { EventPrinter } from '../event-lines.ts';
import { parsePort } from '../parse-port.ts';
import { EXIT, errorLines, exitCodeOf, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface RunOptions extends WorkspaceOption {
  engine?: string;
  port?: string;
  as?: string;
  watch: boolean;
  verbose?: boolean;
  scenario?: string;
}

/** Starts or joins the emulator of the file's workspace, serves the app until it is stopped, and leaves nothing. */
export async function run(terminal: Terminal, target: string, options: RunOptions): Promise<number> {
  const { file, symbol } = parseTarget(terminal, target);
  const engine = parseEngine(options.engine);
  const as = parseAs(options.as);
  const port = parsePort(options.port);
  realFolder(file);
  const workspace = workspaceOf(terminal, options, file);
  const scenario = options.scenario === undefined ? null : loadScenario(options.scenario, terminal.cwd, workspace);
  const emulator = await attachOrStart(terminal, workspace, port);
  try {
    const { client } = emulator;
    const firstStart = new FirstStart();
    const introduced = deferred<AppId>();
    const holder = randomUUID();
    const print = printEvents(terminal, client, { holder, firstStart, introduced: introduced.promise, ...options });
    const request = { file, symbol, as, engine, watch: options.watch, ...(scenario ? { scenario } : {}) };
    const answer = await client.run(request, terminal.interrupted, holder);
    const { id } = answer.app;
    emulator.onLeave(() => client.remove(id, holder));
    for (const line of banner(answer.app, emulator.url, emulator.joined)) terminal.out(line);
    for (const { level, message } of answer.notices) {
      terminal.out(level === 'warn' ? `${terminal.style.yellow('warning')}: ${message}` : message);
    }
    if (scenario) {
      const what = scenario.description ?? `${scenario.rules.length} rules`;
      terminal.out(`${terminal.style.yellow('scenario')}: ${options.scenario}: ${what}`);
    }
    introduced.resolve(id);
    const failed = await firstStart.wait(terminal, client, id);
    if (failed !== null && !options.watch) return failed;
    // What a scenario does to the first request is meant for the first of the user.
    if (failed === null && !scenario) terminal.out(await curlLine(terminal, client, answer.app, emulator.url));
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
    terminal.status(null);
    await emulator.leave();
  }
}

/** The event that a runner is ready is on its way when the call for it is answered. ms. */
const EVENT_MS = 500;

/** The first start is told by its own answer; this keeps the event of the same failure from telling it again. */
class FirstStart {
  private state: 'running' | 'told by event' | 'told by answer' | 'over' = 'running';
  private message = '';
  private readonly said = new AbortController();

  /** Null when a runner is ready, else the exit code that a failure means. */
  async wait(terminal: Terminal, client: ControlClient, id: AppId): Promise<number | null> {
    const begun = systemClock.monotonic();
    try {
      await client.start(id, terminal.interrupted);
      this.state = 'over';
      // The event says it better, with what took how long; there is none where a runner was ready before us.
      await systemClock.sleep(EVENT_MS, this.said.signal).catch(() => undefined);
      const seconds = (systemClock.monotonic() - begun - EVENT_MS) / 1000;
      if (!this.said.signal.aborted) terminal.out(terminal.style.green(`ready in ${seconds.toFixed(1)} s`));
      return null;
    } catch (thrown) {
      if (terminal.interrupted.aborted) throw thrown;
      const error = toWindtunnelError(thrown);
      terminal.status(null);
      for (const line of errorLines(error)) terminal.out(line);
      this.state = this.state === 'told by event' ? 'over' : 'told by answer';
      this.message = error.message;
      return exitCodeOf(error);
    }
  }

  /** An event has said that it is ready. */
  told(): void {
    this.said.abort();
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

interface Telling {
  /** Under which this `run` holds its app. */
  holder: string;
  firstStart: FirstStart;
  /** The app, once its introduction is printed: what happens meanwhile is told after it. */
  introduced: Promise<AppId>;
  verbose?: boolean;
}

async function printEvents(terminal: Terminal, client: ControlClient, telling: Telling): Promise<void> {
  const { out, status, style } = terminal;
  const { holder, firstStart, verbose = false } = telling;
  let printer: EventPrinter | null = null;
  const early: EmulatorEvent[] = [];
  const tell = (event: EmulatorEvent) => {
    if (!printer) early.push(event);
    else if (!firstStart.isSame(event)) printer.print(event);
  };
  void telling.introduced.then((home) => {
    printer = new EventPrinter({ print: out, status, style, verbose, home, onReady: () => firstStart.told() });
    for (const event of early.splice(0)) tell(event);
  });
  for await (const event of client.events({ replay: false, holder }, terminal.interrupted)) tell(event);
  status(null);
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((onValue) => {
    resolve = onValue;
  });
  return { promise, resolve };
}

const firstPath = ({ endpoints }: AppStatus): string => endpoints.find(({ kind }) => kind === 'http')?.path ?? '/';
const routeOf = (path: string): string => (path === '/' ? '' : path);

/** A call that the app takes as it stands here, once its runner has said what that is. */
async function curlLine(
  { interrupted }: Terminal,
  client: ControlClient,
  app: AppStatus,
  url: string,
): Promise<string> {
  const path = firstPath(app);
  const body = await askExampleInput({ client, url, app: app.id, path, signal: interrupted });
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  return `  curl   curl -X POST ${url}/run/${app.id}${routeOf(path)} -H 'content-type: application/json' -d '${json}'`;
}

function banner(app: AppStatus, url: string, joined: boolean): string[] {
  const route = routeOf(firstPath(app));
  return [
    `${app.id}  ${app.file}::${app.symbol}${joined ? '  (in the emulator that runs here already)' : ''}`,
    `  run    ${url}/run/${app.id}${route}`,
    `  queue  ${url}/queue/${app.id}${route}`,
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
    .option('--scenario <name>', 'inject faults: a scenario file, a name in .windtunnel/scenarios, or a preset')
    .option('--no-watch', 'do not reload when files change')
    .option('--verbose', 'also print each step of an installation, and what servers and the SDK say about themselves')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nExamples:\n  windtunnel run app.py\n  windtunnel run app.py::Pixels --as fal-ai/flux\n  windtunnel run app.py --no-watch --port 9000\n  windtunnel run app.py --scenario flaky',
    )
    .action((file: string, options: RunOptions) => act(() => run(terminal, file, options)));
}
