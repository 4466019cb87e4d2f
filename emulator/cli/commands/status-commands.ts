import type { Command } from 'commander';
import type { ControlClient } from '../../client/control-client.ts';
import { connectEmulator, findEmulator } from '../../client/discover.ts';
import { processStart } from '../../client/process-identity.ts';
import { type AppStatus, type Status, WindtunnelError } from '../../contract/index.ts';
import { systemClock } from '../../core/clock.ts';
import { demandWords, fitWords } from '../gpu-words.ts';
import { entryLine } from '../log-line.ts';
import { requestHead, storyLines } from '../request-lines.ts';
import { formatAge, formatBytes, table } from '../table.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface JsonOption extends WorkspaceOption {
  json?: boolean;
}

export async function ps(terminal: Terminal, options: JsonOption): Promise<number> {
  const { client } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  const status = await client.status();
  if (options.json) terminal.out(JSON.stringify(status, null, 2));
  else for (const line of statusLines(status)) terminal.out(line);
  return EXIT.ok;
}

function statusLines(status: Status): string[] {
  const head = `emulator ${status.version}  ${status.url}  pid ${status.pid}  ${status.workspace}`;
  if (status.apps.length === 0) return [head, 'no apps; register one with `windtunnel run FILE.py`'];
  const apps = status.apps.map((app) => [
    app.id,
    app.revision,
    app.engine,
    String(app.queued),
    String(app.running),
    String(app.runners.length),
    appState(app),
  ]);
  const withGpus = status.apps.some(({ gpuDemands }) => gpuDemands.length > 0);
  const runners = status.apps.flatMap((app) =>
    app.runners.map((runner) => [
      runner.id,
      app.id,
      runner.phase && runner.phase !== 'ready' ? `${runner.state} (${runner.phase})` : runner.state,
      `${runner.inFlight}/${runner.slots}`,
      runner.memoryBytes === null ? '-' : formatBytes(runner.memoryBytes),
      ...(withGpus ? [runner.gpus.join(' ') || '-'] : []),
      formatAge(systemClock.now() - runner.startedAt),
    ]),
  );
  const lines = [head, '', ...table([['APP', 'REVISION', 'ENGINE', 'QUEUED', 'RUNNING', 'RUNNERS', 'STATE'], ...apps])];
  if (runners.length > 0) {
    const columns = ['RUNNER', 'APP', 'STATE', 'BUSY', 'MEMORY', ...(withGpus ? ['GPUS'] : []), 'AGE'];
    lines.push('', ...table([columns, ...runners]));
  }
  return withGpus || status.gpus.length > 0 ? [...lines, ...gpuLines(status)] : lines;
}

/** What apps ask for beside what their engine reaches here, then each card with who has it. */
function gpuLines({ apps, gpus }: Status): string[] {
  const demands = apps.flatMap(({ id, engine, gpuDemands }) => {
    const reached = gpus.filter(({ engines }) => engines.includes(engine));
    return gpuDemands.map((demand) => [id, demandWords(demand), fitWords(demand, reached)]);
  });
  const cards = gpus.map(({ id, name, vramBytes, engines, runners }) => [
    id,
    name,
    vramBytes === null ? '?' : formatBytes(vramBytes),
    engines.join(', '),
    runners.join(' ') || 'free',
  ]);
  return [
    ...(demands.length > 0 ? ['', ...table([['APP', 'ASKS FOR', 'HERE'], ...demands])] : []),
    ...(cards.length > 0 ? ['', ...table([['GPU', 'NAME', 'MEMORY', 'ENGINES', 'RUNNER'], ...cards])] : []),
  ];
}

function appState(app: AppStatus): string {
  if (app.lastError) return `failed: ${app.lastError.message}`;
  return app.runners.length > 0 ? 'up' : 'scaled to zero';
}

interface LogsOptions extends JsonOption {
  follow?: boolean;
  export?: boolean;
  level: string;
}

/** A request's id, or its first eight characters as `run` prints them. */
const REQUEST_ID = /^[0-9a-f]{8}(?:-[0-9a-f-]*)?$/;

/** The whole story of a queued request: each step, what it printed, its input and its result. */
async function requestStory(
  terminal: Terminal,
  client: ControlClient,
  id: string,
  { follow = false, json = false, export: whole = false, level }: LogsOptions,
): Promise<number> {
  const document = await client.request(id);
  if (whole) {
    terminal.out(JSON.stringify(document, null, 2));
    return EXIT.ok;
  }
  const { request } = document;
  if (!json) terminal.out(requestHead(request));
  for await (const event of client.requestEvents(request.id, follow, terminal.interrupted)) {
    if (event.type === 'log' && event.line.level === 'DEBUG' && level !== 'debug') continue;
    if (json) terminal.out(JSON.stringify(event));
    else for (const line of storyLines(event, terminal.style)) terminal.out(line);
  }
  return EXIT.ok;
}

export async function logs(terminal: Terminal, of: string | undefined, options: LogsOptions): Promise<number> {
  const { client } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  if (options.export && of === undefined) throw usage('--export needs the id of a request.');
  if (of !== undefined && REQUEST_ID.test(of)) {
    try {
      return await requestStory(terminal, client, of, options);
    } catch (error) {
      // A runner, a direct call, or an app of such a name: what they printed is below.
      const unknown = error instanceof WindtunnelError && error.code === 'E_UNKNOWN_REQUEST';
      if (!unknown || options.export) throw error;
    }
  }
  const debug = options.level === 'debug';
  const query = { of: of ?? null, follow: options.follow ?? false };
  for await (const entry of client.logs(query, terminal.interrupted)) {
    if (entry.line.level === 'DEBUG' && !debug) continue;
    terminal.out(options.json ? JSON.stringify(entry) : entryLine(entry, systemClock.now(), terminal.style));
  }
  return EXIT.ok;
}

const STOP_MS = 30_000;

/** Stops the emulator of the workspace and waits until its process is gone. */
export async function down(terminal: Terminal, options: WorkspaceOption): Promise<number> {
  const workspace = workspaceOf(terminal, options);
  const found = findEmulator(terminal.host, workspace);
  if (!found) {
    terminal.note(`No emulator runs for ${workspace}.`);
    return EXIT.ok;
  }
  const { pid, processStart: started } = found.entry;
  const isGone = () => processStart(pid) !== started;
  try {
    await found.client.shutdown();
  } catch (error) {
    // It may have ended between our look and our call: that is what was asked for.
    if (!isGone()) throw error;
  }
  const deadline = systemClock.monotonic() + STOP_MS;
  while (!isGone()) {
    if (systemClock.monotonic() > deadline) {
      throw new WindtunnelError('E_INTERNAL', `The emulator (pid ${pid}) has not ended within ${STOP_MS / 1000} s.`, {
        hint: `End it with \`kill -9 ${pid}\`; the next start cleans up after it.`,
      });
    }
    await systemClock.sleep(50, terminal.interrupted);
  }
  terminal.note(`Stopped the emulator of ${found.entry.workspace}.`);
  return EXIT.ok;
}

export function addStatusCommands(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('ps')
    .description('list apps, runners and queue depth')
    .option('--json', 'print JSON')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText('after', '\nExamples:\n  windtunnel ps\n  windtunnel ps --json | jq .apps[].queued')
    .action((options: JsonOption) => run(() => ps(terminal, options)));
  program
    .command('logs')
    .description('print log lines of an app, a runner or of all, or the whole story of a request')
    .argument('[of]', 'OWNER/APP, app name, request id (its first 8 characters do) or runner id')
    .option('-f, --follow', 'wait for more; a request is followed to its end, others to the end of the emulator')
    .addOption(
      program
        .createOption('--level <level>', 'debug adds what servers and the SDK say about themselves')
        .choices(['debug', 'info'])
        .default('info'),
    )
    .option('--json', 'print one JSON object a line; of a request its events')
    .option('--export', 'print the whole record of a request as one JSON document')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nExamples:\n  windtunnel logs pixels -f\n  windtunnel logs 6f1c2a34\n  windtunnel logs 6f1c2a34-… --export > request.json',
    )
    .action((of: string | undefined, options) => run(() => logs(terminal, of, options)));
  program
    .command('down')
    .description('stop the emulator and all its runners')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText('after', '\nExample:\n  windtunnel down')
    .action((options: WorkspaceOption) => run(() => down(terminal, options)));
}
