/** Top modules of Python 3.10-3.14's standard library, as `sys.stdlib_module_names` lists them, without the private ones. */
const MODULES = new Set(
  `abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii binhex bisect
  builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall compression
  concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal
  difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch
  fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http
  idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma
  mailbox mailcap marshal math mimetypes mmap modulefinder msilib multiprocessing netrc nis nntplib ntpath nturl2path
  numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib
  posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline
  reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr
  socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct
  subprocess sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time
  timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata
  unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile
  zipimport zlib zoneinfo`.split(/\s+/),
);

/** Whether a module can be imported on any machine that runs `fal deploy`: the standard library and what fal brings. */
export function importsAnywhere(module: string): boolean {
  const top = module.split('.')[0]!;
  return MODULES.has(top) || top === 'fal' || top === 'fastapi' || top === 'pydantic' || top === 'typing_extensions';
}

/** Calls that only make a value: running them at deploy is the same as running them in the runner. */
const PURE = new Set(
  `int float str bool bytes dict list set tuple frozenset len range sorted reversed min max sum round abs zip enumerate
  any all ord chr repr isinstance object property staticmethod classmethod super
  logging.getLogger re.compile Path pathlib.Path PurePosixPath pathlib.PurePosixPath os.path.join join
  os.path.basename os.path.splitext os.path.normpath namedtuple collections.namedtuple
  defaultdict collections.defaultdict OrderedDict collections.OrderedDict deque collections.deque Counter
  collections.Counter TypeVar typing.TypeVar NewType typing.NewType NamedTuple typing.NamedTuple TypedDict
  typing.TypedDict Literal Enum enum.Enum field dataclasses.field dataclass dataclasses.dataclass lru_cache
  functools.lru_cache partial functools.partial timedelta datetime.timedelta Decimal decimal.Decimal Fraction
  Field pydantic.Field ConfigDict pydantic.ConfigDict conint constr validator field_validator model_validator
  pydantic.validator pydantic.field_validator pydantic.model_validator textwrap.dedent dedent`.split(/\s+/),
);

/** Whether a call by this dotted name has no effect and depends on nothing of the machine. */
export function isPureCall(name: string): boolean {
  return PURE.has(name);
}
