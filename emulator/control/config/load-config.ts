import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import type * as z from 'zod/mini';
import { type Config, ConfigSchema, WindtunnelError } from '../../contract/index.ts';

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
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const first = errors[0];
  if (first) throw invalid(file, lineAt(text, first.offset), words(printParseErrorCode(first.error)));
  const checked = ConfigSchema.safeParse(tree ? getNodeValue(tree) : {});
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  if (!issue) throw invalid(file, 1, 'does not match the schema');
  throw issueError(file, text, tree, issue);
}

function issueError(file: string, text: string, tree: Node | undefined, issue: z.core.$ZodIssue): WindtunnelError {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  if (unknown !== undefined) path.push(unknown);
  const node = tree && findNodeAtLocation(tree, path);
  // A property's own line: that of its key, where there is one.
  const offset = node?.parent?.type === 'property' ? node.parent.offset : (node?.offset ?? 0);
  const key = path.join('.');
  const what = unknown === undefined ? `"${key}": ${issue.message}` : `unknown key "${key}"`;
  return invalid(file, lineAt(text, offset), what);
}

function invalid(file: string, line: number, what: string): WindtunnelError {
  return new WindtunnelError('E_CONFIG_INVALID', `${file}:${line}: ${what}`, {
    hint: 'Correct the file; its keys are described in windtunnel.schema.json.',
  });
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

const words = (code: string): string => code.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
