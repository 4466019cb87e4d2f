"""Shows a source app what `fal deploy` would ship of the workspace, and nothing else.

`fal deploy` pickles by value what the app refers to in: the app's own file, the package that holds it, `fal`, and
`local_python_modules` (fal/_serialization.py, fal/api/api.py of SDK 1.83). All other modules are pickled by name and
must exist on the runner. So of the workspace's other modules
- one that the app's functions or classes refer to is missing on the runner,
- one that only gave a constant is not missed,
- one that a function imports when it is called is missing, even if it is shipped by value: it is on no path there.
The files of `app_files` are on the path there, and so never missing.
"""

import importlib.machinery
import os
import sys

SUFFIXES = importlib.machinery.all_suffixes()


class ImportGuard:
    """Finder for modules of the workspace, first on sys.meta_path."""

    def __init__(self, roots, modules, files):
        self._roots = [os.path.realpath(root) for root in roots]
        self._modules = tuple(modules)
        self._files = {os.path.realpath(file) for file in files}
        self._serving = False
        # Of each folder of a package, whether it lies in the workspace: there are hundreds of imports below one folder.
        self._known = {}
        # Modules that the deploy would not ship: name -> (file, FrameSummary of the import).
        self.unshipped = {}

    def find_spec(self, name, path=None, target=None):
        """Spec of a module of the workspace, None for all others."""
        if name.partition(".")[0] == "_windtunnel":
            return None  # The harness itself, which may lie in the workspace: in a clone of this project it does.
        spec = self._find(name, path)
        if spec is None:
            return None
        place = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
        if spec.origin is None or os.path.realpath(spec.origin) in self._files:
            return spec
        by_value = any(name == module or name.startswith(module + ".") for module in self._modules)
        # A package that holds a shipped module is imported on the way to it.
        leads_to = any(module.startswith(name + ".") for module in self._modules)
        if self._serving:
            raise ModuleNotFoundError(late_import_text(name, place, by_value), name=name)
        if not by_value and not leads_to:
            self.unshipped[name] = (place, _importer())
        return spec

    def start_serving(self):
        """The app's module is loaded: from now on imports happen on the runner, not at the deploy."""
        self._serving = True

    def _find(self, name, path):
        if path is None:
            if not any(_may_hold(root, name) for root in self._roots):
                return None
            # Installed packages and the standard library come first, as the SDK appends the folder of the deploy.
            if name in sys.builtin_module_names:
                return None
            elsewhere = [entry for entry in sys.path if os.path.realpath(entry or ".") not in self._roots]
            if importlib.machinery.PathFinder.find_spec(name, elsewhere) is not None:
                return None
            return importlib.machinery.PathFinder.find_spec(name, self._roots)
        inside = [entry for entry in path if self._inside(entry)]
        return importlib.machinery.PathFinder.find_spec(name, inside) if inside else None

    def _inside(self, entry):
        inside = self._known.get(entry)
        if inside is None:
            real = os.path.realpath(entry)
            # A virtual environment may lie in the workspace; what is installed in it is no module of the workspace.
            inside = "site-packages" not in real.split(os.sep) and any(
                real == root or real.startswith(root + os.sep) for root in self._roots
            )
            # A relative one is another folder after a chdir.
            if os.path.isabs(entry):
                self._known[entry] = inside
        return inside


def _may_hold(root, name):
    path = os.path.join(root, name)
    return os.path.isdir(path) or any(os.path.isfile(path + suffix) for suffix in SUFFIXES)


def _importer():
    """Place of the import statement: file, line, function."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def unshipped_text(name, place):
    """What the developer reads in place of the deploy's own error."""
    top = name.partition(".")[0]
    return (
        "No module named %r on the runner: `fal deploy` would not ship %s. "
        'Name it in local_python_modules = ["%s"], or put its file in app_files.' % (name, place, top)
    )


def late_import_text(name, place, by_value):
    """The same for an import that runs when a function is called."""
    if not by_value:
        return unshipped_text(name, place)
    return (
        "No module named %r on the runner: `fal deploy` ships %s inside the app (local_python_modules), not as a file, "
        "so an import inside a function does not find it. Import it at the top of the file, or put it in app_files."
        % (name, place)
    )


class UnshippedImport(ModuleNotFoundError):
    """The app refers to a module that the deploy would not ship. `importer` is (file, line, function) or None."""

    def __init__(self, name, place, importer):
        super().__init__(unshipped_text(name, place), name=name)
        self.importer = importer


def check(guard, function):
    """Raise UnshippedImport if pickling `function` as the deploy does would refer to an unshipped module by name."""
    if not guard.unshipped:
        return
    for name in _referred_modules(function, guard.unshipped):
        place, importer = guard.unshipped[name]
        raise UnshippedImport(name, place, importer)


def _referred_modules(function, candidates):
    """Those of `candidates` that the pickle of `function` names; all of them when it cannot be told."""
    try:
        import pickletools

        import cloudpickle
        from fal.api import patch_pickle
        from fal.api.api import _prepare_partial_func

        patch_pickle()
        data = cloudpickle.dumps(_prepare_partial_func(function))
    except Exception:  # noqa: BLE001 - what cannot be pickled fails in the deploy with a message of its own
        return list(candidates)
    # Names of modules stand in the pickle as strings: before a global, or as the argument of cloudpickle's subimport.
    # A constant that happens to read like the module's name is told apart by what follows it.
    return _named(pickletools.genops(data), candidates)


def _named(operations, candidates):
    found, memo, stack, subimport = [], {}, [], False
    for operation, argument, _ in operations:
        name = operation.name
        if name in ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"):
            if subimport and argument in candidates:
                found.append(argument)
            subimport = False
            stack.append(argument)
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1] if stack else None
        elif name in ("BINGET", "LONG_BINGET"):
            value = memo.get(argument)
            if subimport and value in candidates:
                found.append(value)
            subimport = value == _SUBIMPORT
            stack.append(value)
        elif name == "STACK_GLOBAL":
            attribute, module = (stack[-1], stack[-2]) if len(stack) > 1 else (None, None)
            if module in candidates:
                found.append(module)
            subimport = attribute == "subimport"
            stack.append(_SUBIMPORT if subimport else None)
        elif name not in ("FRAME", "PROTO"):
            # Only adjacent strings matter; whatever else is pushed or popped just keeps them apart.
            stack.append(None)
        del stack[:-2]
    return found


_SUBIMPORT = object()
