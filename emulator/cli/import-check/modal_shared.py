"""Stands in for what functions of modal share: dictionaries and queues, in this process."""

import queue
import time
import uuid

import cloudpickle


def with_aio(call):
    """The call, with `.aio` for coroutines, or for what is gone through."""

    def run(*args, **kwargs):
        return call(*args, **kwargs)

    def start(*args, **kwargs):
        value = call(*args, **kwargs)

        class Started:
            def __await__(self):
                yield from ()
                return value

            async def __aiter__(self):
                for item in value:
                    yield item

        return Started()

    run.aio = start
    return run


class Named:
    """What containers share by its name. Values go through a pickle, as they do on their way to Modal's servers."""

    made = {}

    def __new__(cls, name):
        # In Modal's cloud an object of a name is there once, whoever asks for it.
        return cls.made.setdefault((cls, name), object.__new__(cls))

    def __init__(self, name):
        if not hasattr(self, "name"):
            self.name, self.parts = name, {}
        for call in self.calls:
            setattr(self, call, with_aio(getattr(type(self), call).__get__(self)))

    from_name = lookup = persisted = classmethod(lambda cls, name, **options: cls(name))
    ephemeral = classmethod(lambda cls, **options: cls("ephemeral-" + uuid.uuid4().hex))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.parts = {}

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        self.parts = {}

    def sent(self):
        """What another function is given of it."""
        return self.name


class Dict(Named):
    calls = ("get", "contains", "len", "put", "pop", "update", "keys", "values", "items", "clear")

    def __getitem__(self, key):
        return cloudpickle.loads(self.parts[cloudpickle.dumps(key)])

    def __setitem__(self, key, value):
        self.parts[cloudpickle.dumps(key)] = cloudpickle.dumps(value)

    def get(self, key, default=None):
        return self[key] if key in self else default

    def put(self, key, value, *, skip_if_exists=False):
        if skip_if_exists and key in self:
            return False
        self[key] = value
        return True

    def contains(self, key):
        return cloudpickle.dumps(key) in self.parts

    __contains__ = contains

    def len(self):
        return len(self.parts)

    def pop(self, key, *default):
        value = self[key] if key in self or not default else default[0]
        self.parts.pop(cloudpickle.dumps(key), None)
        return value

    def __delitem__(self, key):
        self.pop(key)

    def update(self, other=(), /, **more):
        for key, value in dict(other, **more).items():
            self[key] = value

    def items(self):
        yield from [(cloudpickle.loads(key), cloudpickle.loads(value)) for key, value in self.parts.items()]

    def keys(self):
        return (key for key, _ in self.items())

    def values(self):
        return (value for _, value in self.items())

    def clear(self):
        self.parts = {}


class Queue(Named):
    calls = ("get", "get_many", "put", "put_many", "iterate", "len", "clear")

    def put(self, v, block=True, timeout=None, *, partition=None, partition_ttl=86400):
        self.put_many([v], partition=partition)

    def put_many(self, vs, block=True, timeout=None, *, partition=None, partition_ttl=86400):
        self.parts.setdefault(partition, []).extend(map(cloudpickle.dumps, vs))

    def get(self, block=True, timeout=None, *, partition=None):
        taken = self.get_many(1, block, timeout, partition=partition)
        return taken[0] if taken else None

    def get_many(self, n_values, block=True, timeout=None, *, partition=None):
        items = self.parts.get(partition, [])
        taken, self.parts[partition] = items[:n_values], items[n_values:]
        if not taken and block:
            if timeout is None:
                raise RuntimeError("nothing will come into an empty queue here")
            time.sleep(timeout)
            raise queue.Empty
        return list(map(cloudpickle.loads, taken))

    def iterate(self, *, partition=None, item_poll_timeout=0.0):
        yield from map(cloudpickle.loads, list(self.parts.get(partition, [])))

    def len(self, *, partition=None, total=False):
        return sum(map(len, self.parts.values())) if total else len(self.parts.get(partition, []))

    def clear(self, *, partition=None, all=False):
        self.parts = {} if all else {**self.parts, partition: []}
