import type { Command } from 'commander';
import { connectEmulator } from '../../client/discover.ts';
import type { AppId } from '../../contract/index.ts';
import { callTarget } from '../call-input.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

async function pauseReload(terminal: Terminal, named: string, paused: boolean, options: WorkspaceOption) {
  const app = callTarget(named).app as AppId;
  const { client } = await connectEmulator(terminal.host, workspaceOf(terminal, options));
  await client.pauseReload(app, paused);
  terminal.note(
    paused ? `${app}: saved files wait for \`windtunnel resume\`` : `${app}: saved files are taken over again`,
  );
  return EXIT.ok;
}

export function addPauseCommands(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  const add = (name: string, description: string, paused: boolean) =>
    program
      .command(name)
      .description(description)
      .argument('<app>', 'OWNER/APP; a bare app name means local/APP')
      .option('--workspace <dir>', 'workspace folder')
      .action((app: string, options: WorkspaceOption) => run(() => pauseReload(terminal, app, paused, options)));
  add('pause', 'take over no saved file of an app until `resume`', true);
  add('resume', 'take over what was saved since `pause`, and from then on', false);
}
