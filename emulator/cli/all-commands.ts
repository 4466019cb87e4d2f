import type { Command } from 'commander';
import { addCallCommand } from './commands/call-command.ts';
import { addCleanCommand } from './commands/clean-command.ts';
import { addCompareCommand } from './commands/compare-command.ts';
import { addDeployCommand } from './commands/deploy-command.ts';
import { addDoctorCommand } from './commands/doctor-command.ts';
import { addExecCommands } from './commands/exec-command.ts';
import { addImportCommand } from './commands/import-command.ts';
import { addNewCommand } from './commands/new-command.ts';
import { addPauseCommands } from './commands/pause-command.ts';
import { addRemoteCommand } from './commands/remote-command.ts';
import { addReplayCommand } from './commands/replay-command.ts';
import { addRunCommand } from './commands/run-command.ts';
import { addSaveCommand } from './commands/save-command.ts';
import { addSecretCommand } from './commands/secret-command.ts';
import { addShellCommand } from './commands/shell-command.ts';
import { addStatusCommands } from './commands/status-commands.ts';
import { addUpCommand } from './commands/up-command.ts';
import type { Terminal } from './terminal.ts';

/** Every command, in the order of the help. */
export function addAllCommands(
  program: Command,
  run: (action: () => Promise<number>) => void,
  terminal: Terminal,
): void {
  addRunCommand(program, run, terminal);
  addUpCommand(program, run, terminal);
  addStatusCommands(program, run, terminal);
  addCallCommand(program, run, terminal);
  addReplayCommand(program, run, terminal);
  addSaveCommand(program, run, terminal);
  addPauseCommands(program, run, terminal);
  addExecCommands(program, run, terminal);
  addNewCommand(program, run, terminal);
  addImportCommand(program, run, terminal);
  addDeployCommand(program, run, terminal);
  addCompareCommand(program, run, terminal);
  addRemoteCommand(program, run, terminal);
  addShellCommand(program, run, terminal);
  addSecretCommand(program, run, terminal);
  addDoctorCommand(program, run, terminal);
  addCleanCommand(program, run, terminal);
}
