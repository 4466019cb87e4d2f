import { argument, argumentsOf, modalNames, modalPath } from '../modal/library.ts';
import { lineStatement, type SyntaxNode, stringText, walk } from '../syntax.ts';
import { type ClientContext, type ClientEdits, markAbove } from './client-calls.ts';
import { importEdit } from './client-names.ts';

/** Calls of functions and classes of the app, looked up by name or imported from its file. */
export function modalCalls(context: ClientContext): ClientEdits {
  const { root, text, app } = context;
  const result: ClientEdits = { edits: [], helpers: new Set(), lines: [] };
  const names = modalNames(root);
  const marked = new Set<number>();
  const mark = (node: SyntaxNode, reason: string, next: string): void => {
    const statement = lineStatement(node, text);
    if (marked.has(statement.id)) return;
    marked.add(statement.id);
    result.edits.push(markAbove(context, statement, 'F803', reason, next));
  };
  for (const node of walk(root)) {
    if (node.type === 'import_from_statement') importedUnits(node, context, result);
    const path = node.type === 'call' ? modalPath(node.childForFieldName('function'), names) : null;
    if (path === null) continue;
    if (!/^(Function|Cls)\.(from_name|lookup)$/.test(path)) {
      if (node.parent?.type !== 'call' && !/^(Function|Cls)\b/.test(path))
        mark(
          node,
          `modal.${path} has no counterpart for callers at fal.`,
          'Remove it, or write what it did with fal_client.',
        );
      continue;
    }
    const given = argumentsOf(node);
    const unit = stringText(argument(given, 'name', 1));
    const target = app.targets.find(
      (one) => one.unit === unit && one.kind === (path.startsWith('Cls') ? 'class' : 'function'),
    );
    if (!target) {
      mark(
        node,
        `${unit ?? 'What is looked up here'} is not of the app that was imported.`,
        'Import its app, too, and call it by fal_client.subscribe("<you>/<app>", arguments=…).',
      );
      continue;
    }
    const by = target.expression.replaceAll(/\s*\n\s*/g, ' ');
    result.edits.push({ start: node.startIndex, end: node.endIndex, text: by });
    told(node, target.unit, by, context, result);
  }
  if (marked.size === 0 && result.helpers.size > 0) {
    for (const node of walk(root))
      if (node.type === 'import_statement' && /^import\s+modal(\s+as\s+\w+)?$/.test(node.text))
        result.edits.push(importEdit(node, text));
  }
  return result;
}

function told(
  node: SyntaxNode,
  unit: string,
  anchor: string,
  { file, ledger }: ClientContext,
  result: ClientEdits,
): void {
  result.helpers.add('modal');
  ledger.note('F806', 'CHECK', {
    source: { file, line: node.startPosition.row + 1 },
    text: node.text,
    reason: `${unit} is an app at fal now: remote, remote_gen, map, starmap, for_each and spawn call it through its queue.`,
    next: 'Set FAL_USER to your name at fal and FAL_KEY to a key of it.',
    anchor: { file, text: anchor },
  });
}

/** `from app import square`: the name stands for the app, the others are still imported. */
function importedUnits(node: SyntaxNode, context: ClientContext, result: ClientEdits): void {
  const { app } = context;
  const module = node.childForFieldName('module_name')?.text ?? '';
  if (module.split('.').at(-1) !== app.module) return;
  const items = node.childrenForFieldName('name').filter((item) => item !== null);
  const left: string[] = [];
  const lines: string[] = [];
  for (const item of items) {
    const name = (item.childForFieldName('name') ?? item).text;
    const alias = item.childForFieldName('alias')?.text ?? name;
    const target = app.targets.find(({ unit }) => unit === name);
    if (target && usedRemotely(alias, context.root)) lines.push(`${alias} = ${target.expression}`);
    else left.push(item.text);
  }
  if (lines.length === 0) return;
  const names = lines.map((line) => line.split(' ')[0]!).join(', ');
  const edit = importEdit(node, context.text);
  const by = left.length > 0 ? `from ${module} import ${left.join(', ')}` : edit.text;
  told(node, names, `${names.split(',')[0]} = Remote`, context, result);
  result.edits.push(left.length > 0 ? { start: node.startIndex, end: node.endIndex, text: by } : edit);
  result.lines.push(...lines);
}

/** Whether a name is called away from here: `x.remote(…)`, or a method of `x(…)`. */
function usedRemotely(name: string, root: SyntaxNode): boolean {
  return [...walk(root)].some(
    (node) =>
      node.type === 'attribute' &&
      /^(remote|remote_gen|map|starmap|for_each|spawn)$/.test(node.childForFieldName('attribute')?.text ?? '') &&
      root.text.includes(name) &&
      startsWith(node, name, root),
  );
}

function startsWith(node: SyntaxNode, name: string, root: SyntaxNode): boolean {
  let at: SyntaxNode | null = node;
  while (at && at.type !== 'identifier') at = at.childForFieldName('object') ?? at.childForFieldName('function');
  if (at?.text === name) return true;
  // `model = Model()`, and then `model.run.remote(…)`.
  return [...walk(root)].some(
    (one) =>
      one.type === 'assignment' &&
      one.childForFieldName('left')?.text === at?.text &&
      one.childForFieldName('right')?.childForFieldName('function')?.text === name,
  );
}

/** Whether a text looks up functions of Modal, or imports them from the app's file. */
export function speaksToModal(text: string, module: string): boolean {
  return (
    /\b(Function|Cls)\.(from_name|lookup)\(/.test(text) ||
    (/\.(remote|remote_gen|map|starmap|for_each|spawn)\(/.test(text) &&
      new RegExp(`^\\s*from [\\w.]*\\b${module} import`, 'm').test(text))
  );
}
