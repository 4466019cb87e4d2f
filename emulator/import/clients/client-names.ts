import type { Edit } from '../edits.ts';
import { lineEnd } from '../move-statements.ts';
import { type SyntaxNode, stringText, walk } from '../syntax.ts';
import type { ClientContext } from './client-calls.ts';

/** Names that are assigned once in the file, with what they are assigned. */
export function assignments(root: SyntaxNode): Map<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode | null>();
  for (const node of walk(root)) {
    if (node.type !== 'assignment') continue;
    const name = node.childForFieldName('left');
    const value = node.childForFieldName('right');
    if (name?.type === 'identifier' && value) found.set(name.text, found.has(name.text) ? null : value);
  }
  return new Map([...found].flatMap(([name, value]) => (value ? [[name, value] as const] : [])));
}

/** Whether a call's result is used for nothing but calls of one method: at once, or by a name that is assigned once. */
export function onlyUsedAs(call: SyntaxNode, method: string, root: SyntaxNode): boolean {
  const isCalled = (node: SyntaxNode): boolean =>
    node.parent?.type === 'attribute' && node.parent.childForFieldName('attribute')?.text === method;
  if (isCalled(call)) return true;
  const name = call.parent?.type === 'assignment' ? call.parent.childForFieldName('left') : null;
  if (name?.type !== 'identifier') return false;
  const uses = [...walk(root)].filter(
    (node) => node.type === 'identifier' && node.text === name.text && node.id !== name.id && !isAttributeName(node),
  );
  return uses.length > 0 && uses.every(isCalled);
}

const isAttributeName = (node: SyntaxNode): boolean =>
  (node.parent?.type === 'attribute' && node.parent.childForFieldName('attribute')?.id === node.id) ||
  (node.parent?.type === 'keyword_argument' && node.parent.childForFieldName('name')?.id === node.id);

/** Takes an import of the platform's package out; one in a function is fal_client's then. */
export function importEdit(node: SyntaxNode, text: string): Edit {
  if (node.parent?.type !== 'module') return { start: node.startIndex, end: node.endIndex, text: 'import fal_client' };
  return { start: node.startIndex, end: lineEnd(text, node.endIndex), text: '' };
}

/** The platform's key in the environment is fal's. */
export function tokenEdits({ root, file, ledger }: ClientContext, token: string, made: readonly Edit[]): Edit[] {
  return [...walk(root)].flatMap((node) => {
    if (node.type !== 'string' || stringText(node) !== token) return [];
    if (made.some(({ start, end }) => node.startIndex >= start && node.endIndex <= end)) return [];
    ledger.note('F804', 'CHECK', {
      source: { file, line: node.startPosition.row + 1 },
      text: node.text,
      reason: `fal's key takes the place of ${token}.`,
      next: 'Set FAL_KEY where this runs.',
      anchor: { file, text: `${node.text[0]}FAL_KEY` },
    });
    return [{ start: node.startIndex, end: node.endIndex, text: node.text.replace(token, 'FAL_KEY') }];
  });
}
