/** Classes through which apps are called as functions and classes of Modal were. */
export const remoteSource = (aio: boolean, shared: boolean): string => `
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

${
  shared
    ? `    if isinstance(value, SharedFiles):
        return value.name
`
    : ''
}    if isinstance(value, (bytes, bytearray)):
        return fal_client.encode(bytes(value), "application/octet-stream")
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_argument(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {name: to_argument(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
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

/** What gives a call its `.aio`. */
export const AIO = `
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
