import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { REQUEST_FOLDER, type SavedRequest, SavedRequestSchema, WindtunnelError } from '../contract/index.ts';
import { checkedJsonc } from '../control/config/checked-jsonc.ts';
import { usage } from './terminal.ts';

/** The file of a saved request. Throws E_USAGE for what is no name. */
export function savedRequestFile(workspace: string, name: string): string {
  if (!/^[\w-]+$/.test(name)) throw usage(`Not a name of a saved request: ${name}`, 'Letters, digits, - and _.');
  return join(workspace, REQUEST_FOLDER, `${name}.json`);
}

/** Throws E_FILE_UNREADABLE, E_USAGE where the file does not match its schema. */
export function readSavedRequest(workspace: string, name: string): SavedRequest {
  const file = savedRequestFile(workspace, name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new WindtunnelError('E_FILE_UNREADABLE', `There is no saved request ${name}: looked for ${file}`, {
      cause,
      hint: '`windtunnel save REQUEST NAME` makes one of a request that ran.',
    });
  }
  return checkedJsonc(text, SavedRequestSchema, (line, what) =>
    usage(`${file}:${line}: ${what}`, 'Correct the file; windtunnel.request.schema.json says what it may hold.'),
  );
}

/** Throws E_USAGE where there is one of that name already. */
export function writeSavedRequest(workspace: string, name: string, request: SavedRequest): string {
  const file = savedRequestFile(workspace, name);
  mkdirSync(join(workspace, REQUEST_FOLDER), { recursive: true });
  try {
    writeFileSync(file, `${JSON.stringify(request, null, 2)}\n`, { flag: 'wx' });
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    throw usage(`${file} is there already.`, 'Take another name, or remove the file.');
  }
  return file;
}

/** The JSON schema of a saved request; `windtunnel.request.schema.json` at the root is this text. */
export function savedRequestJsonSchema(): string {
  const schema = z.toJSONSchema(SavedRequestSchema, { target: 'draft-7', io: 'input' });
  const options = { allowComments: true, allowTrailingCommas: true };
  return `${JSON.stringify({ title: 'Windtunnel request', ...schema, ...options }, null, 2)}\n`;
}
