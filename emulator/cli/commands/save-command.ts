import type { Command } from 'commander';
import { connectEmulator } from '../../client/discover.ts';
import { WindtunnelError } from '../../contract/index.ts';
import { writeSavedRequest } from '../saved-requests.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type WorkspaceOption, workspaceOf } from '../workspace-option.ts';

interface SaveOptions extends WorkspaceOption {
  json?: boolean;
}

/** Writes a recorded request into the workspace, as a file to commit. What the record has blanked is not in it either. */
export async function save(terminal: Terminal, id: string, name: string, options: SaveOptions): Promise<number> {
  const workspace = workspaceOf(terminal, options);
  const { client } = await connectEmulator(terminal.host, workspace);
  const { request, events } = await client.request(id);
  const input = events.find((event) => event.type === 'request.body' && event.which === 'input');
  const content = input?.type === 'request.body' ? input.body.content : undefined;
  if (content?.kind !== 'json') {
    throw new WindtunnelError('E_USAGE', `The input of request ${request.id} was not recorded as JSON.`, {
      hint: 'Write the file by hand; docs/requests.md shows one.',
    });
  }
  const file = writeSavedRequest(workspace, name, {
    app: request.app,
    path: request.path || '/',
    input: content.value,
  });
  if (options.json) terminal.out(JSON.stringify({ file }));
  else terminal.note(`${file}\nsend it: windtunnel call --saved ${name}`);
  return EXIT.ok;
}

export function addSaveCommand(program: Command, run: (action: () => Promise<number>) => void, terminal: Terminal) {
  program
    .command('save')
    .description('keep a recorded request as a file of the workspace, .windtunnel/requests/NAME.json')
    .argument('<request>', 'its id, or the first eight characters of it')
    .argument('<name>', 'letters, digits, - and _')
    .option('--json', 'print the path as JSON')
    .option('--workspace <dir>', 'workspace folder')
    .action((request: string, name: string, options: SaveOptions) => run(() => save(terminal, request, name, options)));
}
