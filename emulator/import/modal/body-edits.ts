import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { lineStart } from '../move-statements.ts';
import type { Level } from '../report.ts';
import { dotted, lineStatement, type SyntaxNode, walk } from '../syntax.ts';
import { fold } from './fold.ts';
import { argument, argumentsOf, modalPath } from './library.ts';
import type { Helper } from './python-helpers.ts';
import type { ModalModule, Unit } from './read-module.ts';
import { meansModule } from './scope.ts';
import { type SharedObject, sharedAnnotation, sharedObject } from './shared-objects.ts';

// Long: each way in which code uses Modal, one after the other.

export interface BodyEdits {
  edits: Edit[];
  helpers: Set<Helper>;
  /** Units that are called from elsewhere, by name. */
  remotes: Set<string>;
  /** Modules that the replaced code uses. */
  modules: Set<string>;
  /** Functions called by name in apps of other files: variable → Python expression. */
  foreign: Map<string, string>;
}

export interface BodyContext {
  module: ModalModule;
  units: ReadonlyMap<string, Unit>;
  /** Endpoint methods of each class. */
  methods: ReadonlyMap<string, ReadonlySet<string>>;
  remoteName(unit: string): string;
  urlName(unit: string): string;
  text: string;
  file: string;
  ledger: Ledger;
  /** Whether a node lies where nothing is edited: decorators that go, statements that are gone. */
  skipped(node: SyntaxNode): boolean;
  /** Where the marker of a unit is called that is not of this file. */
  free(name: string): string;
}

const CALLS = /^(remote|remote_gen|spawn|map|starmap|for_each|spawn_map|with_options|call)$/;

/** Edits of the code in bodies: calls of apps, objects of Modal, and what has no counterpart. */
export function bodyEdits(root: SyntaxNode, context: BodyContext): BodyEdits {
  const result: BodyEdits = {
    edits: [],
    helpers: new Set(),
    remotes: new Set(),
    modules: new Set(),
    foreign: new Map(),
  };
  const done = new Set<number>();
  const spawned = spawnedUnits(root, context);
  for (const node of walk(root)) {
    if (node.type === 'attribute') oldCall(node, context, result);
    if (node.type !== 'identifier' || isNameOnly(node)) continue;
    if (done.has(node.id) || context.skipped(node)) continue;
    if (node.text === 'self') {
      ownCall(node, context, result);
      continue;
    }
    const { module, units } = context;
    const unit = units.get(node.text);
    const known =
      unit ||
      module.gone.has(node.text) ||
      module.names.modules.has(node.text) ||
      module.names.members.has(node.text) ||
      (module.shared.has(node.text) && isLocal(node, module));
    if (!known || !meansModule(node)) continue;
    if (unit) unitUse(node, unit, context, result);
    else modalUse(node, context, result, done, spawned);
  }
  return result;
}

/** `object.method.call(…)`, which is `.remote` since 0.52. */
function oldCall(node: SyntaxNode, { methods, skipped }: BodyContext, result: BodyEdits): void {
  const name = node.childForFieldName('attribute');
  const owner = node.childForFieldName('object');
  if (name?.text !== 'call' || owner?.type !== 'attribute' || node.parent?.type !== 'call' || skipped(node)) return;
  const method = owner.childForFieldName('attribute')?.text ?? '';
  const known = [...methods.values()].some((names) => names.has(method));
  if (known && owner.childForFieldName('object')?.text !== 'self') replace(result, name, 'remote');
}

/** Names of attributes, keywords and imports, which look nothing up. */
function isNameOnly(node: SyntaxNode): boolean {
  const { parent } = node;
  if (!parent) return true;
  if (parent.type === 'attribute') return parent.childForFieldName('attribute')?.id === node.id;
  if (parent.type === 'keyword_argument') return parent.childForFieldName('name')?.id === node.id;
  if (/^(function|class)_definition$/.test(parent.type)) return parent.childForFieldName('name')?.id === node.id;
  if (/^(dotted_name|aliased_import|global_statement|nonlocal_statement|import_from_statement)$/.test(parent.type))
    return true;
  if (/^(parameters|lambda_parameters|list_splat_pattern|dictionary_splat_pattern)$/.test(parent.type)) return true;
  if (/^(default_parameter|typed_default_parameter)$/.test(parent.type))
    return parent.childForFieldName('name')?.id === node.id;
  return parent.type === 'typed_parameter';
}

function note(
  { ledger, file }: BodyContext,
  node: SyntaxNode,
  code: string,
  level: Level,
  reason: string,
  next?: string,
  anchor?: string,
): void {
  ledger.note(code, level, {
    source: { file, line: node.startPosition.row + 1 },
    text: node.text,
    reason,
    ...(next === undefined ? {} : { next }),
    ...(anchor === undefined ? {} : { anchor: { file, text: anchor } }),
  });
}

function replace(result: BodyEdits, node: SyntaxNode, text: string): void {
  result.edits.push({ start: node.startIndex, end: node.endIndex, text });
}

/** `f.remote(…)`, `C(…).m.remote(…)`: through the client, to the app that it became. */
function unitUse(node: SyntaxNode, unit: Unit, context: BodyContext, result: BodyEdits): void {
  const { parent } = node;
  const method = parent?.type === 'attribute' ? (parent.childForFieldName('attribute')?.text ?? '') : null;
  if (unit.kind === 'class') {
    const called = parent?.type === 'call' && parent.childForFieldName('function')?.id === node.id;
    if (!called && method !== 'with_options') return;
    useRemote(node, unit, context, result);
    return;
  }
  if (method === null) return;
  if (method === 'local' || method === 'get_raw_f') {
    const whole = method === 'get_raw_f' && parent!.parent?.type === 'call' ? parent!.parent : parent!;
    result.edits.push({ start: node.endIndex, end: whole.endIndex, text: '' });
    note(context, whole, 'F755', 'OK', 'It is called in the same process, as it was.');
    return;
  }
  if (CALLS.test(method)) {
    // `.call` is of before 1.0.
    if (method === 'call') replace(result, parent!.childForFieldName('attribute')!, 'remote');
    useRemote(node, unit, context, result);
    return;
  }
  if (/^(get_web_url|web_url)$/.test(method)) {
    let chain: SyntaxNode = parent!;
    if (chain.parent?.type === 'attribute' && chain.parent.childForFieldName('attribute')?.text === 'aio')
      chain = chain.parent;
    if (chain.parent?.type === 'call') chain = chain.parent;
    if (chain.parent?.type === 'await') chain = chain.parent;
    replace(result, chain, context.urlName(unit.name));
    note(
      context,
      chain,
      'F783',
      'CHECK',
      'The URL is that of the app at fal, which asks for a key.',
      'Here, windtunnel exec leads it to the emulator.',
      `${context.urlName(unit.name)} = `,
    );
    return;
  }
  unsupported(whole(node), `${unit.name}.${method}`, context, result);
}

function useRemote(node: SyntaxNode, unit: Unit, context: BodyContext, result: BodyEdits): void {
  const name = context.remoteName(unit.name);
  replace(result, node, name);
  result.remotes.add(unit.name);
  result.helpers.add('remote');
  if (/\.aio\b/.test(context.text)) result.helpers.add('aio');
  note(
    context,
    lineStatement(node, context.text),
    'F756',
    'CHECK',
    `${unit.name} is an app of its own: it is called through fal_client, which needs it to be deployed, or to run here. Arguments and results go as JSON, content as files.`,
    'Set FAL_USER to your user name at fal once it is deployed. As many run at a time as max_concurrency allows.',
    `${name} = `,
  );
}

/** `self.m.local(…)` and `self.m.remote(…)` in a class of Modal. */
function ownCall(node: SyntaxNode, context: BodyContext, result: BodyEdits): void {
  const first = node.parent;
  const second = first?.parent;
  if (first?.type !== 'attribute' || second?.type !== 'attribute' || first.childForFieldName('object')?.id !== node.id)
    return;
  const method = first.childForFieldName('attribute')?.text ?? '';
  const call = second.childForFieldName('attribute')?.text ?? '';
  let owner: string | null = null;
  for (let at = node.parent; at; at = at.parent)
    if (at.type === 'class_definition') {
      owner = at.childForFieldName('name')?.text ?? null;
      break;
    }
  const unit = owner === null ? undefined : context.units.get(owner);
  if (!unit || !context.methods.get(owner!)?.has(method)) return;
  if (call === 'local') {
    result.edits.push({ start: first.endIndex, end: second.endIndex, text: '' });
    note(context, second, 'F755', 'OK', 'It is called in the same process, as it was.');
  } else if (CALLS.test(call)) {
    const name = context.remoteName(owner!);
    replace(result, node, `${name}()`);
    if (call === 'call') replace(result, second.childForFieldName('attribute')!, 'remote');
    result.remotes.add(owner!);
    result.helpers.add('remote');
    if (/\.aio\b/.test(context.text)) result.helpers.add('aio');
    note(
      context,
      lineStatement(node, context.text),
      'F757',
      'CHECK',
      `The app calls itself, in another runner: with max_concurrency 1 it would wait for itself for ever.`,
      `Call self.${method}(…) where the same runner may do it.`,
      `${name} = `,
    );
  }
}

/** The largest chain of attributes, calls and subscripts that begins with a name. */
function whole(node: SyntaxNode): SyntaxNode {
  let at = node;
  for (let up = at.parent; up; up = at.parent) {
    const inner =
      up.childForFieldName('object') ??
      up.childForFieldName('function') ??
      (up.type === 'subscript' ? up.childForFieldName('value') : null);
    if (!/^(attribute|call|subscript)$/.test(up.type) || inner?.id !== at.id) break;
    at = up;
  }
  return at;
}

/** The part of a chain that is a call of something in the library: `modal.X.y(…)` of `modal.X.y(…).z`. */
function firstCall(node: SyntaxNode): SyntaxNode | null {
  for (let at = node; at.parent; at = at.parent) {
    if (at.parent.type === 'call' && at.parent.childForFieldName('function')?.id === at.id) return at.parent;
    if (at.parent.type !== 'attribute' || at.parent.childForFieldName('object')?.id !== at.id) return null;
  }
  return null;
}

function modalUse(
  node: SyntaxNode,
  context: BodyContext,
  result: BodyEdits,
  done: Set<number>,
  spawned: ReadonlyMap<string, string>,
): boolean {
  const { module } = context;
  const chain = whole(node);
  // What stands in the arguments of a chain that goes is not looked at again.
  const finish = (part: SyntaxNode = chain) => {
    for (const child of walk(part)) done.add(child.id);
    return true;
  };
  const call = firstCall(node);
  const callee = call?.childForFieldName('function') ?? null;
  const path = modalPath(callee ?? chain, module.names);
  const object = module.reader.objects.get(node.text);

  if (isAnnotation(node)) {
    const shared = sharedAnnotation(chain, module.names);
    if (shared) result.helpers.add(shared);
    replace(result, chain, 'object');
    note(context, chain, 'F758', 'OK', 'An annotation that named a type of Modal.');
    return finish();
  }
  if (object?.kind === 'volume' && call) {
    const method = dotted(callee)?.split('.')[1];
    if (/^(commit|reload)$/.test(method ?? '')) {
      const statement = call.parent?.type === 'await' ? call.parent.parent : call.parent;
      if (statement?.type === 'expression_statement')
        replace(result, statement, `pass  # ${call.text.replaceAll(/\s*\n\s*/g, ' ')}: not needed`);
      else replace(result, call.parent?.type === 'await' ? call.parent : call, 'None');
      note(context, call, 'F750', 'OK', 'Files under /data are there for others without it, a little later.');
      return finish();
    }
  }
  if (object?.kind === 'gpu' && chain.type === 'attribute') {
    const attribute = chain.childForFieldName('attribute')?.text;
    const value = fold(argument(argumentsOf(object.node), attribute ?? '', null), module.reader.lookup);
    if (attribute === 'count' || value !== undefined) {
      replace(result, chain, attribute === 'count' ? String(object.count) : JSON.stringify(value));
      note(context, chain, 'F759', 'OK', "The number that stood in the GPU's configuration.");
      return finish();
    }
  }
  if (object?.kind === 'gpu' && chain.id === node.id && isShownAsText(node)) {
    const words = `GPU(${object.card === 'A100' ? 'A100-40GB' : object.card}, count=${object.count})`;
    if (insideInterpolation(node)) replace(result, node.parent!, words);
    else replace(result, node, JSON.stringify(words));
    note(context, node, 'F759', 'OK', "The text that Modal's object for the GPU is shown as.");
    return finish();
  }
  const inText = insideInterpolation(node);
  const shared = sharedObject(call, module.names);
  if (shared && !inText && !defaultOf(chain) && !isLocal(node, module)) {
    useShared(call!, shared, context, result);
    return finish(call!);
  }
  const appCall = object?.kind === 'app' ? dotted(callee)?.split('.')[1] : undefined;
  if (call && (path === 'enable_output' || appCall === 'run' || path === 'App.run')) {
    replace(result, call, 'contextlib.nullcontext()');
    result.modules.add('contextlib');
    note(
      context,
      call,
      'F752',
      'CHECK',
      'Nothing is started here: what is called must be deployed, or run.',
      'windtunnel run, or fal deploy, first.',
    );
    return finish(call);
  }
  if (call && !inText && (path === 'is_local' || path === 'is_remote' || /\bis_inside$/.test(dotted(callee) ?? ''))) {
    const there = path === 'is_local' ? 'is None' : 'is not None';
    replace(result, call, `(os.getenv("IS_ISOLATE_AGENT") ${there})`);
    result.modules.add('os');
    note(
      context,
      call,
      'F751',
      'CHECK',
      'fal sets IS_ISOLATE_AGENT in its runners.',
      'Check the code of both branches.',
    );
    return finish(call);
  }
  if (call && /^current_(input_id|function_call_id)$/.test(path ?? '') && methodOfUnit(node, context)) {
    replace(result, call, 'self.current_request.request_id');
    note(context, call, 'F753', 'CHECK', 'The id of the request at fal stands for the id of the input.');
    return finish(call);
  }
  if (call && path === 'FunctionCall.from_id' && spawned.size === 1) {
    const [name, method] = [...spawned][0]!;
    const remote = context.remoteName(name);
    replace(result, callee!, method === '' ? `${remote}.from_id` : `${remote}().${method}.from_id`);
    result.remotes.add(name);
    result.helpers.add('remote');
    note(
      context,
      call,
      'F761',
      'CHECK',
      `The id is that of a request of ${name}, which is all that is spawned here.`,
      undefined,
      `${remote} = `,
    );
    return finish(callee!);
  }
  if (call && /^(Function|Cls)\.(from_name|lookup)$/.test(path ?? '') && !inText) {
    fromName(call, path!.startsWith('Cls'), context, result);
    return finish(call);
  }
  if (/^(exception\.|Error$)/.test(path ?? '') && chain.type !== 'call') {
    const name = chain.text.split('.').at(-1)!;
    replace(result, chain, /Timeout|Expired/.test(name) ? 'TimeoutError' : 'Exception');
    note(
      context,
      chain,
      'F754',
      'CHECK',
      `${chain.text} is raised by Modal only.`,
      'See what fal_client raises: FalClientHTTPError, FalClientTimeoutError.',
    );
    return finish();
  }
  if (module.shared.has(node.text) || shared) {
    const reason = 'It lies below /data, which runners have and this machine does not';
    unsupported(chain, chainName(chain, path), context, result, {
      reason,
      next: 'Give the app an endpoint that does it, and call that.',
    });
    return finish();
  }
  unsupported(chain, chainName(chain, path), context, result);
  return finish();
}

/** Whether code runs on the developer's machine, which has no /data. */
function isLocal(node: SyntaxNode, { statements }: ModalModule): boolean {
  const inside = ({ node: at }: { node: SyntaxNode }) =>
    at.startIndex <= node.startIndex && node.endIndex <= at.endIndex;
  return statements.some((statement) => statement.fate === 'local' && inside(statement));
}

/** `modal.Dict.from_name("x")`: a class of the generated code, which keeps what is in it below /data. */
function useShared(call: SyntaxNode, shared: SharedObject, context: BodyContext, result: BodyEdits): void {
  const { className, name } = shared;
  replace(result, call, name === null ? `${className}.ephemeral()` : `${className}(${name})`);
  result.helpers.add(className);
  if (/\.aio\b/.test(context.text)) result.helpers.add('aio');
  const queue = className === 'SharedQueue';
  note(
    context,
    call,
    'F784',
    'CHECK',
    `fal has no ${queue ? 'queue' : 'dictionary'} of this kind: files below /data stand for it, so what one runner writes others see a little later${
      queue
        ? ', and two that take at the same moment may be given the same item'
        : ', and the last that writes an entry wins'
    }. Nothing ends by itself, and what Modal has in it is not brought along.`,
    queue
      ? 'Where each item must be handled once, send it to an endpoint: that is a queue at fal.'
      : 'fal.toolkit.KVStore holds short texts for up to 30 days; a database, what must be exact.',
    `class ${className}(`,
  );
}

function chainName(chain: SyntaxNode, path: string | null): string {
  if (path !== null && path !== '') return `modal.${path}`;
  let at: SyntaxNode | null = chain;
  while (at && dotted(at) === null)
    at = at.childForFieldName('function') ?? at.childForFieldName('value') ?? at.childForFieldName('object');
  return dotted(at) ?? 'modal';
}

function isAnnotation(node: SyntaxNode): boolean {
  for (let at: SyntaxNode | null = node; at; at = at.parent) {
    if (at.type === 'type') return true;
    if (/_statement$|_definition$|^(block|module|argument_list)$/.test(at.type)) return false;
  }
  return false;
}

/** `{X}` alone in a text, or an argument of `print` or `str`. */
function isShownAsText(node: SyntaxNode): boolean {
  const { parent } = node;
  if (parent?.type === 'interpolation') return parent.namedChildCount === 1 && /^\{\s*\w+\s*\}$/.test(parent.text);
  return (
    parent?.type === 'argument_list' &&
    /^(print|str|repr)$/.test(parent.parent?.childForFieldName('function')?.text ?? '')
  );
}

function insideInterpolation(node: SyntaxNode): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (at.type === 'interpolation') return true;
    if (/_statement$|^block$/.test(at.type)) return false;
  }
  return false;
}

function methodOfUnit(node: SyntaxNode, { units }: BodyContext): boolean {
  for (let at = node.parent; at; at = at.parent)
    if (at.type === 'class_definition') return units.get(at.childForFieldName('name')?.text ?? '')?.kind === 'class';
  return false;
}

function fromName(call: SyntaxNode, isClass: boolean, context: BodyContext, result: BodyEdits): void {
  const given = argumentsOf(call);
  const { lookup } = context.module.reader;
  const app = fold(argument(given, 'app_name', 0), lookup);
  const name = fold(argument(given, 'name', 1), lookup);
  const unit = typeof name === 'string' ? context.units.get(name) : undefined;
  if (unit && (unit.app.name === app || app === undefined) && (unit.kind === 'class') === isClass) {
    useRemote(call, unit, context, result);
    return;
  }
  const target = `${typeof app === 'string' ? app : 'app'}${typeof name === 'string' ? `-${name}` : ''}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  if (isClass || typeof name !== 'string') {
    unsupported(
      call,
      `modal.${isClass ? 'Cls' : 'Function'}.from_name(${given.positional.map(({ text }) => text).join(', ')})`,
      context,
      result,
    );
    return;
  }
  replace(result, call, `Remote(f"{FAL_USER}/${target}", "/", [])`);
  result.helpers.add('remote');
  if (/\.aio\b/.test(context.text)) result.helpers.add('aio');
  markLine(call, 'F762', `${target}: name the arguments`, context, result);
  note(
    context,
    call,
    'F762',
    'TODO',
    `${String(app)}/${name} is an app of another file: at fal it is called by its app's name, and each argument by its own.`,
    'Set the app, and pass arguments by keyword.',
    'TODO(fal-import): F762',
  );
}

/** What has no counterpart raises when it is reached, and says so above. */
function unsupported(
  chain: SyntaxNode,
  name: string,
  context: BodyContext,
  result: BodyEdits,
  why?: { reason: string; next: string },
): void {
  const { text } = context;
  const statement = lineStatement(chain, text);
  const label = name.replaceAll(/["\\\n]/g, "'").slice(0, 80);
  let target = chain;
  let by = insideInterpolation(chain) ? 'not_at_fal()' : `not_at_fal("${label}")`;
  const written = assignedPart(chain);
  if (written) target = written;
  const atDefinition = defaultOf(chain);
  if (atDefinition) by = 'None';
  else result.helpers.add('not_at_fal');
  replace(result, target, by);
  markLine(chain, 'F760', label, context, result);
  note(
    context,
    statement,
    'F760',
    'TODO',
    `${why?.reason ?? `${label} has no counterpart at fal`}${atDefinition ? '' : ': the line raises NotImplementedError when it is reached'}.`,
    why?.next ?? 'Write what it did in another way.',
    'TODO(fal-import): F760',
  );
}

/** The statement of an assignment whose target the chain is. */
function assignedPart(chain: SyntaxNode): SyntaxNode | null {
  const { parent } = chain;
  if (!parent) return null;
  if (/^(assignment|augmented_assignment)$/.test(parent.type) && parent.childForFieldName('left')?.id === chain.id)
    return parent;
  if (parent.type === 'delete_statement') return parent;
  return null;
}

function defaultOf(chain: SyntaxNode): boolean {
  for (let at = chain, up = at.parent; up; at = up, up = at.parent) {
    if (/^(typed_)?default_parameter$/.test(up.type)) return up.childForFieldName('value')?.id === at.id;
    if (/_statement$|^(block|module)$/.test(up.type)) return false;
  }
  return false;
}

/** A comment line with a mark above the line that a node stands on. */
function markLine(node: SyntaxNode, code: string, label: string, { text }: BodyContext, result: BodyEdits): void {
  const statement = lineStatement(node, text);
  let at = statement;
  if (statement.parent?.type === 'decorated_definition') at = statement.parent;
  const start = lineStart(text, at.startIndex);
  const indent = text.slice(start, at.startIndex);
  if (!/^[ \t]*$/.test(indent)) {
    result.edits.push({
      start,
      end: start,
      text: `${/^[ \t]*/.exec(text.slice(start))![0]}# TODO(fal-import): ${code} ${label}\n`,
    });
    return;
  }
  // In front of the statement's text, not of its line, so that it moves along with it.
  result.edits.push({
    start: at.startIndex,
    end: at.startIndex,
    text: `# TODO(fal-import): ${code} ${label}\n${indent}`,
  });
}

/** The units that anything is spawned of, with the method where it is a class's. */
function spawnedUnits(root: SyntaxNode, { units }: BodyContext): Map<string, string> {
  const found = new Map<string, string>();
  for (const node of walk(root)) {
    if (node.type !== 'attribute' || node.childForFieldName('attribute')?.text !== 'spawn') continue;
    const owner = node.childForFieldName('object');
    const method = owner?.type === 'attribute' ? (owner.childForFieldName('attribute')?.text ?? '') : '';
    for (const child of walk(node)) {
      const unit = child.type === 'identifier' ? units.get(child.text) : undefined;
      if (unit) found.set(unit.name, unit.kind === 'class' ? method : '');
    }
  }
  return found;
}
