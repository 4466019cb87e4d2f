import { spawn } from 'node:child_process';
import * as vscode from 'vscode';
import { cliEnv, NODE_ENV } from '../../platform/emulator-cli.ts';
import { requireTrust } from '../../platform/workspace-trust.ts';

const CTRL_C = '\u0003';

/** Runs an interactive command of the CLI, without a shell that could misread an argument; its terminal ends with it. */
export function openInTerminal(emulatorJs: string, workspace: string, args: readonly string[], icon: string): void {
  requireTrust();
  const terminal = vscode.window.createTerminal({
    name: `windtunnel ${args[0]}`,
    shellPath: process.execPath,
    shellArgs: [emulatorJs, ...args, '--workspace', workspace],
    env: NODE_ENV,
    cwd: workspace,
    iconPath: new vscode.ThemeIcon(icon),
    isTransient: true,
  });
  terminal.show(true);
}

/** Runs a command of the CLI in a terminal that stays when it has ended: what it printed is what the user asked for. */
export function runInTerminal(emulatorJs: string, workspace: string, args: readonly string[], icon = 'zap'): void {
  requireTrust();
  const terminal = vscode.window.createTerminal({
    name: `windtunnel ${args[0]}`,
    pty: commandTerminal([emulatorJs, ...args, '--workspace', workspace], workspace),
    iconPath: new vscode.ThemeIcon(icon),
    isTransient: true,
  });
  terminal.show(true);
}

/** Ctrl-C interrupts the command; a key after its end closes the terminal. */
function commandTerminal(args: readonly string[], cwd: string): vscode.Pseudoterminal {
  const written = new vscode.EventEmitter<string>();
  const closed = new vscode.EventEmitter<void>();
  let running: ReturnType<typeof spawn> | null = null;
  return {
    onDidWrite: written.event,
    onDidClose: closed.event,
    open: () => {
      const child = spawn(process.execPath, args, {
        cwd,
        env: cliEnv(),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running = child;
      const write = (text: string) => written.fire(text.replaceAll('\n', '\r\n'));
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', write);
      const end = (how: string) => {
        running = null;
        write(`\n${how}${vscode.l10n.t('Press a key to close this terminal.')}\n`);
      };
      child.once('error', (error) => end(`${error.message}\n`));
      child.once('close', (code) =>
        end(code === 0 ? '' : `${vscode.l10n.t('It ended with exit code {0}.', code ?? '?')} `),
      );
    },
    handleInput: (text) => {
      if (running === null) closed.fire();
      else if (text === CTRL_C) running.kill('SIGINT');
    },
    close: () => {
      running?.kill('SIGINT');
      written.dispose();
      closed.dispose();
    },
  };
}
