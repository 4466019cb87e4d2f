"""What the readers of all platforms share: Python's own parser, and nothing of the importer."""

import ast


class Field:
    """A field that callers may send. `annotation` and `default` are nodes, or None when nothing can be said of them."""

    def __init__(self, required, annotation=None, default=None, certain=True, values=None):
        self.required = required
        self.annotation = annotation
        self.default = default
        # False: the source does not say whether it must be there.
        self.certain = certain
        # The choices, or limits as OpenAPI names them.
        self.values = values or {}


class App:
    """Endpoints by path; None for an input that the reader does not look into. `open`: more fields may be there."""

    def __init__(self, name, paths, open=False):
        self.name = name
        self.paths = paths
        self.open = open


class Server:
    """A function that serves HTTP by itself."""

    def __init__(self, name):
        self.name = name


def last(node):
    if isinstance(node, ast.Call):
        return last(node.func)
    if isinstance(node, ast.Subscript):
        return last(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def decorators(node):
    return {last(d): d for d in node.decorator_list}


def is_function(node):
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def is_generator(node):
    stack = list(node.body)
    while stack:
        at = stack.pop()
        if isinstance(at, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(at))
    return False


def parameters(node, method):
    """Fields of a signature, without `self`."""
    given = node.args
    names = (given.posonlyargs + given.args)[1 if method else 0 :]
    defaults = dict(zip([a.arg for a in names[len(names) - len(given.defaults) :]], given.defaults)) if given.defaults else {}
    fields = {a.arg: Field(a.arg not in defaults, a.annotation, defaults.get(a.arg)) for a in names}
    for a, default in zip(given.kwonlyargs, given.kw_defaults):
        fields[a.arg] = Field(default is None, a.annotation, default)
    return fields


def value_of(node, constants=None):
    """The value of a literal, or of a name that the module binds to one once. ValueError for anything else."""
    if isinstance(node, ast.Name) and constants and node.id in constants:
        return value_of(constants[node.id])
    return ast.literal_eval(node)


def constants_of(tree):
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = None if node.targets[0].id in found else node.value
    return {name: node for name, node in found.items() if node is not None}


TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "List": "array", "Sequence": "array"}
TYPES.update({"dict": "object", "Dict": "object", "Path": "file", "File": "file", "bytes": "file"})


def types_of(annotation):
    """OpenAPI types of a plain annotation, without null; None when the annotation says nothing that could be compared."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return set()
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return union([types_of(annotation.left), types_of(annotation.right)])
    if isinstance(annotation, ast.Subscript) and last(annotation.value) == "Optional":
        return types_of(annotation.slice)
    if isinstance(annotation, ast.Subscript) and last(annotation.value) == "Union":
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        return union([types_of(part) for part in parts])
    if isinstance(annotation, (ast.Name, ast.Attribute, ast.Subscript)) and last(annotation) in TYPES:
        return {TYPES[last(annotation)]}
    return None


def union(parts):
    return None if None in parts else set().union(*parts)
