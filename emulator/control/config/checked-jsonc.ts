import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import type * as z from 'zod/mini';

/** Makes the error for a line of a file; `what` is what is wrong there. */
export type Refusal = (line: number, what: string) => Error;

/** JSON with comments and trailing commas, checked against a schema; throws `refuse` of the first thing that is wrong. */
export function checkedJsonc<T>(
  text: string,
  schema: { safeParse(data: unknown): z.core.util.SafeParseResult<T> },
  refuse: Refusal,
): T {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const first = errors[0];
  if (first) throw refuse(lineAt(text, first.offset), words(printParseErrorCode(first.error)));
  const checked = schema.safeParse(tree ? getNodeValue(tree) : {});
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  if (!issue) throw refuse(1, 'does not match the schema');
  throw issueError(text, tree, issue, refuse);
}

function issueError(text: string, tree: Node | undefined, issue: z.core.$ZodIssue, refuse: Refusal): Error {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  if (unknown !== undefined) path.push(unknown);
  const node = tree && findNodeAtLocation(tree, path);
  // A property's own line: that of its key, where there is one.
  const offset = node?.parent?.type === 'property' ? node.parent.offset : (node?.offset ?? 0);
  const key = path.join('.');
  return refuse(lineAt(text, offset), unknown === undefined ? `"${key}": ${issue.message}` : `unknown key "${key}"`);
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

const words = (code: string): string => code.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
