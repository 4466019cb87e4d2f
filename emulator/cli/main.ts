import { homedir } from 'node:os';
import { Command, CommanderError } from 'commander';
import { VERSION } from '../contract/index.ts';
import { addExecCommands } from './commands/exec-command.ts';
import { StatusLine } from './status-line.ts';
import { styleOf } from './style.ts';
import { EXIT, report, type Terminal } from './terminal.ts';

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function terminalOf(): Terminal {
  const interrupt = new AbortController();
  // `exec` hands signals to its program and must not end before it; every other command ends by them.
  if (process.argv[2] !== 'exec') {
    for (const signal of INTERRUPTS) {
      process.on(signal, () => {
        // The second one does not wait for anything: runners end with us, what is left is swept at the next start.
        if (interrupt.signal.aborted) process.exit(130);
        interrupt.abort(new Error(`stopped by ${signal}`));
      });
    }
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The background emulator writes into a file: it goes on, and so does its queue, when there is no room for that.
      if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return;
      // A closed pipe (`windtunnel logs | head`) or terminal is the reader's way to say enough.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
      interrupt.abort(new Error('nobody reads the output'));
    });
  }
  const status = new StatusLine(process.stdout);
  return {
    host: { env: process.env, platform: process.platform, home: homedir(), uid: process.getuid?.() ?? 0 },
    cwd: process.cwd(),
    out: (line) => status.around(() => process.stdout.write(`${line}\n`)),
    note: (line) => status.around(() => process.stderr.write(`${line}\n`)),
    status: (text) => status.show(text),
    style: styleOf(process.stdout.isTTY, process.env),
    noteStyle: styleOf(process.stderr.isTTY, process.env),
    interrupted: interrupt.signal,
    interactive: Boolean(process.stdin.isTTY && process.stderr.isTTY),
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const terminal = terminalOf();
  let action: (() => Promise<number>) | null = null;
  const run = (chosen: () => Promise<number>) => {
    action = chosen;
  };
  const program = new Command('windtunnel')
    .description('A local emulator for apps written for fal. Unofficial; not affiliated with fal.')
    .version(VERSION)
    .enablePositionalOptions()
    .showHelpAfterError('(`--help` shows what is understood)')
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 your app or input failed, 2 usage, 3 the emulator or its engine failed, 130 a call was interrupted.\n\nFirst steps:\n' +
        `  windtunnel run app.py\n  windtunnel call local/app --input '{"prompt": "a cat"}'\n  windtunnel exec -- python client.py`,
    );
  // What other commands need is the whole emulator; a program under `exec` does not wait until that is read.
  if (argv[2] === 'exec') addExecCommands(program, run, terminal);
  else (await import('./all-commands.ts')).addAllCommands(program, run, terminal);
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command.exitOverride();
  }
  try {
    program.parse(argv);
    // TypeScript does not see the assignment from the callback.
    const chosen = action as (() => Promise<number>) | null;
    return chosen ? await chosen() : EXIT.usage;
  } catch (error) {
    // Commander has printed its own message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(terminal, error);
  }
}

for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`error: unexpected, please report it [E_INTERNAL]\n${text}\n`);
    // Nothing can be trusted any more; runners notice the end of the link, the next start sweeps the rest.
    process.exit(EXIT.emulator);
  });
}
const code = await main(process.argv);
// What was written to a pipe must be out before the process ends.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exit(code);
