import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigSchema, WindtunnelError } from '../../contract/index.ts';
import { checkedJsonc } from './checked-jsonc.ts';

export const CONFIG_FILE = 'windtunnel.jsonc';

/** The workspace's configuration; empty where there is no file. Throws E_CONFIG_INVALID with line and key. */
export function loadConfig(workspace: string): Config {
  const file = join(workspace, CONFIG_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {};
    throw new WindtunnelError('E_FILE_UNREADABLE', `The configuration cannot be read: ${file}`, { cause });
  }
  return parseConfig(text, file);
}

/** Comments and trailing commas are fine. Throws E_CONFIG_INVALID; `file` is for the message. */
export function parseConfig(text: string, file: string): Config {
  return checkedJsonc(text, ConfigSchema, (line, what) => {
    return new WindtunnelError('E_CONFIG_INVALID', `${file}:${line}: ${what}`, {
      hint: 'Correct the file; its keys are described in windtunnel.schema.json.',
    });
  });
}
