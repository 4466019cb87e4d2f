/** Parts of the generated code that are written only where they are used. */
export type Helper = 'to_json' | 'read_files' | 'upload' | 'remote' | 'aio' | 'not_at_fal' | 'link_volume';

const TO_JSON = `
def to_json(value):
    """A result as JSON: bytes, images and pydantic's or numpy's objects as what they hold; content becomes a file."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return fal.toolkit.File.from_bytes(bytes(value), content_type=content_type(value))
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) or inspect.isgenerator(value):
        return [to_json(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json(dataclasses.asdict(value))
    if hasattr(value, "model_dump"):
        return value
    if hasattr(value, "tolist"):
        return to_json(value.tolist())
    if hasattr(value, "save") and hasattr(value, "getbands"):
        buffer = io.BytesIO()
        value.save(buffer, format="PNG")
        return to_json(buffer.getvalue())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def content_type(content):
    """What the first bytes say."""
    for start, name in (
        (b"\\x89PNG", "image/png"),
        (b"\\xff\\xd8\\xff", "image/jpeg"),
        (b"RIFF", "image/webp" if bytes(content[8:12]) == b"WEBP" else "audio/wav"),
        (b"GIF8", "image/gif"),
        (b"%PDF", "application/pdf"),
        (b"ID3", "audio/mpeg"),
        (b"OggS", "audio/ogg"),
    ):
        if content[: len(start)] == start:
            return name
    return "video/mp4" if bytes(content[4:8]) == b"ftyp" else "application/octet-stream"
`;

const READ_FILES = `
def read_files(value):
    """The content of files that a caller sent, by URL or as data."""
    if isinstance(value, fal.toolkit.File):
        with tempfile.TemporaryDirectory() as folder:
            return pathlib.Path(value.save(os.path.join(folder, "file"))).read_bytes()
    if isinstance(value, (list, tuple)):
        return [read_files(item) for item in value]
    return value
`;

const UPLOAD = `
def upload(value):
    """A file that a caller sent, as FastAPI hands over an upload."""
    return fastapi.UploadFile(io.BytesIO(read_files(value)), filename=value.file_name or "file")
`;

const NOT_AT_FAL = `
def not_at_fal(what="This part of Modal"):
    """Stands where the source used something that has no counterpart; see IMPORT.md."""
    raise NotImplementedError(what + " has no counterpart at fal, see IMPORT.md")
`;

const LINK_VOLUME = `
def link_volume(target, mount):
    """Libraries look for their files at \`mount\`: it leads to the folder under /data."""
    os.makedirs(target, exist_ok=True)
    if os.path.isdir(mount) and not os.path.islink(mount) and not os.listdir(mount):
        os.rmdir(mount)
    if not os.path.lexists(mount):
        os.makedirs(os.path.dirname(mount), exist_ok=True)
        os.symlink(target, mount)
`;

const remote = (aio: boolean): string => `
class Remote:
    """A function of an app at fal, with the calls that it had: remote, remote_gen, spawn, map, starmap, for_each."""

    def __init__(self, app, path, names, given=None):
        self.app, self.path, self.names, self.given = app, path, names, given or {}${
          aio
            ? `
        for call in (self.remote, self.remote_gen, self.spawn, self.map, self.starmap, self.for_each):
            setattr(self, call.__name__, with_aio(call))`
            : ''
        }

    def arguments(self, args, kwargs):
        if self.names is None:  # the one argument is the input
            return to_argument([*args, *kwargs.values()][0])
        values = {**self.given, **dict(zip(self.names, args)), **kwargs}
        return {name: to_argument(value) for name, value in values.items()}

    def remote(self, *args, **kwargs):
        import fal_client

        if self.path.endswith("/stream"):
            return self.remote_gen(*args, **kwargs)
        answer = fal_client.subscribe(self.app, arguments=self.arguments(args, kwargs), path=self.path)
        return result_of(answer)

    def remote_gen(self, *args, **kwargs):
        import fal_client

        for item in fal_client.stream(self.app, arguments=self.arguments(args, kwargs), path=self.path):
            yield from_answer(item)

    def spawn(self, *args, **kwargs):
        import fal_client

        return Spawned(fal_client.submit(self.app, arguments=self.arguments(args, kwargs), path=self.path))

    def from_id(self, request_id):
        import fal_client

        return Spawned(fal_client.SyncClient().get_handle(self.app, request_id))

    def starmap(self, inputs, kwargs=None, order_outputs=True, return_exceptions=False):
        calls = [self.spawn(*args, **(kwargs or {})) for args in inputs]
        for call in calls:
            try:
                yield call.get()
            except Exception as error:
                if not return_exceptions:
                    raise
                yield error

    def map(self, *inputs, **options):
        return self.starmap(zip(*inputs), **options)

    def for_each(self, *inputs, kwargs=None, ignore_exceptions=False):
        for _ in self.map(*inputs, kwargs=kwargs, return_exceptions=ignore_exceptions):
            pass

    def with_options(self, **options):
        return self  # the settings of an app at fal are its own


class RemoteClass:
    """A class of an app at fal: calling it gives an object whose methods are called there."""

    def __init__(self, names, **methods):
        self.names, self.methods = names, methods

    def __call__(self, *args, **kwargs):
        given = {**dict(zip(self.names, args)), **kwargs}
        made = RemoteClass(self.names, **self.methods)
        for name, (app, path, names) in self.methods.items():
            setattr(made, name, Remote(app, path, names, given))
        return made

    def with_options(self, **options):
        return self  # the settings of an app at fal are its own


class Spawned:
    """A request in the queue."""

    def __init__(self, handle):
        self.handle, self.object_id = handle, handle.request_id

    def get(self, timeout=None):
        import time

        import fal_client

        end = None if timeout is None else time.monotonic() + timeout
        while end is not None and not isinstance(self.handle.status(), fal_client.Completed):
            if time.monotonic() >= end:
                raise TimeoutError("the request is not done yet")
            time.sleep(0.2)
        return result_of(self.handle.get())

    def cancel(self):
        self.handle.cancel()


def to_argument(value):
    """An argument as JSON; content is sent as a data URL."""
    import fal_client

    if isinstance(value, (bytes, bytearray)):
        return fal_client.encode(bytes(value), "application/octet-stream")
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_argument(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {name: to_argument(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_argument(item) for item in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def result_of(answer):
    """What the function returned."""
    return from_answer(answer["result"] if isinstance(answer, dict) and set(answer) == {"result"} else answer)


def from_answer(value):
    """A part of an answer; files are fetched, as bytes."""
    if isinstance(value, dict) and {"url", "content_type", "file_name", "file_size"} <= set(value):
        import httpx

        return httpx.get(value["url"], follow_redirects=True).raise_for_status().content
    if isinstance(value, dict):
        return {name: from_answer(item) for name, item in value.items()}
    return [from_answer(item) for item in value] if isinstance(value, list) else value
`;

const AIO = `
def with_aio(call):
    """The call, with \`.aio\` for coroutines."""

    def run(*args, **kwargs):
        return call(*args, **kwargs)

    def start(*args, **kwargs):
        return Waiting(call, args, kwargs)

    run.aio = start
    return run


class Waiting:
    """A call that is awaited, or a stream that is read with \`async for\`, in a thread."""

    def __init__(self, call, args, kwargs):
        self.call, self.args, self.kwargs = call, args, kwargs

    def __await__(self):
        return asyncio.to_thread(self.call, *self.args, **self.kwargs).__await__()

    async def __aiter__(self):
        items = iter(self.call(*self.args, **self.kwargs))
        end = object()
        while (item := await asyncio.to_thread(next, items, end)) is not end:
            yield item
`;

/** Python source of the helpers, two blank lines before each, and the modules that they use. */
export function helperSource(helpers: ReadonlySet<Helper>): { text: string; modules: string[] } {
  let text = '';
  const modules = new Set<string>();
  const add = (part: string, ...needs: string[]) => {
    text += `\n${part}`;
    for (const name of needs) modules.add(name);
  };
  if (helpers.has('to_json')) add(TO_JSON, 'dataclasses', 'inspect', 'io', 'os');
  if (helpers.has('read_files') || helpers.has('upload')) add(READ_FILES, 'os', 'pathlib', 'tempfile');
  if (helpers.has('upload')) add(UPLOAD, 'io');
  if (helpers.has('not_at_fal')) add(NOT_AT_FAL);
  if (helpers.has('link_volume')) add(LINK_VOLUME, 'os');
  if (helpers.has('aio')) add(AIO, 'asyncio');
  if (helpers.has('remote')) add(remote(helpers.has('aio')), 'dataclasses', 'os');
  return { text, modules: [...modules] };
}

/** Names that the helpers take in the module. */
export const HELPER_NAMES = [
  'to_json',
  'content_type',
  'read_files',
  'upload',
  'not_at_fal',
  'link_volume',
  'with_aio',
  'Waiting',
  'Remote',
  'RemoteClass',
  'Spawned',
  'to_argument',
  'from_answer',
  'result_of',
  'load_module',
];
