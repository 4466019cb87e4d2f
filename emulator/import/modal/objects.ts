import { dotted, type SyntaxNode, walk } from '../syntax.ts';
import { fold, type Lookup } from './fold.ts';
import { type Arguments, argument, argumentsOf, type ModalNames, modalPath } from './library.ts';

/** One call of an image's chain. */
export interface ImageStep {
  method: string;
  given: Arguments;
  node: SyntaxNode;
  /** Path in the file that it stands in, for the report. */
  file: string;
}

export interface ImageChain {
  /** Name of the variable that it was bound to last, for the name of its Dockerfile. */
  name: string | null;
  steps: ImageStep[];
  /** Why the chain cannot be read, when it cannot. */
  unknown: string | null;
}

/** What a name of the module stands for in Modal. */
export type ModalObject =
  | { kind: 'app'; name: string | null; call: SyntaxNode | null }
  | { kind: 'image'; image: ImageChain }
  | { kind: 'volume'; name: string; ephemeral: boolean; node: SyntaxNode }
  | { kind: 'secret'; how: 'name' | 'dict' | 'local' | 'dotenv' | 'unknown'; given: Arguments; node: SyntaxNode }
  | { kind: 'bucket'; node: SyntaxNode }
  | { kind: 'gpu'; card: string; count: number; node: SyntaxNode }
  | { kind: 'other'; path: string; node: SyntaxNode };

const IMAGE_STARTS =
  /^Image\.(debian_slim|from_registry|from_dockerhub|from_dockerfile|from_scratch|micromamba|conda|from_aws_ecr|from_gcp_artifact_registry|from_id|from_name)$/;

/** Reads modal expressions: names are looked up among the objects and constants that were bound before. */
export class ObjectReader {
  readonly objects = new Map<string, ModalObject>();

  private readonly names: ModalNames;
  readonly lookup: Lookup;
  private readonly file: string;

  constructor(names: ModalNames, lookup: Lookup, file: string) {
    this.names = names;
    this.lookup = lookup;
    this.file = file;
  }

  /** Functions of the module, which may make modal objects. */
  readonly functions = new Map<string, SyntaxNode>();
  /** Those whose objects were read. */
  readonly helpers = new Set<string>();
  private depth = 0;

  /** What `get_image()` returns: a function that only puts an object together and returns it. */
  private fromHelper(name: string, given: Arguments): ModalObject | null {
    const definition = this.functions.get(name);
    if (!definition || this.depth > 3 || given.splats.length > 0) return null;
    const bound = new Map<string, SyntaxNode>();
    const parameters = (definition.childForFieldName('parameters')?.namedChildren ?? []).filter(
      ({ type }) => type !== 'comment',
    );
    for (const [index, parameter] of parameters.entries()) {
      const own =
        parameter.type === 'identifier'
          ? parameter.text
          : (parameter.childForFieldName('name') ?? parameter.namedChildren[0])?.text;
      const value = argument(given, own ?? '', index) ?? parameter.childForFieldName('value');
      if (own !== undefined && value) bound.set(own, value);
    }
    const inner = new ObjectReader(this.names, (wanted) => bound.get(wanted) ?? this.lookup(wanted), this.file);
    for (const [key, object] of this.objects) inner.objects.set(key, object);
    for (const [key, node] of this.functions) inner.functions.set(key, node);
    inner.depth = this.depth + 1;
    for (const statement of definition.childForFieldName('body')?.namedChildren ?? []) {
      const child = statement.namedChildren[0];
      if (statement.type === 'return_statement') {
        const object = inner.read(child ?? null);
        if (object) this.helpers.add(name);
        return object;
      }
      if (child?.type === 'assignment') {
        const left = child.childForFieldName('left');
        const right = child.childForFieldName('right');
        const object = inner.read(right);
        if (left?.type === 'identifier' && object) inner.objects.set(left.text, object);
        else if (left?.type === 'identifier' && right) bound.set(left.text, right);
      } else if (statement.type !== 'comment' && child?.type !== 'string') return null;
    }
    return null;
  }

  /** The modal object that an expression makes or names; null when it is none. */
  read(node: SyntaxNode | null): ModalObject | null {
    if (!node) return null;
    if (node.type === 'parenthesized_expression' || node.type === 'await') return this.read(firstOf(node));
    if (node.type === 'identifier' || node.type === 'attribute') return this.named(node);
    if (node.type === 'conditional_expression') {
      const [yes, condition, no] = node.namedChildren;
      const value = fold(condition ?? null, this.lookup);
      const first = value === undefined || value ? (yes ?? null) : (no ?? null);
      return this.read(first) ?? this.read(no ?? null);
    }
    if (node.type === 'subscript') {
      // stub["name"] of old.
      return this.objects.get(node.text.replaceAll(/\s/g, '')) ?? null;
    }
    return node.type === 'call' ? this.made(node) : null;
  }

  /** What a name or `app.image` stands for. */
  private named(node: SyntaxNode): ModalObject | null {
    const path = dotted(node);
    const found = path === null ? undefined : this.objects.get(path);
    if (found) return found;
    const library = modalPath(node, this.names);
    if (library === null) return null;
    if (/^gpu\.\w+$/.test(library)) return { kind: 'gpu', card: library.slice(4), count: 1, node };
    return library === '' ? null : { kind: 'other', path: library, node };
  }

  private made(call: SyntaxNode): ModalObject | null {
    const callee = call.childForFieldName('function');
    const given = argumentsOf(call);
    const path = modalPath(callee, this.names);
    if (path !== null) return this.fromLibrary(path, given, call);
    if (callee?.type === 'identifier') return this.fromHelper(callee.text, given);
    if (callee?.type !== 'attribute') return null;
    const owner = this.read(callee.childForFieldName('object'));
    const method = callee.childForFieldName('attribute')?.text ?? '';
    if (!owner) return null;
    if (owner.kind === 'image') {
      if (method === 'imports') return { kind: 'other', path: 'Image.imports', node: call };
      const step = { method, given, node: call, file: this.file };
      return { kind: 'image', image: { ...owner.image, name: null, steps: [...owner.image.steps, step] } };
    }
    // SharedVolume().persist("name"), Volume.new(…).persisted(…), and whatever else keeps the object.
    if (owner.kind === 'volume') {
      const name = fold(argument(given, 'label', 0), this.lookup);
      if (/^persist/.test(method) && typeof name === 'string') return { ...owner, name, ephemeral: false };
      return /^(read_only|with_mount_options|with_options)$/.test(method)
        ? owner
        : { kind: 'other', path: `Volume.${method}`, node: call };
    }
    if (owner.kind === 'app') return null;
    return { kind: 'other', path: `${pathOf(owner)}.${method}`, node: call };
  }

  private fromLibrary(path: string, given: Arguments, node: SyntaxNode): ModalObject {
    const text = (name: string, position: number | null): string | null => {
      const value = fold(argument(given, name, position), this.lookup);
      return typeof value === 'string' ? value : null;
    };
    if (path === 'App' || path === 'App.lookup') return { kind: 'app', name: text('name', 0), call: node };
    if (IMAGE_STARTS.test(path)) {
      const step = { method: path.slice('Image.'.length), given, node, file: this.file };
      return { kind: 'image', image: { name: null, steps: [step], unknown: null } };
    }
    if (/^(Volume|NetworkFileSystem|SharedVolume)(\.(from_name|persisted|new|lookup|ephemeral|from_id))?$/.test(path)) {
      const name = text('name', 0) ?? text('label', 0);
      return { kind: 'volume', name: name ?? '', ephemeral: name === null, node };
    }
    if (/^Secret(\.|$)/.test(path)) {
      const how = (
        {
          from_name: 'name',
          lookup: 'name',
          from_dict: 'dict',
          from_local_environ: 'local',
          from_dotenv: 'dotenv',
        } as const
      )[path.slice('Secret.'.length)];
      return { kind: 'secret', how: how ?? (path === 'Secret' ? 'dict' : 'unknown'), given, node };
    }
    if (/^CloudBucketMount$/.test(path)) return { kind: 'bucket', node };
    if (/^gpu\./.test(path)) {
      const card = path.slice('gpu.'.length);
      const count = fold(argument(given, 'count', null), this.lookup);
      const size =
        fold(argument(given, 'size', null), this.lookup) ?? fold(argument(given, 'memory', null), this.lookup);
      const large = String(size ?? '').startsWith('80');
      return { kind: 'gpu', card: large ? `${card}-80GB` : card, count: typeof count === 'number' ? count : 1, node };
    }
    return { kind: 'other', path, node };
  }
}

function pathOf(object: ModalObject): string {
  if (object.kind === 'other') return object.path;
  return object.kind[0]!.toUpperCase() + object.kind.slice(1);
}

function firstOf(node: SyntaxNode): SyntaxNode | null {
  return node.namedChildren.find(({ type }) => type !== 'comment') ?? null;
}

/** Whether modal, or a name of `objects`, is read anywhere in a node. */
export function touchesModal(node: SyntaxNode, names: ModalNames, objects: ReadonlySet<string>): boolean {
  for (const child of walk(node)) {
    if (child.type !== 'identifier') continue;
    if (child.parent?.type === 'keyword_argument' && child.parent.childForFieldName('name')?.id === child.id) continue;
    if (child.parent?.type === 'attribute' && child.parent.childForFieldName('attribute')?.id === child.id) continue;
    if (names.modules.has(child.text) || names.members.has(child.text) || objects.has(child.text)) return true;
  }
  return false;
}
