import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ControlClient } from '../client/control-client.ts';
import { WindtunnelError } from '../contract/index.ts';
import { type Terminal, usage } from './terminal.ts';

/** `[OWNER/]APP[/path]`; without an owner it is `local`. Throws E_USAGE. */
export function callTarget(target: string): { app: string; path: string } {
  const match = /^(?:([^/\s]+)\/)?([^/\s]+)(\/.*)?$/.exec(target);
  if (!match) throw usage(`Not an app: ${target}`, 'Write OWNER/APP or OWNER/APP/path.');
  const [, owner = 'local', name = '', path = ''] = match;
  return { app: `${owner}/${name}`, path: path === '/' ? '' : path };
}

/** The JSON text of `--input`: itself, a file's or stdin's. Throws E_USAGE, E_FILE_UNREADABLE. */
export function readInput(terminal: Pick<Terminal, 'cwd'>, input: string): string {
  let text = input;
  if (input.startsWith('@')) {
    const file = input === '@-' ? 0 : resolve(terminal.cwd, input.slice(1));
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      throw new WindtunnelError('E_FILE_UNREADABLE', `The input cannot be read: ${input.slice(1)}`, { cause });
    }
  }
  try {
    JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw usage(`--input is not JSON: ${reason}`, `Quote it for the shell, e.g. --input '{"prompt": "a cat"}'`);
  }
  return text;
}

/** A header with a key of this emulator, for one that asks for keys. */
export async function keyOf(client: ControlClient, label: string): Promise<Record<string, string>> {
  const { secret } = await client.grant({ label, proxyEnv: {} });
  return { authorization: `Key local:${secret}` };
}
