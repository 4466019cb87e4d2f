import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod/mini';
import { connectEmulator } from '../../client/discover.ts';
import { sseData } from '../../client/sse.ts';
import { LogLineSchema, WindtunnelError } from '../../contract/index.ts';
import { requestLine } from '../log-line.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface CallOptions extends WorkspaceOption {
  input: string;
  direct?: boolean;
  stream?: boolean;
  logs?: boolean;
}

const SubmittedSchema = z.object({ request_id: z.string(), status_url: z.string(), response_url: z.string() });
const StatusSchema = z.object({
  status: z.string(),
  queue_position: z.optional(z.number()),
  logs: z.optional(z.nullable(z.array(LogLineSchema))),
});

/** One request, as any client would send it: result on stdout, progress on stderr. */
export async function call(terminal: Terminal, target: string, options: CallOptions): Promise<number> {
  const { app, path } = parseTarget(target);
  const body = readInput(terminal, options.input);
  if (options.direct && options.stream) throw usage('--direct and --stream exclude each other.');
  const { entry } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  const session = { terminal, url: entry.url, app, body };
  // Both official clients stream from `/stream` unless they are told another path.
  if (options.stream) return streamed(session, path || '/stream');
  return options.direct ? direct(session, path) : queued(session, path, options.logs ?? false);
}

interface Session {
  terminal: Terminal;
  url: string;
  app: string;
  body: string;
}

function parseTarget(target: string): { app: string; path: string } {
  const match = /^(?:([^/\s]+)\/)?([^/\s]+)(\/.*)?$/.exec(target);
  if (!match) throw usage(`Not an app: ${target}`, 'Write OWNER/APP or OWNER/APP/path.');
  const [, owner = 'local', name = '', path = ''] = match;
  return { app: `${owner}/${name}`, path: path === '/' ? '' : path };
}

function readInput(terminal: Terminal, input: string): string {
  let text = input;
  if (input.startsWith('@')) {
    const file = input === '@-' ? 0 : resolve(terminal.cwd, input.slice(1));
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      throw new WindtunnelError('E_FILE_UNREADABLE', `The input cannot be read: ${input.slice(1)}`, { cause });
    }
  }
  try {
    JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw usage(`--input is not JSON: ${reason}`, `Quote it for the shell, e.g. --input '{"prompt": "a cat"}'`);
  }
  return text;
}

async function queued(session: Session, path: string, logs: boolean): Promise<number> {
  const { terminal, url, app } = session;
  const submit = await post(session, `/queue/${app}${path}`);
  if (!submit.ok) return finish(terminal, submit);
  const request = SubmittedSchema.parse(await submit.json());
  terminal.note(`request ${request.request_id}`);
  const base = `${url}/queue/${app}/requests/${request.request_id}`;
  let shown = '';
  const status = await fetch(`${base}/status/stream${logs ? '?logs=1' : ''}`, { signal: terminal.interrupted });
  if (!status.ok || !status.body) return finish(terminal, status);
  for await (const data of sseData(status.body)) {
    const change = StatusSchema.parse(JSON.parse(data));
    const text = change.queue_position ? `${change.status} (${change.queue_position} before it)` : change.status;
    for (const line of change.logs ?? []) terminal.note(requestLine(line, terminal.noteStyle));
    if (text !== shown) terminal.note(text);
    shown = text;
    if (change.status === 'COMPLETED') break;
  }
  return finish(terminal, await fetch(base, { signal: terminal.interrupted }));
}

async function direct(session: Session, path: string): Promise<number> {
  return finish(session.terminal, await post(session, `/run/${session.app}${path}`));
}

async function streamed(session: Session, path: string): Promise<number> {
  const { terminal } = session;
  const response = await post(session, `/run/${session.app}${path}`, { accept: 'text/event-stream' });
  const isEvents = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  if (!response.ok || !isEvents || !response.body) return finish(terminal, response);
  for await (const data of sseData(response.body)) terminal.out(data);
  return EXIT.ok;
}

function post({ terminal, url, body }: Session, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    signal: terminal.interrupted,
  });
}

/** A result goes to stdout; what is not a result goes to stderr as the app said it, and counts as a failure. */
async function finish(terminal: Terminal, response: Response): Promise<number> {
  const text = await response.text();
  if (response.ok) {
    terminal.out(pretty(text));
    return EXIT.ok;
  }
  const type = response.headers.get('x-fal-error-type');
  terminal.note(`error: the answer was ${response.status}${type ? ` (${type})` : ''}`);
  terminal.note(pretty(text));
  return EXIT.failed;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

export function addCallCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('call')
    .description('send one request: through the queue, directly, or streamed')
    .argument('<target>', 'OWNER/APP[/path]; a bare app name means local/APP')
    .option('--input <json>', 'JSON, @FILE, or @- for stdin', '{}')
    .option('--direct', 'call the runner without the queue')
    .option('--stream', 'print the events of a streaming endpoint (default path /stream)')
    .option('--logs', 'show the log lines of the request')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nThe result is printed to stdout, progress to stderr; exit 1 where the app answers with an error.\n\nExamples:\n' +
        `  windtunnel call local/pixels --input '{"image_url": "…"}' --logs\n` +
        '  windtunnel call pixels --stream --input @input.json',
    )
    .action((target: string, options: CallOptions) => run(() => call(terminal, target, options)));
}
