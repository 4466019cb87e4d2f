import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { type Scenario, ScenarioSchema, WindtunnelError } from '../../contract/index.ts';
import { FAULT_PRESETS } from '../../core/fault-presets.ts';
import { checkedJsonc } from './checked-jsonc.ts';

/** Where a workspace keeps its scenarios, for all who work in it. */
export const SCENARIO_FOLDER = '.windtunnel/scenarios';

/**
 * The scenario that `--scenario` names: a file, a name in the workspace's folder, or a preset. Throws E_SCENARIO where the file
 * does not match its schema, E_FILE_UNREADABLE where there is none of that name.
 */
export function loadScenario(named: string, cwd: string, workspace: string): Scenario {
  const isName = /^[\w-]+$/.test(named);
  const files = isAbsolute(named) ? [named] : [resolve(cwd, named)];
  if (isName) files.push(join(workspace, SCENARIO_FOLDER, `${named}.json`));
  for (const file of files) {
    const text = read(file);
    if (text !== null) return parseScenario(text, file);
  }
  const preset = Object.hasOwn(FAULT_PRESETS, named) ? FAULT_PRESETS[named] : undefined;
  if (preset) return preset.scenario;
  throw new WindtunnelError('E_FILE_UNREADABLE', `There is no scenario ${named}: looked for ${files.join(', ')}`, {
    hint: `Name a file, or one of the presets: ${Object.keys(FAULT_PRESETS).join(', ')}.`,
  });
}

/** Comments and trailing commas are fine. */
export function parseScenario(text: string, file: string): Scenario {
  return checkedJsonc(text, ScenarioSchema, (line, what) => {
    return new WindtunnelError('E_SCENARIO', `${file}:${line}: ${what}`, {
      hint: 'Correct the file; docs/faults.md and windtunnel.scenario.schema.json say what it may hold.',
    });
  });
}

/** The JSON schema of a scenario file; `windtunnel.scenario.schema.json` at the root is this text. */
export function scenarioJsonSchema(): string {
  const schema = z.toJSONSchema(ScenarioSchema, { target: 'draft-7', io: 'input' });
  const options = { allowComments: true, allowTrailingCommas: true };
  return `${JSON.stringify({ title: 'Windtunnel scenario', ...schema, ...options }, null, 2)}\n`;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'EISDIR') return null;
    throw new WindtunnelError('E_FILE_UNREADABLE', `The scenario cannot be read: ${file}`, { cause });
  }
}
