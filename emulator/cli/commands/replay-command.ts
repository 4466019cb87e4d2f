import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { connectEmulator } from '../../client/discover.ts';
import { type EmulatorEvent, type RecordedBody, type RequestDocument, WindtunnelError } from '../../contract/index.ts';
import { localTime, shortId } from '../log-line.ts';
import { contentText, seconds, storyLines } from '../request-lines.ts';
import { alignLines, columns, type Pair } from '../side-by-side.ts';
import { formatBytes } from '../table.ts';
import { EXIT, type Terminal, usage } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface ReplayOptions extends WorkspaceOption {
  edit?: string;
  json?: boolean;
}

/** Runs a recorded request again and shows both, side by side; exit 1 where the new one fails. */
export async function replay(terminal: Terminal, id: string, options: ReplayOptions): Promise<number> {
  const edit = options.edit === undefined ? undefined : { patch: readEdit(terminal, options.edit) };
  const { client } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  const { id: of, replay: again } = await client.replay(id, edit);
  terminal.note(`request ${again.id} runs ${shortId(of)} again`);
  for await (const event of client.requestEvents(again.id, true, terminal.interrupted)) {
    if (event.type === 'request.body' || (event.type === 'log' && event.line.level === 'DEBUG')) continue;
    for (const line of storyLines(event, terminal.noteStyle)) terminal.note(line);
  }
  if (terminal.interrupted.aborted) {
    terminal.note(`interrupted: request ${again.id} goes on; \`windtunnel logs ${shortId(again.id)}\` shows it`);
    return EXIT.interrupted;
  }
  const [original, replayed] = await Promise.all([client.request(of), client.request(again.id)]);
  if (options.json) terminal.out(JSON.stringify({ original, replay: replayed }, null, 2));
  else for (const line of comparison(original, replayed, process.stdout.columns ?? 120)) terminal.out(line);
  return (replayed.request.status ?? 500) < 400 ? EXIT.ok : EXIT.failed;
}

function readEdit(terminal: Terminal, edit: string): unknown {
  let text = edit;
  if (edit.startsWith('@')) {
    const file = edit === '@-' ? 0 : resolve(terminal.cwd, edit.slice(1));
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      throw new WindtunnelError('E_FILE_UNREADABLE', `The edit cannot be read: ${edit.slice(1)}`, { cause });
    }
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw usage(`--edit is not JSON: ${reason}`, `Name what changes, e.g. --edit '{"steps": 8, "seed": null}'`);
  }
}

/** Both requests in two columns: how they went, input, output. */
export function comparison(original: RequestDocument, replayed: RequestDocument, width: number): string[] {
  const [left, right] = [facts(original), facts(replayed)];
  const rows: Pair[] = [...left].map(([name, value]) => ({
    left: `${name.padEnd(11)}${value}`,
    right: `${name.padEnd(11)}${right.get(name) ?? ''}`,
  }));
  const heads: Pair = { left: shortId(original.request.id), right: `${shortId(replayed.request.id)} (again)` };
  const lines = [columns([heads], width)[0]!.replace(' | ', '   '), ...columns(rows, width)];
  for (const which of ['input', 'output'] as const) {
    const pairs = alignLines(bodyLines(original, which), bodyLines(replayed, which));
    lines.push('', which, ...columns(pairs, width));
  }
  return lines;
}

function facts({ request, events }: RequestDocument): Map<string, string> {
  const { createdAt, startedAt, completedAt, status, attempts, errorType } = request;
  const first = events.find((event) => event.type === 'request.state' && event.state === 'IN_PROGRESS');
  const cold = events.flatMap((event) => (event.type === 'request.cold_start' ? [event.waited] : []));
  return new Map([
    ['at', localTime(createdAt)],
    ['status', `${status ?? '-'}${errorType === null ? '' : ` ${errorType}`}`],
    ['attempts', String(attempts)],
    ['waited', first ? seconds((first.at - createdAt) / 1000) : '-'],
    ['cold start', cold.length > 0 ? seconds(cold.reduce((sum, one) => sum + one, 0)) : 'none'],
    ['ran', startedAt === null || completedAt === null ? '-' : seconds((completedAt - startedAt) / 1000)],
    ['log lines', String(events.filter(({ type }) => type === 'log').length)],
  ]);
}

function bodyLines({ events }: RequestDocument, which: 'input' | 'output'): string[] {
  const isIt = (event: EmulatorEvent) => event.type === 'request.body' && event.which === which;
  const body = (events.find(isIt) as { body: RecordedBody } | undefined)?.body;
  if (!body) return [];
  const text = contentText(body.content);
  if (text !== null) return text.split('\n');
  const why = body.content.kind === 'omitted' ? ` (${body.content.reason})` : '';
  return [`${formatBytes(body.bytes)} of ${body.contentType ?? 'unknown type'}${why}`];
}

export function addReplayCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('replay')
    .description('run a recorded request again, as it was or edited, and show both side by side')
    .argument('<request>', 'request id; its first 8 characters do')
    .option('--edit <json>', 'what changes in the input: a JSON merge patch (null removes a key), or @FILE')
    .option('--json', 'print both records as one JSON document')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      `\nExamples:\n  windtunnel replay 6f1c2a34\n  windtunnel replay 6f1c2a34 --edit '{"steps": 8, "seed": null}'`,
    )
    .action((id: string, options: ReplayOptions) => run(() => replay(terminal, id, options)));
}
