import type { Command } from 'commander';
import * as z from 'zod/mini';
import { isConnectionEnd } from '../../client/control-client.ts';
import { connectEmulator } from '../../client/discover.ts';
import { sseData } from '../../client/sse.ts';
import { LogLineSchema, WindtunnelError } from '../../contract/index.ts';
import { callTarget, keyOf, readInput } from '../call-input.ts';
import { requestLine } from '../log-line.ts';
import { readSavedRequest } from '../saved-requests.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface CallOptions extends WorkspaceOption {
  input: string;
  saved?: string;
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
export async function call(terminal: Terminal, named: string | undefined, given: CallOptions): Promise<number> {
  const { target, body, options } = chosen(terminal, named, given);
  const { app, path } = callTarget(target);
  if (options.direct && options.stream) throw usage('--direct and --stream exclude each other.');
  const { client, entry } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  const { requireKey = false } = await client.hello();
  const authorization = requireKey ? await keyOf(client, 'call') : {};
  const session: Session = { terminal, url: entry.url, app, body, authorization, request: null };
  try {
    // Both official clients stream from `/stream` unless they are told another path.
    if (options.stream) return await streamed(session, path || '/stream');
    return options.direct ? await direct(session, path) : await queued(session, path, options.logs ?? false);
  } catch (error) {
    if (!terminal.interrupted.aborted) throw connectionLost(error) ? emulatorEnded(session, error) : error;
    terminal.note(`interrupted: ${session.request ? await cancel(session, session.request) : 'the call was given up'}`);
    return EXIT.interrupted;
  }
}

/** What is called: as the arguments say, or a file of the workspace, which they may name another app for. */
function chosen(terminal: Terminal, target: string | undefined, options: CallOptions) {
  if (options.saved === undefined) {
    if (target === undefined) throw usage('Name an app to call, or a saved request with --saved NAME.');
    return { target, options, body: readInput(terminal, options.input) };
  }
  const saved = readSavedRequest(workspaceOf(terminal, options), options.saved);
  return {
    target: target ?? `${saved.app}${saved.path ?? ''}`,
    body: JSON.stringify(saved.input),
    options: {
      ...options,
      direct: options.direct ?? saved.by === 'direct',
      stream: options.stream ?? saved.by === 'stream',
    },
  };
}

/** What `fetch` throws where no answer, or not all of it, came: both are a TypeError with the connection's error as its cause. */
const connectionLost = (error: unknown): boolean => error instanceof TypeError && isConnectionEnd(error.cause);

function emulatorEnded({ request }: Session, cause: unknown): WindtunnelError {
  const hint = request
    ? `Request ${request.id} is kept: it goes on when the emulator and the app are started again.`
    : 'What was sent directly is lost; start the emulator with `windtunnel run FILE.py` and call again.';
  return new WindtunnelError('E_EMULATOR_DOWN', 'The emulator ended before its answer came.', { hint, cause });
}

const CANCEL_MS = 5000;

/** As the official clients do when a `subscribe` runs out of time: nobody waits for the result any more. */
async function cancel({ authorization }: Session, { id, url }: QueuedRequest): Promise<string> {
  try {
    const answer = await fetch(`${url}/cancel`, {
      method: 'PUT',
      headers: authorization,
      signal: AbortSignal.timeout(CANCEL_MS),
    });
    if (answer.ok) return `request ${id} was cancelled`;
    // It was over before.
    if (answer.status === 400) return `request ${id} has ended already`;
    return `request ${id} could not be cancelled (the answer was ${answer.status})`;
  } catch (error) {
    return `request ${id} could not be cancelled (${error instanceof Error ? error.message : String(error)})`;
  }
}

interface Session {
  terminal: Terminal;
  url: string;
  app: string;
  body: string;
  /** A header with a key, where the emulator asks for one. */
  authorization: Record<string, string>;
  /** The queued request, once the emulator has taken it. */
  request: QueuedRequest | null;
}

interface QueuedRequest {
  id: string;
  url: string;
}

async function queued(session: Session, path: string, logs: boolean): Promise<number> {
  const { terminal, url, app, authorization: headers } = session;
  // Not ended by Ctrl-C: a submission that is cut may be queued all the same, under an id that nobody knows.
  const submit = await post(session, `/queue/${app}${path}`, {}, null);
  if (!submit.ok) return finish(terminal, submit);
  const request = SubmittedSchema.parse(await submit.json());
  terminal.note(`request ${request.request_id}`);
  const base = `${url}/queue/${app}/requests/${request.request_id}`;
  session.request = { id: request.request_id, url: base };
  let shown = '';
  const status = await fetch(`${base}/status/stream${logs ? '?logs=1' : ''}`, {
    headers,
    signal: terminal.interrupted,
  });
  if (!status.ok || !status.body) return finish(terminal, status);
  for await (const data of sseData(status.body)) {
    const change = StatusSchema.parse(JSON.parse(data));
    const text = change.queue_position ? `${change.status} (${change.queue_position} before it)` : change.status;
    for (const line of change.logs ?? []) terminal.note(requestLine(line, terminal.noteStyle));
    if (text !== shown) terminal.note(text);
    shown = text;
    if (change.status === 'COMPLETED') break;
  }
  return finish(terminal, await fetch(base, { headers, signal: terminal.interrupted }));
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

function post(
  { terminal, url, body, authorization }: Session,
  path: string,
  headers: Record<string, string> = {},
  signal: AbortSignal | null = terminal.interrupted,
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization, ...headers },
    body,
    signal,
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
    .argument('[target]', 'OWNER/APP[/path]; a bare app name means local/APP')
    .option('--saved <name>', 'send the request of .windtunnel/requests/NAME.json')
    .option('--input <json>', 'JSON, @FILE, or @- for stdin', '{}')
    .option('--direct', 'call the runner without the queue')
    .option('--stream', 'print the events of a streaming endpoint (default path /stream)')
    .option('--logs', 'show the log lines of the request')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nThe result is printed to stdout, progress to stderr; exit 1 where the app answers with an error.\nCtrl-C cancels the request; exit 130.\n\nExamples:\n' +
        `  windtunnel call local/pixels --input '{"image_url": "…"}' --logs\n` +
        '  windtunnel call pixels --stream --input @input.json',
    )
    .action((target: string | undefined, options: CallOptions) => run(() => call(terminal, target, options)));
}
