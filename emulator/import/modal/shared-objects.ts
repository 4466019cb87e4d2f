import type { SyntaxNode } from '../syntax.ts';
import { type Arguments, argument, argumentsOf, type ModalNames, modalPath } from './library.ts';

/** The class of the generated code that stands for one of Modal's. */
export type SharedClass = 'SharedDict' | 'SharedQueue';

/** A call that makes a dictionary or queue which all runners share. */
export interface SharedObject {
  className: SharedClass;
  /** Python expression of the name; null for one that lasts as long as its block. */
  name: string | null;
}

const MADE = /^(Dict|Queue)\.(from_name|lookup|persisted|ephemeral)$/;
// What says how Modal keeps it, and nothing of what is in it.
const SETTINGS = new Set(['create_if_missing', 'environment_name', 'client', 'namespace']);

/** What a call makes; null for anything else, and for one whose arguments say more than a name. */
export function sharedObject(call: SyntaxNode | null, names: ModalNames): SharedObject | null {
  if (call?.type !== 'call') return null;
  const match = MADE.exec(modalPath(call.childForFieldName('function'), names) ?? '');
  if (!match) return null;
  const given = argumentsOf(call);
  const className = `Shared${match[1] as 'Dict' | 'Queue'}` as const;
  const name = argument(given, 'name', 0) ?? argument(given, 'label', null);
  if (!onlyNames(given)) return null;
  if (match[2] === 'ephemeral') return name === null ? { className, name: null } : null;
  return name === null ? null : { className, name: name.text };
}

function onlyNames({ positional, keywords, splats }: Arguments): boolean {
  const known = keywords.every(({ name }) => SETTINGS.has(name) || name === 'name' || name === 'label');
  return splats.length === 0 && positional.length < 2 && known;
}

/** What a statement binds to names of its module: `jobs = modal.Queue.from_name("jobs")`. */
export function boundShared(node: SyntaxNode, names: ModalNames): SharedObject | null {
  const assignment = node.type === 'expression_statement' ? node.namedChildren[0] : null;
  if (assignment?.type !== 'assignment' || assignment.childForFieldName('left')?.type !== 'identifier') return null;
  return sharedObject(assignment.childForFieldName('right'), names);
}

/** The class that an annotation means. */
export function sharedAnnotation(node: SyntaxNode | null, names: ModalNames): SharedClass | null {
  const inner = node?.type === 'type' ? (node.namedChildren[0] ?? null) : node;
  const match = /^(Dict|Queue)$/.exec(modalPath(inner, names) ?? '');
  return match ? `Shared${match[1] as 'Dict' | 'Queue'}` : null;
}

const calls = (aio: boolean, ...names: string[]): string =>
  aio
    ? `
        for call in (${names.map((name) => `self.${name}`).join(', ')}):
            setattr(self, call.__name__, with_aio(call))`
    : '';

const BASE = `
class SharedFiles:
    """What runners share by its name: files below /data. \`with\` removes it at the end, as an ephemeral one is."""

    place = "/data"

    def __init__(self, name):
        self.name = name
        self.folder = os.path.join(self.place, urllib.parse.quote(name, safe="").replace(".", "%2E"))

    @classmethod
    def ephemeral(cls):
        import uuid

        return cls("ephemeral-" + uuid.uuid4().hex)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        shutil.rmtree(self.folder, ignore_errors=True)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        self.__exit__()

    def __reduce__(self):
        return type(self), (self.name,)

    @staticmethod
    def names(folder):
        """Files that are written to their end, the first that was put first."""
        try:
            return sorted(name for name in os.listdir(folder) if "." not in name)
        except FileNotFoundError:
            return []

    @staticmethod
    def write(file, value):
        """A part beside the file, with all of the value: what is given the file's name then is seen as a whole."""
        import time

        import cloudpickle

        os.makedirs(os.path.dirname(file), exist_ok=True)
        part = "%s.%d-%d" % (file, os.getpid(), time.time_ns())
        with open(part, "wb") as out:
            out.write(cloudpickle.dumps(value))
        return part

    @staticmethod
    def read(file):
        with open(file, "rb") as content:
            return pickle.load(content)
`;

const dict = (aio: boolean): string => `
class SharedDict(SharedFiles):
    """A dictionary of all runners: an entry is a file, and the last that is written stays."""

    place = "/data/modal-dicts"

    def __init__(self, name):
        super().__init__(name)${calls(aio, 'get', 'contains', 'len', 'put', 'pop', 'update', 'keys', 'values', 'items', 'clear')}

    def file(self, key):
        import cloudpickle

        return os.path.join(self.folder, hashlib.sha256(cloudpickle.dumps(key)).hexdigest())

    def __getitem__(self, key):
        try:
            return self.read(self.file(key))[1]
        except FileNotFoundError:
            raise KeyError(key) from None

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def put(self, key, value, *, skip_if_exists=False):
        """Whether it was put."""
        file = self.file(key)
        part = self.write(file, (key, value))
        if not skip_if_exists:
            os.replace(part, file)
            return True
        try:
            os.link(part, file)
            return True
        except FileExistsError:
            return False
        finally:
            os.remove(part)

    def __setitem__(self, key, value):
        self.put(key, value)

    def update(self, other=(), /, **more):
        for key, value in dict(other, **more).items():
            self.put(key, value)

    def pop(self, key, *default):
        try:
            value = self[key]
            os.remove(self.file(key))
        except (KeyError, FileNotFoundError):
            if default:
                return default[0]
            raise KeyError(key) from None
        return value

    def __delitem__(self, key):
        self.pop(key)

    def contains(self, key):
        return os.path.exists(self.file(key))

    __contains__ = contains

    def items(self):
        for name in self.names(self.folder):
            try:
                yield self.read(os.path.join(self.folder, name))
            except FileNotFoundError:
                pass  # another runner removed it

    def keys(self):
        return (key for key, _ in self.items())

    def values(self):
        return (value for _, value in self.items())

    def len(self):
        return len(self.names(self.folder))

    def clear(self):
        shutil.rmtree(self.folder, ignore_errors=True)
`;

const queue = (aio: boolean): string => `
class SharedQueue(SharedFiles):
    """A queue of all runners: an item is a file, which is taken by giving it another name."""

    place = "/data/modal-queues"

    def __init__(self, name):
        super().__init__(name)
        self.count = 0${calls(aio, 'get', 'get_many', 'put', 'put_many', 'iterate', 'len', 'clear')}

    def part_of(self, partition):
        return os.path.join(self.folder, "items" if partition is None else "items-" + partition.encode().hex())

    def put(self, v, block=True, timeout=None, *, partition=None, partition_ttl=None):
        self.put_many([v], partition=partition)

    def put_many(self, vs, block=True, timeout=None, *, partition=None, partition_ttl=None):
        import time

        for v in vs:
            self.count += 1
            name = "%020d-%09d-%d" % (time.time_ns(), self.count, os.getpid())
            file = os.path.join(self.part_of(partition), name)
            os.replace(self.write(file, v), file)

    def get(self, block=True, timeout=None, *, partition=None):
        taken = self.get_many(1, block, timeout, partition=partition)
        return taken[0] if taken else None

    def get_many(self, n_values, block=True, timeout=None, *, partition=None):
        """What is there, at most so many. Waits for the first; queue.Empty when none came within the time."""
        import queue
        import time

        end = None if timeout is None else time.monotonic() + timeout
        while True:
            taken = self.take(n_values, self.part_of(partition))
            if taken or not block:
                return taken
            if end is not None and time.monotonic() >= end:
                raise queue.Empty
            time.sleep(0.1)

    def take(self, count, folder):
        import time

        taken = []
        for name in self.names(folder):
            if len(taken) == count:
                break
            file = os.path.join(folder, name)
            own = "%s.taken-%d-%d" % (file, os.getpid(), time.time_ns())
            try:
                os.rename(file, own)
            except FileNotFoundError:
                continue  # another runner took it
            taken.append(self.read(own))
            os.remove(own)
        return taken

    def iterate(self, *, partition=None, item_poll_timeout=0.0):
        """The items in their order; they stay. Ends when no other comes within the time."""
        import time

        seen = set()
        end = time.monotonic() + item_poll_timeout
        while True:
            for name in self.names(self.part_of(partition)):
                if name in seen:
                    continue
                seen.add(name)
                try:
                    yield self.read(os.path.join(self.part_of(partition), name))
                except FileNotFoundError:
                    pass  # another runner took it
                end = time.monotonic() + item_poll_timeout
            if time.monotonic() >= end:
                return
            time.sleep(0.1)

    def len(self, *, partition=None, total=False):
        folders = os.listdir(self.folder) if total and os.path.isdir(self.folder) else []
        places = [os.path.join(self.folder, name) for name in folders] if total else [self.part_of(partition)]
        return sum(len(self.names(place)) for place in places)

    def clear(self, *, partition=None, all=False):
        shutil.rmtree(self.folder if all else self.part_of(partition), ignore_errors=True)
`;

/** Python of the classes, two blank lines before each, and the modules that they use. */
export function sharedSource(classes: ReadonlySet<string>, aio: boolean): { parts: string[]; modules: string[] } {
  const parts = [BASE];
  const modules = ['os', 'pickle', 'shutil', 'urllib.parse'];
  if (classes.has('SharedDict')) {
    parts.push(dict(aio));
    modules.push('hashlib');
  }
  if (classes.has('SharedQueue')) parts.push(queue(aio));
  return { parts, modules };
}
