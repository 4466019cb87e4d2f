import * as z from 'zod/mini';
import { ConfigSchema } from '../../contract/index.ts';

/** The JSON schema of windtunnel.jsonc, as editors read it; `windtunnel.schema.json` at the root is this text. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(ConfigSchema, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify({ title: 'Windtunnel', ...schema, allowComments: true, allowTrailingCommas: true }, null, 2)}\n`;
}
