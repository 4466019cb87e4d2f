import { type Command, InvalidArgumentError } from 'commander';
import { connectEmulator } from '../../client/discover.ts';
import { systemClock } from '../../core/clock.ts';
import { callTarget, keyOf, readInput } from '../call-input.ts';
import { type Answer, AnswerSchema } from '../compare/answer.ts';
import { type Comparison, compareAnswers } from '../compare/compare-answers.ts';
import { localRequest } from '../compare/local-request.ts';
import { askFal } from '../deploy/fal-project.ts';
import { findUserFal } from '../deploy/user-fal.ts';
import { seconds } from '../request-lines.ts';
import { table } from '../table.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface CompareOptions extends WorkspaceOption {
  input: string;
  remote?: string;
  profile?: string;
  team?: string;
  ignore: string[];
  tolerance: number;
  json?: boolean;
}

/** The same request here and at the real fal, one after the other; exit 1 where the output differs. */
export async function compare(terminal: Terminal, target: string, options: CompareOptions): Promise<number> {
  const { app, path } = callTarget(target);
  const input = readInput(terminal, options.input);
  const workspace = workspaceOf(terminal, options);
  const fal = findUserFal(terminal.host, terminal.cwd, workspace, options.profile);
  const { client, entry } = await connectEmulator(terminal.host, workspace);
  const { requireKey = false } = await client.hello();
  const { cwd, interrupted: signal } = terminal;
  const local = await localRequest({
    url: entry.url,
    app,
    path,
    input,
    authorization: requireKey ? await keyOf(client, 'compare') : {},
    signal,
    clock: systemClock,
    onProgress: (text) => terminal.note(`local   ${text}`),
  });
  const remoteApp = remoteTarget(options.remote ?? app);
  const ask = { ...remoteApp, path, input: JSON.parse(input), profile: options.profile, team: options.team };
  const onProgress = (text: string) => terminal.note(`remote  ${text}`);
  const remote = await askFal(fal, 'request', ask, AnswerSchema, { cwd, signal, onProgress });
  const comparison = compareAnswers(local, remote, options);
  if (options.json) terminal.out(JSON.stringify({ ...comparison, local, remote }, null, 2));
  else for (const line of report(terminal, local, remote, comparison)) terminal.out(line);
  return comparison.equal ? EXIT.ok : EXIT.failed;
}

/** The app at fal: `local` is nobody there, so that the owner is whoever asks. */
function remoteTarget(target: string): { owner: string | null; app: string } {
  const { app } = callTarget(target);
  const [owner = '', name = ''] = app.split('/');
  return { owner: owner === 'local' ? null : owner, app: name };
}

function report({ style }: Terminal, local: Answer, remote: Answer, comparison: Comparison): string[] {
  const time = (value: number | null) => (value === null ? '-' : seconds(value));
  const rows = [
    ['', 'local', 'remote'],
    ['app', local.app, remote.app],
    ['at', local.host, remote.host],
    ['request', local.request ?? 'refused', remote.request ?? 'refused'],
    ['status', String(local.status), String(remote.status)],
    ['waited', time(local.queued), time(remote.queued)],
    ['ran', time(local.ran), time(remote.ran)],
    ['in all', time(local.seconds), time(remote.seconds)],
    ['log lines', String(local.logs.length), String(remote.logs.length)],
    ['files', String(Object.keys(local.files).length), String(Object.keys(remote.files).length)],
  ];
  const { output, logs, equal } = comparison;
  const value = (one: unknown) => JSON.stringify(one) ?? 'nothing';
  return [
    ...table(rows),
    '',
    equal ? style.green('output: the same') : style.red(`output: ${output.length} differences`),
    ...output.flatMap((one) => [
      `  ${one.path || '(all)'}`,
      `    local   ${value(one.local)}`,
      `    remote  ${value(one.remote)}`,
    ]),
    logs.local.length + logs.remote.length === 0 ? 'logs: the same' : style.yellow('logs: they differ'),
    ...logs.local.map((line) => `  < ${line}`),
    ...logs.remote.map((line) => `  > ${line}`),
  ];
}

const number = (text: string): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number from 0 on.');
};

export function addCompareCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('compare')
    .description('send one request here and to the real fal, and compare output, times and logs')
    .argument('<target>', 'OWNER/APP[/path]; a bare app name is yours, here and there')
    .option('--input <json>', 'JSON, @FILE, or @- for stdin', '{}')
    .option('--remote <owner/app>', 'the app at fal, where it has another name')
    .option(
      '--ignore <key>',
      'leave a key of the output out; can be repeated',
      (key, list: string[]) => [...list, key],
      [],
    )
    .option('--tolerance <n>', 'how far numbers may be apart, relative to their size', number, 0)
    .option('--profile <name>', 'profile of ~/.fal/config.toml (default: the chosen one)')
    .option('--team <name>', 'team whose app it is')
    .option('--json', 'print one JSON document')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      `\nFiles in the output are compared by what they hold. Exit 1 where output or status differ.\n\nExamples:\n  windtunnel compare pixels --input '{"image_url": "…"}'\n  windtunnel compare pixels --remote acme/pixels --ignore seconds --input @input.json`,
    )
    .action((target: string, options: CompareOptions) => run(() => compare(terminal, target, options)));
}
