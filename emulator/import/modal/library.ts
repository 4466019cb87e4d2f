import { dotted, type SyntaxNode, walk } from '../syntax.ts';

/** How a file calls the modal package and what it imports from it. */
export interface ModalNames {
  /** Names of the package itself: `modal`, or its alias. */
  modules: ReadonlySet<string>;
  /** Local name → path in the package, without `modal.`. */
  members: ReadonlyMap<string, string>;
}

/** Names under which a file reaches modal, from all of its imports. */
export function modalNames(root: SyntaxNode): ModalNames {
  const modules = new Set<string>();
  const members = new Map<string, string>();
  for (const node of walk(root)) {
    if (node.type === 'import_statement') {
      for (const item of node.childrenForFieldName('name')) {
        const name = (item?.childForFieldName('name') ?? item)?.text ?? '';
        if (!isModal(name)) continue;
        const alias = item?.childForFieldName('alias')?.text;
        if (alias === undefined) modules.add('modal');
        else if (name === 'modal') modules.add(alias);
        else members.set(alias, name.slice('modal.'.length));
      }
    } else if (node.type === 'import_from_statement') {
      const module = node.childForFieldName('module_name')?.text ?? '';
      if (!isModal(module)) continue;
      const prefix = module === 'modal' ? '' : `${module.slice('modal.'.length)}.`;
      for (const item of node.childrenForFieldName('name')) {
        if (!item) continue;
        const name = (item.childForFieldName('name') ?? item).text;
        members.set(item.childForFieldName('alias')?.text ?? name, `${prefix}${name}`);
      }
    }
  }
  return { modules, members };
}

/** Whether a module is modal's. */
export function isModal(module: string): boolean {
  return module === 'modal' || module.startsWith('modal.');
}

// Modules of the package whose members are known by their own name, and names of before 1.0.
const INNER =
  /^(functions|cls|image|app|stub|volume|secret|dict|queue|mount|schedule|retries|sandbox|partial_function)\./;
const OLD = new Map([
  ['Stub', 'App'],
  ['web_endpoint', 'fastapi_endpoint'],
  ['experimental.http_server', 'web_server'],
  ['http_server', 'web_server'],
  ['experimental.clustered', 'clustered'],
]);

/** Path in modal of a name or attribute chain, in today's spelling; null for anything else. */
export function modalPath(node: SyntaxNode | null, names: ModalNames): string | null {
  const path = dotted(node);
  if (path === null) return null;
  const [first, ...rest] = path.split('.');
  let found: string | null = null;
  if (names.modules.has(first!)) found = rest.join('.');
  else if (names.members.has(first!)) found = [names.members.get(first!)!, ...rest].join('.');
  if (found === null) return null;
  const short = found.replace(INNER, '');
  const head = short.split('.')[0]!;
  const old = OLD.get(short) ?? (OLD.has(head) ? `${OLD.get(head)}${short.slice(head.length)}` : null);
  return old ?? short;
}

/** Arguments of a call: positional ones, and keywords with their nodes. Comments are left out. */
export interface Arguments {
  positional: SyntaxNode[];
  keywords: { name: string; value: SyntaxNode; node: SyntaxNode }[];
  /** `*x` and `**x`. */
  splats: SyntaxNode[];
}

/** What a call is given; nothing for what is no call. */
export function argumentsOf(call: SyntaxNode | null): Arguments {
  const result: Arguments = { positional: [], keywords: [], splats: [] };
  const list = call?.childForFieldName('arguments');
  for (const child of list?.namedChildren ?? []) {
    if (child.type === 'comment') continue;
    if (child.type === 'keyword_argument') {
      result.keywords.push({
        name: child.childForFieldName('name')!.text,
        value: child.childForFieldName('value')!,
        node: child,
      });
    } else if (/splat/.test(child.type)) result.splats.push(child);
    else result.positional.push(child);
  }
  return result;
}

/** Value of a keyword, else of a position. */
export function argument(given: Arguments, name: string, position: number | null): SyntaxNode | null {
  const found = given.keywords.find((keyword) => keyword.name === name)?.value;
  return found ?? (position === null ? null : (given.positional[position] ?? null));
}
