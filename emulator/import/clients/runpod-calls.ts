import { importedNames, importedPath } from '../imported-names.ts';
import { lineStatement, type SyntaxNode, walk } from '../syntax.ts';
import { type ClientContext, type ClientEdits, markAbove, shapeOf } from './client-calls.ts';
import { assignments, importEdit, onlyUsedAs, tokenEdits } from './client-names.ts';

// Long: the two ways of calling RunPod, by its package and by its API, share what they are rewritten to.

const API =
  /^https:\/\/api\.runpod\.ai\/v2\/([^/]*)\/(run|runsync|status|stream|cancel|health|purge-queue)(?:\/([^/?]*))?(?:\?.*)?$/s;

/** Calls of a RunPod endpoint, by the package and by HTTP. */
export function runpodCalls(context: ClientContext): ClientEdits {
  const { root, text, file, ledger } = context;
  const result: ClientEdits = { edits: [], helpers: new Set(), lines: [] };
  const names = importedNames(root, 'runpod');
  const assigned = assignments(root);
  const done = new Set<number>();
  for (const node of walk(root)) {
    if (node.type !== 'call') continue;
    const callee = node.childForFieldName('function');
    if (importedPath(callee, names)?.split('.').at(-1) === 'Endpoint') {
      endpointCall(node, context, result);
      done.add(node.id);
      continue;
    }
    httpCall(node, context, assigned, result);
  }
  if (names.size > 0) {
    for (const node of walk(root)) {
      if (node.type !== 'attribute' && node.type !== 'identifier') continue;
      if (
        /^(attribute|import_statement|dotted_name|aliased_import|import_from_statement)$/.test(node.parent?.type ?? '')
      )
        continue;
      const path = importedPath(node, names);
      if (path === null || /\.Endpoint$/.test(path)) continue;
      const statement = lineStatement(node, text);
      if (
        /^runpod\.(api_key|api_key_path|endpoint_url_base)$/.test(path) &&
        statement.type === 'expression_statement'
      ) {
        if (done.has(statement.id)) continue;
        done.add(statement.id);
        const comment = '# fal_client reads its key from FAL_KEY';
        const replaced = statement.parent?.type === 'module' ? comment : `pass  ${comment}`;
        result.edits.push({ start: statement.startIndex, end: statement.endIndex, text: replaced });
        ledger.note('F804', 'CHECK', {
          source: { file, line: statement.startPosition.row + 1 },
          text: statement.text,
          reason: 'fal_client reads its key from FAL_KEY.',
          next: 'Set FAL_KEY where this runs.',
          anchor: { file, text: replaced },
        });
      } else if (!done.has(statement.id)) {
        done.add(statement.id);
        result.edits.push(
          markAbove(
            context,
            statement,
            'F803',
            `${path} has no counterpart in fal_client.`,
            'Write it with fal_client, or remove it.',
          ),
        );
      }
    }
    for (const node of walk(root)) {
      if (!/^import(_from)?_statement$/.test(node.type) || !/\brunpod\b/.test(node.text)) continue;
      if (!usedBeside(root, names)) result.edits.push(importEdit(node, text));
    }
  }
  result.edits.push(...tokenEdits(context, 'RUNPOD_API_KEY', result.edits));
  return result;
}

/** Whether something of the package stays that is neither an endpoint nor its key. */
function usedBeside(root: SyntaxNode, names: ReadonlyMap<string, string>): boolean {
  return [...walk(root)].some((node) => {
    if (node.type !== 'attribute' && node.type !== 'identifier') return false;
    if (/^(attribute|import_statement|dotted_name|aliased_import|import_from_statement)$/.test(node.parent?.type ?? ''))
      return false;
    const path = importedPath(node, names);
    return path !== null && !/\.(Endpoint|api_key|api_key_path|endpoint_url_base)$/.test(path);
  });
}

function endpointCall(node: SyntaxNode, context: ClientContext, result: ClientEdits): void {
  const { root, file, ledger } = context;
  result.helpers.add('endpoint').add('app');
  result.edits.push({ start: node.startIndex, end: node.endIndex, text: 'Endpoint(FAL_APP)' });
  ledger.note('F801', 'CHECK', {
    source: { file, line: node.startPosition.row + 1 },
    text: node.text,
    reason: `The endpoint is the app "${context.app.name}": run, run_sync, status, output, stream and cancel answer as before.`,
    next: 'Set FAL_USER to your name at fal and FAL_KEY to a key of it.',
    anchor: { file, text: 'Endpoint(FAL_APP)' },
  });
  const holder = node.parent?.type === 'assignment' ? node.parent.childForFieldName('left')?.text : undefined;
  if (holder === undefined) return;
  for (const call of walk(root)) {
    const callee = call.type === 'call' ? call.childForFieldName('function') : null;
    if (callee?.type !== 'attribute' || callee.childForFieldName('object')?.text !== holder) continue;
    const method = callee.childForFieldName('attribute')!;
    if (method.text === 'health' || method.text === 'purge_queue') {
      const statement = lineStatement(call, context.text);
      const reason = `${method.text}() has no counterpart: fal's queue says it in its dashboard.`;
      result.edits.push(markAbove(context, statement, 'F803', reason, 'Remove it, or ask `fal apps list`.'));
    }
    if (method.text === 'run' && onlyUsedAs(call, 'stream', root))
      result.edits.push({ start: method.startIndex, end: method.endIndex, text: 'run_streamed' });
  }
}

function httpCall(
  node: SyntaxNode,
  context: ClientContext,
  assigned: ReadonlyMap<string, SyntaxNode>,
  result: ClientEdits,
): void {
  const { text, file, ledger } = context;
  const callee = node.childForFieldName('function');
  const verb = callee?.type === 'attribute' ? callee.childForFieldName('attribute')?.text : undefined;
  if (!/^(get|post|request|stream)$/.test(verb ?? '')) return;
  const given = node.childForFieldName('arguments')?.namedChildren.filter(({ type }) => type !== 'comment') ?? [];
  const first =
    given.find(({ type }) => type !== 'keyword_argument') ??
    given.find((one) => one.childForFieldName('name')?.text === 'url');
  const value = first?.type === 'keyword_argument' ? first.childForFieldName('value') : first;
  const shape = shapeOf(value ?? null, assigned);
  if (!first || !shape?.text.includes('api.runpod.ai/v2/')) return;
  const match = API.exec(shape.text);
  const operation = match?.[2] ?? '';
  const waits = node.parent?.type === 'await' || /with_statement|with_item/.test(node.parent?.type ?? '');
  const simple =
    callee!.childForFieldName('object')?.type === 'identifier' &&
    /^(requests|httpx|session|client|http)$/i.test(callee!.childForFieldName('object')!.text);
  if (!match || waits || !simple || !/^(get|post)$/.test(verb!) || /^(health|purge-queue)$/.test(operation)) {
    const reason = waits
      ? 'An awaited or streamed call of RunPod is not rewritten.'
      : 'This call of RunPod cannot be rewritten.';
    result.edits.push(
      markAbove(
        context,
        lineStatement(node, text),
        'F803',
        reason,
        'Write it with fal_client: subscribe, submit, stream.',
      ),
    );
    return;
  }
  // The hole in the place of the job's id, after those in front of it.
  const before = [...shape.text.slice(0, shape.text.lastIndexOf(`/${operation}`))].filter(
    (char) => char === '\0',
  ).length;
  const id =
    match[3] === undefined
      ? ''
      : match[3] === '\0'
        ? `, ${shape.holes[before]!.text}`
        : `, ${JSON.stringify(match[3])}`;
  result.helpers.add('http').add('app');
  result.edits.push(
    { start: callee!.startIndex, end: callee!.endIndex, text: 'call_job' },
    { start: first.startIndex, end: first.endIndex, text: `"${operation}", FAL_APP${id}` },
  );
  ledger.note('F802', 'CHECK', {
    source: { file, line: node.startPosition.row + 1 },
    text: node.text,
    reason: `/${operation} is answered by the app "${context.app.name}" with what RunPod would say: id, status, output or error.`,
    next: 'fal_client.subscribe, submit and stream say it shorter, without the "input" around the arguments.',
    anchor: { file, text: `call_job("${operation}"` },
  });
}

/** Whether a text speaks of RunPod's API. */
export const speaksToRunpod = (text: string): boolean =>
  /\brunpod\.Endpoint\b|from runpod(\.\w+)* import .*\bEndpoint\b|api\.runpod\.ai\/v2\//.test(text);
