import type { Duplex } from 'node:stream';
import type { Command } from 'commander';
import * as z from 'zod/mini';
import { connectEmulator } from '../../client/discover.ts';
import { type Status, WindtunnelError } from '../../contract/index.ts';
import { decodeShellFrames, encodeShellFrame } from '../../controller/rpc/shell-frames.ts';
import type { Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

const ExitSchema = z.object({ code: z.number() });

/** A shell, or one command, in the surroundings of a runner; exits with its code. */
export async function shell(
  terminal: Terminal,
  target: string,
  command: readonly string[],
  options: WorkspaceOption,
): Promise<number> {
  const { client } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  const runner = runnerOf(await client.status(), target);
  const { stdin, stdout } = process;
  const typed = Boolean(stdin.isTTY);
  // As `fal runners shell` and `exec`: a shell has a terminal there in any case, a command where it is typed in one.
  const tty = command.length === 0 || (typed && Boolean(stdout.isTTY));
  const stream = await client.shell(runner, terminal.interrupted);
  const size = () => ({ rows: stdout.rows, columns: stdout.columns });
  const resized = () => stream.write(encodeShellFrame('R', JSON.stringify(size())));
  stream.write(encodeShellFrame('S', JSON.stringify({ command, tty, ...(tty ? size() : {}) })));
  // Every key goes to the shell there, Ctrl-C too.
  if (tty && typed) stdin.setRawMode(true);
  stdin.on('data', (data: Buffer) => stream.write(encodeShellFrame('D', data)));
  stdin.once('end', () => stream.write(encodeShellFrame('E', '')));
  stdout.on('resize', resized);
  // A cut connection ends the frames: that is told below.
  stream.on('error', () => undefined);
  try {
    return await output(stream);
  } finally {
    if (tty && typed) stdin.setRawMode(false);
    stdin.pause();
    stdout.off('resize', resized);
    stream.destroy();
  }
}

async function output(stream: Duplex): Promise<number> {
  for await (const { kind, payload } of decodeShellFrames(stream)) {
    if (kind === '1') process.stdout.write(payload);
    else if (kind === '2') process.stderr.write(payload);
    else if (kind === 'X') return ExitSchema.parse(JSON.parse(payload.toString('utf8'))).code;
  }
  throw new WindtunnelError('E_RUNNER_EXITED', 'The runner ended, and the shell with it.');
}

/** A runner by its id or the first characters of it, or the first runner of an app. */
function runnerOf({ apps }: Status, target: string): string {
  const runners = apps.flatMap((app) => app.runners);
  const ofApp = apps.find(({ id }) => id === target || id.split('/')[1] === target)?.runners;
  const found = runners.filter(({ id }) => id.startsWith(target))[0] ?? ofApp?.[0];
  if (found) return found.id;
  throw new WindtunnelError('E_UNKNOWN_RUNNER', `No runner here is ${target}, or is of an app of that name.`, {
    hint:
      runners.length > 0 ? `There are: ${runners.map(({ id }) => id).join(', ')}` : 'Start one: windtunnel run FILE.py',
  });
}

export function addShellCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('shell')
    .description('open a shell beside the app in a runner, or run one command there')
    .argument('<runner>', 'id of a runner (its first characters do), or an app: its first runner')
    .argument('[command...]', 'what to run, after --; without it, a shell')
    .option('--workspace <dir>', 'workspace folder')
    .addHelpText(
      'after',
      '\nExamples:\n  windtunnel shell pixels\n  windtunnel shell 6f1c2a34 -- python -c "import torch; print(torch.__version__)"',
    )
    .action((target: string, command: string[], options: WorkspaceOption) =>
      run(() => shell(terminal, target, command, options)),
    );
}
