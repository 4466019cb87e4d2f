"""What a Cog model asks for: the parameters of the class or function that cog.yaml names."""

import ast
import os
import re

from reading import App, Field, constants_of, is_function, last, parameters, value_of

LIMITS = {"ge": "minimum", "le": "maximum", "min_length": "minLength", "max_length": "maxLength", "regex": "pattern"}


def symbol_of(folder, entry):
    """`predict: "predict.py:Predictor"` of the cog.yaml that names the file."""
    for at, _, names in os.walk(folder):
        for name in names:
            if name not in ("cog.yaml", "cog.yml"):
                continue
            with open(os.path.join(at, name), encoding="utf-8") as file:
                found = re.search(r"^(?:predict|run):\s*[\"']?([\w./-]+\.py):(\w+)", file.read(), re.M)
            if found and os.path.normpath(os.path.join(os.path.relpath(at, folder), found[1])) == os.path.normpath(entry):
                return found[2]
    return None


def read(source, entry, folder):
    tree = ast.parse(source)
    symbol = symbol_of(folder, entry)
    node = next((n for n in tree.body if getattr(n, "name", None) == symbol), None)
    if node is None:
        raise LookupError("cog.yaml names nothing in %s" % entry)
    method = isinstance(node, ast.ClassDef)
    if method:
        node = predict_of(node, tree)
    constants = constants_of(tree)
    inputs = {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names if a.name == "Input"} | {"Input"}
    fields = {name: field_of(field, constants, inputs) for name, field in parameters(node, method).items()}
    returns = node.returns
    if isinstance(returns, ast.Constant) and isinstance(returns.value, str):
        returns = ast.parse(returns.value, mode="eval").body
    streams = re.search(r"(Iterator|Generator|Iterable)$", last(returns) if returns is not None else "")
    paths = {"/": fields, "/stream": fields} if streams else {"/": fields}
    return [App(symbol, paths)]


def predict_of(node, tree):
    """The method of a class, or of the nearest base in the file that has it."""
    for child in node.body:
        if is_function(child) and child.name in ("predict", "run"):
            return child
    bases = [n for base in node.bases for n in tree.body if getattr(n, "name", None) == last(base)]
    return next(filter(None, (predict_of(base, tree) for base in bases)), None)


def field_of(field, constants, inputs):
    call = field.default
    if not (isinstance(call, ast.Call) and last(call) in inputs):
        return field
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if call.args:
        given["default"] = call.args[0]
    values = {}
    for name, node in given.items():
        try:
            if name in LIMITS:
                values[LIMITS[name]] = value_of(node, constants)
            if name == "choices":
                values["enum"] = list(value_of(node, constants))
        except ValueError:
            continue  # computed: what the file says it is only when it runs
    default = given.get("default")
    if isinstance(default, ast.Name):
        default = constants.get(default.id, default)
    return Field(default is None, field.annotation, default, values=values)
