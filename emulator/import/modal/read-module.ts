import { dataclassBases } from '../dataclasses.ts';
import { isMainBlock, mustWait } from '../module-plan.ts';
import { boundNames, readNames } from '../names.ts';
import { dotted, type SyntaxNode, walk } from '../syntax.ts';
import { type Arguments, argumentsOf, isModal, type ModalNames, modalPath } from './library.ts';
import { type ImageChain, type ModalObject, ObjectReader, touchesModal } from './objects.ts';
import { boundShared } from './shared-objects.ts';

// Long: what each statement of a module is in Modal's terms is one decision, with its cases side by side.

/**
 * `late`: waits for the runner. `gone`: only says something to Modal. `local`: runs on the developer's machine. `unit`:
 * becomes an app. `future`: an import from the future. `modal`: an import of the package.
 */
export type Fate = 'kept' | 'late' | 'gone' | 'local' | 'unit' | 'future' | 'modal';

export interface Statement {
  node: SyntaxNode;
  fate: Fate;
  /** Indentation: that of the block in `with image.imports()`, else nothing. */
  prefix: string;
  /** The image whose containers alone import it. */
  image: ImageChain | null;
  /** The statement of the module that it stands in; itself mostly. */
  top: SyntaxNode;
  /** A `gone` statement that could not be read. */
  unread: boolean;
}

export interface Decorator {
  /** `app.function`, `app.cls`, `app.local_entrypoint`, or a path in modal; null for one of another package. */
  path: string | null;
  node: SyntaxNode;
  given: Arguments;
}

export interface Definition {
  name: string;
  /** The function or class itself. */
  node: SyntaxNode;
  /** With its decorators. */
  outer: SyntaxNode;
  decorators: Decorator[];
}

export interface Unit extends Definition {
  kind: 'function' | 'class';
  app: Extract<ModalObject, { kind: 'app' }>;
  options: Arguments;
}

export interface ModalModule {
  statements: Statement[];
  units: Unit[];
  entrypoints: Definition[];
  classes: ReadonlyMap<string, Definition>;
  reader: ObjectReader;
  /** Names bound to modal objects, or by statements that are gone. */
  gone: ReadonlySet<string>;
  /** Names bound to dictionaries and queues that runners share: they exist in runners only. */
  shared: ReadonlySet<string>;
  /** Names that exist in the runner only. */
  late: ReadonlySet<string>;
  names: ModalNames;
}

/** The modal object that another file of the folder binds to a name; `module` as it is imported. */
export type ImportedObjects = (module: string, name: string) => ModalObject | null;

/** What each statement of a file is, which modal objects it makes, and which apps there are. */
export function readModule(
  root: SyntaxNode,
  names: ModalNames,
  file: string,
  imported: ImportedObjects = () => null,
): ModalModule {
  const bindings = new Map<string, SyntaxNode>();
  const reader = new ObjectReader(names, (name) => bindings.get(name) ?? null, file);
  const gone = new Set<string>();
  const shared = new Set<string>();
  const statements: Statement[] = [];
  const units: Unit[] = [];
  const entrypoints: Definition[] = [];
  const classes = new Map<string, Definition>();

  const add = (node: SyntaxNode, top: SyntaxNode, prefix: string, image: ImageChain | null, first: boolean): void => {
    const statement = { node, fate: 'kept' as Fate, prefix, image, top, unread: false };
    statements.push(statement);
    if (node.type === 'future_import_statement') statement.fate = 'future';
    else if (isMainBlock(node)) statement.fate = 'local';
    else if (importsModalOnly(node)) statement.fate = 'modal';
    else if (importsObjects(node, reader, gone, imported, decorated)) statement.fate = 'gone';
    else if (/^(decorated|function|class)_definition$/.test(node.type)) {
      const definition = definitionOf(node, names, reader);
      if (definition.node.type === 'class_definition') classes.set(definition.name, definition);
      else reader.functions.set(definition.name, definition.node);
      const unit = unitOf(definition, reader);
      if (unit) {
        units.push(unit);
        statement.fate = 'unit';
      } else if (definition.decorators.some(({ path }) => path === 'app.local_entrypoint')) {
        entrypoints.push(definition);
        statement.fate = 'local';
      } else if (mustWait(node) && !definition.decorators.some(({ path }) => path !== null)) statement.fate = 'late';
      // A definition hides the object that had its name.
      reader.objects.delete(definition.name);
      gone.delete(definition.name);
    } else if (boundShared(node, names)) {
      statement.fate = 'late';
      for (const name of boundNames(node)) {
        shared.add(name);
        gone.delete(name);
        reader.objects.delete(name);
      }
    } else if (!readObjects(node, reader, gone, bindings)) {
      const own = touchesModal(node, names, gone) && !/^import/.test(node.type);
      if (own) {
        statement.fate = 'gone';
        statement.unread = !isPlainConfig(node, reader);
        for (const name of boundNames(node)) gone.add(name);
        // What it says about a configuration is still there to be looked up.
        bind(node, bindings);
      } else {
        bind(node, bindings);
        if (!(first && isText(node)) && mustWait(node)) statement.fate = 'late';
        for (const name of boundNames(node)) {
          gone.delete(name);
          reader.objects.delete(name);
        }
      }
    } else statement.fate = 'gone';
  };

  const decorated = ownersOf(root);
  const nodes = root.namedChildren.filter(({ type }) => type !== 'comment');
  nodes.forEach((node, index) => {
    const image = importsBlock(node, reader);
    if (!image) {
      add(node, node, '', null, index === 0);
      return;
    }
    const block = node.childForFieldName('body')!;
    const inside = block.namedChildren.filter(({ type }) => type !== 'comment');
    const column = inside[0] && inside[0].startPosition.row !== node.startPosition.row ? indentOf(inside[0]) : '';
    for (const child of inside) add(child, node, column, image, false);
  });

  afterwards(statements, units, reader, gone, names);
  const pinned = basesOf(units, classes);
  for (const statement of statements) {
    if (pinned.has(statement.node.id) && statement.fate === 'late') statement.fate = 'kept';
  }
  const late = settle(statements, pinned);
  return { statements, units, entrypoints, classes, reader, gone, shared, late, names };
}

/** What is only known at the end: functions that only make images, and values of options that code made. */
function afterwards(
  statements: Statement[],
  units: readonly Unit[],
  reader: ObjectReader,
  gone: Set<string>,
  names: ModalNames,
): void {
  const options = new Set<string>();
  for (const { options: given, app } of units) {
    for (const { name, value } of [...given.keywords, ...argumentsOf(app.call).keywords]) {
      if (!/^(image|volumes|secrets|secret|mounts|schedule|network_file_systems|proxy)$/.test(name)) continue;
      for (const node of walk(value)) if (node.type === 'identifier') options.add(node.text);
    }
  }
  for (const statement of statements) {
    const { node, fate } = statement;
    if (fate === 'kept' && node.type === 'function_definition') {
      const name = node.childForFieldName('name')?.text ?? '';
      if (reader.helpers.has(name) || returnsObject(node, reader, names)) {
        statement.fate = 'gone';
        statement.unread = !reader.helpers.has(name);
        gone.add(name);
      }
    }
    const assignment = node.type === 'expression_statement' ? node.namedChildren[0] : null;
    if (fate !== 'late' || assignment?.type !== 'assignment') continue;
    const bound = [...boundNames(node)];
    // An image that a function makes is none that the runner needs.
    const used = bound.some((name) => options.has(name)) || [...readNames(node)].some((name) => gone.has(name));
    if (!used || assignment.childForFieldName('right')?.type !== 'call') continue;
    statement.fate = 'gone';
    statement.unread = true;
    for (const name of bound) gone.add(name);
  }
  // Imports and values that nothing needs but what is gone, from the last one up.
  for (const statement of statements.toReversed()) {
    const plain =
      statement.node.type === 'expression_statement' && statement.node.namedChildren[0]?.type === 'assignment';
    if (statement.fate !== 'late' || !(plain || statement.node.type === 'import_from_statement')) continue;
    const bound = boundNames(statement.node);
    const users = statements.filter(
      ({ node }) =>
        node.id !== statement.node.id &&
        [...walk(node)].some((child) => child.type === 'identifier' && bound.has(child.text)),
    );
    if (users.length > 0 && users.every(({ fate }) => fate === 'gone')) statement.fate = 'gone';
  }
}

/** Whether a function returns something of modal: its results say something to Modal alone. */
function returnsObject(node: SyntaxNode, reader: ObjectReader, names: ModalNames): boolean {
  return node.descendantsOfType('return_statement').some((statement) => {
    const value = statement?.namedChildren[0] ?? null;
    const object = reader.read(value);
    return (
      object !== null &&
      /^(image|volume|secret|app|bucket)$/.test(object.kind) &&
      value !== null &&
      touchesModal(value, names, new Set(reader.objects.keys()))
    );
  });
}

/** Names that decorators of `.function` and `.cls` are taken from. */
function ownersOf(root: SyntaxNode): Set<string> {
  const found = new Set<string>();
  for (const node of root.namedChildren) {
    if (node.type !== 'decorated_definition') continue;
    for (const decorator of node.namedChildren) {
      const match =
        decorator.type === 'decorator' ? /^@\s*(\w+)\.(function|cls|local_entrypoint)\b/.exec(decorator.text) : null;
      if (match) found.add(match[1]!);
    }
  }
  return found;
}

/** Takes the modal objects of other files in; whether nothing else is imported by the statement. */
function importsObjects(
  node: SyntaxNode,
  reader: ObjectReader,
  gone: Set<string>,
  imported: ImportedObjects,
  owners: ReadonlySet<string>,
): boolean {
  if (node.type !== 'import_from_statement') return false;
  const module = node.childForFieldName('module_name')?.text ?? '';
  const items = node.childrenForFieldName('name').filter((item) => item !== null);
  const found = items.filter((item) => {
    const name = (item.childForFieldName('name') ?? item).text;
    const alias = item.childForFieldName('alias')?.text ?? name;
    // An app of a file that is not there is an app all the same.
    const object =
      imported(module, name) ?? (owners.has(alias) ? ({ kind: 'app', name: null, call: null } as const) : null);
    if (!object) return false;
    reader.objects.set(alias, object);
    gone.add(alias);
    return true;
  });
  return found.length > 0 && found.length === items.length;
}

/** The names that wait, once everything that needs them waits too. */
function settle(statements: Statement[], pinned: ReadonlySet<number>): Set<string> {
  const late = new Set(['__file__']);
  const facts = new Map(statements.map((at) => [at, { bound: boundNames(at.node), reads: readNames(at.node) }]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const statement of statements) {
      const { bound, reads } = facts.get(statement)!;
      const needs = [...reads, ...bound].some((name) => late.has(name) && name !== '__file__') || reads.has('__file__');
      if (statement.fate === 'kept' && !pinned.has(statement.node.id) && needs) {
        statement.fate = 'late';
        changed = true;
      }
      if (statement.fate !== 'late') continue;
      for (const base of dataclassBases(statement.node, statements)) {
        if (base.fate !== 'kept' || pinned.has(base.node.id)) continue;
        base.fate = 'late';
        changed = true;
      }
      for (const name of bound) {
        if (late.has(name)) continue;
        late.add(name);
        changed = true;
      }
    }
  }
  late.delete('__file__');
  return late;
}

/** Definitions that apps are derived from: they stay where they are, as the apps do. */
function basesOf(units: readonly Unit[], classes: ReadonlyMap<string, Definition>): Set<number> {
  const pinned = new Set<number>();
  const visit = (node: SyntaxNode): void => {
    for (const base of node.childForFieldName('superclasses')?.namedChildren ?? []) {
      const found = classes.get(base.text);
      if (!found || pinned.has(found.outer.id)) continue;
      pinned.add(found.outer.id);
      visit(found.node);
    }
  };
  for (const { node } of units) visit(node);
  return pinned;
}

/** A definition with its decorators, each told apart. */
export function definitionOf(outer: SyntaxNode, names: ModalNames, reader: ObjectReader): Definition {
  const node = outer.type === 'decorated_definition' ? outer.childForFieldName('definition')! : outer;
  const decorators =
    outer.type !== 'decorated_definition' ? [] : outer.namedChildren.filter(({ type }) => type === 'decorator');
  return {
    name: node.childForFieldName('name')?.text ?? '',
    node,
    outer,
    decorators: decorators.map((decorator) => {
      const expression = decorator.namedChildren[0] ?? decorator;
      const callee = expression.type === 'call' ? expression.childForFieldName('function') : expression;
      const given = argumentsOf(expression.type === 'call' ? expression : null);
      let path = modalPath(callee, names);
      if (path === null && callee?.type === 'attribute') {
        const owner = reader.read(callee.childForFieldName('object'));
        if (owner?.kind === 'app') path = `app.${callee.childForFieldName('attribute')?.text ?? ''}`;
      }
      return { path: path === null || path === '' ? null : path, node: decorator, given };
    }),
  };
}

function unitOf(definition: Definition, reader: ObjectReader): Unit | null {
  for (const { path, node, given } of definition.decorators) {
    // `.webhook`, `.asgi`, `.wsgi` on the app itself are of 2023.
    if (!/^app\.(function|cls|server|webhook|web_endpoint|asgi|wsgi)$/.test(path ?? '')) continue;
    const expression = node.namedChildren[0]!;
    const callee = expression.type === 'call' ? expression.childForFieldName('function') : expression;
    const app = reader.read(callee?.childForFieldName('object') ?? null);
    if (app?.kind !== 'app') continue;
    const kind = definition.node.type === 'class_definition' ? 'class' : 'function';
    return { ...definition, kind, app, options: given };
  }
  return null;
}

/** Binds the modal objects of an assignment; whether it makes any. */
function readObjects(
  node: SyntaxNode,
  reader: ObjectReader,
  gone: Set<string>,
  bindings: Map<string, SyntaxNode>,
): boolean {
  const assignment = node.type === 'expression_statement' ? node.namedChildren[0] : null;
  if (assignment?.type !== 'assignment') return false;
  const targets: SyntaxNode[] = [];
  let value: SyntaxNode | null = assignment;
  while (value?.type === 'assignment') {
    targets.push(value.childForFieldName('left')!);
    value = value.childForFieldName('right');
  }
  const object = reader.read(value);
  if (!object) return false;
  for (const target of targets) {
    const name = target.type === 'subscript' ? target.text.replaceAll(/\s/g, '') : dotted(target);
    if (name === null) return false;
    if (object.kind === 'image') object.image = { ...object.image, name: name.split('.').at(-1)! };
    reader.objects.set(name, object);
    if (!name.includes('.')) gone.add(name);
    bindings.delete(name);
  }
  return true;
}

function bind(node: SyntaxNode, bindings: Map<string, SyntaxNode>): void {
  const assignment = node.type === 'expression_statement' ? node.namedChildren[0] : null;
  const names = boundNames(node);
  if (assignment?.type !== 'assignment') {
    for (const name of names) bindings.delete(name);
    return;
  }
  const targets: SyntaxNode[] = [];
  let value: SyntaxNode | null = assignment;
  while (value?.type === 'assignment') {
    targets.push(value.childForFieldName('left')!);
    value = value.childForFieldName('right');
  }
  for (const target of targets) {
    if (target.type === 'identifier' && value) bindings.set(target.text, value);
    else if (
      /^(pattern_list|tuple_pattern)$/.test(target.type) &&
      /^(expression_list|tuple)$/.test(value?.type ?? '')
    ) {
      target.namedChildren.forEach((name, index) => {
        const part = value?.namedChildren[index];
        if (name.type === 'identifier' && part) bindings.set(name.text, part);
      });
    } else for (const name of names) bindings.delete(name);
  }
}

/** `conf = dict(image=image, …)`: all that it says is read where it is used. */
function isPlainConfig(node: SyntaxNode, _reader: ObjectReader): boolean {
  const assignment = node.type === 'expression_statement' ? node.namedChildren[0] : null;
  const right = assignment?.type === 'assignment' ? assignment.childForFieldName('right') : null;
  if (right?.type === 'dictionary' || /^(list|tuple)$/.test(right?.type ?? '')) return true;
  return right?.type === 'call' && right.childForFieldName('function')?.text === 'dict';
}

function importsBlock(node: SyntaxNode, reader: ObjectReader): ImageChain | null {
  if (node.type !== 'with_statement') return null;
  const items = node.namedChildren.find(({ type }) => type === 'with_clause')?.namedChildren ?? [];
  const value = items.length === 1 ? items[0]!.childForFieldName('value') : null;
  const callee = value?.type === 'call' ? value.childForFieldName('function') : null;
  if (callee?.type !== 'attribute' || callee.childForFieldName('attribute')?.text !== 'imports') return null;
  const image = reader.read(callee.childForFieldName('object'));
  if (image?.kind === 'image') return image.image;
  // The image of the app: `with app.image.imports()`, or one that could not be read.
  return { name: null, steps: [], unknown: callee.text };
}

function importsModalOnly(node: SyntaxNode): boolean {
  if (node.type === 'import_from_statement') return isModal(node.childForFieldName('module_name')?.text ?? '');
  if (node.type !== 'import_statement') return false;
  const items = node.childrenForFieldName('name');
  return items.every((item) => isModal((item?.childForFieldName('name') ?? item)?.text ?? ''));
}

function indentOf(node: SyntaxNode): string {
  const before = node.tree.rootNode.text;
  const line = before.lastIndexOf('\n', node.startIndex - 1) + 1;
  return before.slice(line, node.startIndex);
}

function isText(node: SyntaxNode): boolean {
  return node.type === 'expression_statement' && node.namedChildren[0]?.type === 'string';
}
