import { importedNames, importedPath } from '../imported-names.ts';
import { lineStatement, stringText, walk } from '../syntax.ts';
import { type ClientContext, type ClientEdits, markAbove } from './client-calls.ts';
import { importEdit, tokenEdits } from './client-names.ts';

/** Calls of the model at Replicate. `image`: `owner/name` that cog.yaml names, when it does. */
export function replicateCalls(context: ClientContext, image: string | null): ClientEdits {
  const { root, text, file, ledger, app } = context;
  const result: ClientEdits = { edits: [], helpers: new Set(), lines: [] };
  const names = importedNames(root, 'replicate');
  let left = false;
  for (const node of walk(root)) {
    if (node.type !== 'call') continue;
    const callee = node.childForFieldName('function');
    const path = importedPath(callee, names);
    if (path === null) continue;
    const given = node.childForFieldName('arguments')?.namedChildren.filter(({ type }) => type !== 'comment') ?? [];
    const model = stringText(given[0] ?? null)?.split(':')[0];
    const own = model !== undefined && (model === image || model.split('/').at(-1) === app.name);
    if (path !== 'replicate.run' || !own) {
      left = true;
      const reason =
        path === 'replicate.run'
          ? `${model ?? 'This model'} is not known to be this app: cog.yaml names ${image ?? 'no image'}.`
          : `${path} has no counterpart that keeps its results.`;
      const next = `If it is this app: run_model(FAL_APP, input=…), or fal_client.submit("<you>/${app.name}", arguments=…).`;
      result.edits.push(markAbove(context, lineStatement(node, text), 'F803', reason, next));
      continue;
    }
    result.helpers.add('replicate').add('app');
    result.edits.push(
      { start: callee!.startIndex, end: callee!.endIndex, text: 'run_model' },
      { start: given[0]!.startIndex, end: given[0]!.endIndex, text: 'FAL_APP' },
    );
    ledger.note('F805', 'CHECK', {
      source: { file, line: node.startPosition.row + 1 },
      text: node.text,
      reason: `The model is the app "${app.name}". A text in pieces comes as a whole.`,
      next: 'fal_client.stream gives pieces as they are made.',
      anchor: { file, text: 'run_model(FAL_APP' },
    });
  }
  if (!left && result.edits.length > 0) {
    for (const node of walk(root))
      if (/^import(_from)?_statement$/.test(node.type) && /\breplicate\b/.test(node.text))
        result.edits.push(importEdit(node, text));
  }
  result.edits.push(...tokenEdits(context, 'REPLICATE_API_TOKEN', result.edits));
  return result;
}

/** Whether a text calls a model at Replicate. */
export const speaksToReplicate = (text: string): boolean =>
  /\breplicate\.(run|predictions|models|Client)\b|from replicate import/.test(text);
