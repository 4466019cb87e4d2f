"""Socket-level shim: fal's hosts resolve to stand-in addresses, and a connect to one goes into the tunnel.

Nothing of fal, httpx, urllib3, aiohttp or websockets is patched: they all end in the functions of `socket` wrapped
here. So the SDK's own guard against private addresses runs as it is, and refuses them as in production; what it lets
pass besides public addresses are fal's hosts, and the gateway's exact host:port.
"""

import ipaddress
import os
import socket
import sys
import threading

# The deprecated 6to4 relay anycast (RFC 7526): `ipaddress` and the SDK's guard take it for global, nobody routes it.
STAND_INS = ipaddress.ip_network("192.88.99.0/24")
FIRST_STAND_IN = 10

_real = {name: getattr(socket, name) for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex")}
_socket = socket.socket
_methods = {
    name: getattr(_socket, name) for name in ("connect", "connect_ex", "setsockopt", "getpeername", "getsockname")
}


class Table:
    """Stand-in addresses, allotted on first use."""

    def __init__(self, out, hosts, exact):
        self.out = out
        self._hosts = tuple(hosts)
        self._suffixes = tuple("." + host for host in hosts)
        self._exact = frozenset(exact)
        self._by_name = {}
        self._by_address = {}
        self._lock = threading.Lock()

    def ours(self, host, port):
        """True for a host whose connections go through the tunnel."""
        name = _name(host)
        return bool(name) and (
            name in self._hosts or name.endswith(self._suffixes) or "%s:%s" % (name, _text(port)) in self._exact
        )

    def stand_in(self, host, port):
        """Address that stands for a host of ours."""
        name = _name(host)
        exact = "%s:%s" % (name, _text(port))
        key = exact if exact in self._exact else name
        with self._lock:
            if key not in self._by_name:
                number = FIRST_STAND_IN + len(self._by_name)
                if number > 254:
                    raise socket.gaierror(socket.EAI_MEMORY, "windtunnel: too many different fal hosts in one process")
                address = str(STAND_INS[number])
                self._by_name[key] = address
                self._by_address[address] = name
            return self._by_name[key]

    def target(self, sock, address):
        """`host:port` behind an address of a TCP socket; None where the connection is not ours."""
        if sock is not None and (
            sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type & 0xF != socket.SOCK_STREAM
        ):
            return None
        if not isinstance(address, tuple) or len(address) < 2:
            return None
        host, port = _name(address[0]), address[1]
        if host in self._by_address:
            return "%s:%s" % (self._by_address[host], port)
        return "%s:%s" % (host, port) if self.ours(host, port) else None


def _text(value):
    return value.decode("ascii", "replace") if isinstance(value, (bytes, bytearray)) else value


def _name(host):
    host = _text(host)
    return host.rstrip(".").lower() if isinstance(host, str) else ""


_table = None
# File number -> address that was asked for. Always checked against the kernel: a number is used again after a close.
_tunnelled = {}


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002 - the standard signature
    if not _table.ours(host, port):
        return _real["getaddrinfo"](host, port, family, type, proto, flags)
    if family == socket.AF_INET6:
        raise socket.gaierror(socket.EAI_NONAME, "no IPv6 address")
    return _real["getaddrinfo"](_table.stand_in(host, port), port, socket.AF_INET, type, proto, socket.AI_NUMERICHOST)


def gethostbyname(host):
    return _table.stand_in(host, 0) if _table.ours(host, 0) else _real["gethostbyname"](host)


def gethostbyname_ex(host):
    if not _table.ours(host, 0):
        return _real["gethostbyname_ex"](host)
    return (host, [], [_table.stand_in(host, 0)])


def dial(target):
    """A connection through the agent to `host:port`, as a unix socket."""
    sock = _socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _methods["connect"](sock, _table.out)
        sock.sendall((target + "\n").encode("ascii"))
    except BaseException:
        sock.close()
        raise
    return sock


def is_tunnelled(sock):
    """True for a TCP socket object whose descriptor is one end of the tunnel."""
    if sock.family == socket.AF_UNIX or sock.fileno() not in _tunnelled:
        return False
    try:
        # The kernel knows it as a unix socket: its name is text and not a tuple. macOS has no SO_DOMAIN to ask.
        return isinstance(_methods["getsockname"](sock), (str, bytes))
    except OSError:
        return False


def _lead_into_tunnel(sock, target, address):
    """Put the tunnel under the caller's own descriptor: same number, same object."""
    number = sock.fileno()
    through = dial(target)
    try:
        os.dup2(through.fileno(), number, inheritable=False)
    finally:
        through.close()
    os.set_blocking(number, sock.gettimeout() is None)
    _tunnelled[number] = address


def _connect(sock, address):
    target = _table.target(sock, address)
    if target is None:
        return _methods["connect"](sock, address)
    return _lead_into_tunnel(sock, target, address)


def _connect_ex(sock, address):
    target = _table.target(sock, address)
    if target is None:
        return _methods["connect_ex"](sock, address)
    try:
        _lead_into_tunnel(sock, target, address)
    except OSError as error:
        return error.errno
    return 0


def _setsockopt(sock, level, *rest):
    # http.client sets TCP_NODELAY and forgives only ENOPROTOOPT, while a unix socket answers EOPNOTSUPP.
    if level in (socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6) and is_tunnelled(sock):
        return None
    return _methods["setsockopt"](sock, level, *rest)


def _getpeername(sock):
    return tuple(_tunnelled[sock.fileno()]) if is_tunnelled(sock) else _methods["getpeername"](sock)


def _getsockname(sock):
    return ("127.0.0.1", 0) if is_tunnelled(sock) else _methods["getsockname"](sock)


class _UvloopFinder:
    """Wraps uvloop when, and if, the app imports it: libuv resolves and connects in C, past `socket`."""

    def find_spec(self, name, path=None, target=None):
        if name != "uvloop":
            return None
        sys.meta_path.remove(self)
        import importlib.util

        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                _wrap_uvloop(module.Loop)

            spec.loader.exec_module = exec_module
        return spec


def _wrap_uvloop(loop_class):
    base_connection, base_getaddrinfo = loop_class.create_connection, loop_class.getaddrinfo

    async def create_connection(
        self, factory, host=None, port=None, *, ssl=None, sock=None, server_hostname=None, **kw
    ):
        target = _table.target(None, (host, port)) if host is not None else None
        if target is not None:
            sock = await self.run_in_executor(None, dial, target)
        elif sock is not None and is_tunnelled(sock):
            # uvloop looks at the object's family: give it one that tells the truth.
            plain = _socket(fileno=os.dup(sock.fileno()))
            sock.close()
            sock = plain
        else:
            return await base_connection(
                self, factory, host, port, ssl=ssl, sock=sock, server_hostname=server_hostname, **kw
            )
        sock.setblocking(False)
        keep = {name: kw[name] for name in ("ssl_handshake_timeout", "ssl_shutdown_timeout") if name in kw}
        name = (server_hostname or _text(host)) if ssl else None
        return await self.create_unix_connection(factory, None, ssl=ssl, sock=sock, server_hostname=name, **keep)

    async def loop_getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):  # noqa: A002
        if _table.ours(host, port):
            return getaddrinfo(host, port, family, type, proto, flags)
        return await base_getaddrinfo(self, host, port, family=family, type=type, proto=proto, flags=flags)

    loop_class.create_connection, loop_class.getaddrinfo = create_connection, loop_getaddrinfo


def install(out, hosts, exact):
    """Wrap `socket` in this process. `out` is the agent's socket, `exact` the gateway as host:port."""
    global _table  # noqa: PLW0603 - one process, one socket module
    _table = Table(out, hosts, exact)
    socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex = getaddrinfo, gethostbyname, gethostbyname_ex
    _socket.connect, _socket.connect_ex, _socket.setsockopt = _connect, _connect_ex, _setsockopt
    _socket.getpeername, _socket.getsockname = _getpeername, _getsockname
    sys.meta_path.insert(0, _UvloopFinder())
