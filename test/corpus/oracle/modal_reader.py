"""What a Modal file asks for: its functions, classes, methods and web endpoints, with their parameters."""

import ast
import re

from reading import App, Field, Server, decorators, is_function, is_generator, last, parameters

WEB = {"fastapi_endpoint", "web_endpoint"}
SERVER = {"asgi_app", "wsgi_app", "web_server", "http_server"}
PASSED = {"Request", "Response", "BackgroundTasks", "WebSocket"}
MARKED = {"Query", "Form", "Body", "File"}


def fields_of(node, method, web, classes):
    fields = parameters(node, method)
    if not web:
        return fields
    for name, field in list(fields.items()):
        if field.annotation is not None and last(field.annotation) in PASSED:
            del fields[name]
        elif isinstance(field.default, ast.Call) and last(field.default) in {"Depends", "Security", "Header", "Cookie"}:
            del fields[name]
        elif isinstance(field.default, ast.Call) and last(field.default) in MARKED:
            value = field.default.args[0] if field.default.args else None
            value = next((k.value for k in field.default.keywords if k.arg == "default"), value)
            required = value is None or (isinstance(value, ast.Constant) and value.value is Ellipsis)
            fields[name] = Field(required, None, None if required else value)
    if len(fields) == 1:
        (field,) = fields.values()
        # A model of the source, or a dictionary, is the input itself.
        if field.annotation is not None and last(field.annotation) in classes | {"dict", "Dict"}:
            return None
    return fields


def name_shared(tree):
    """Dictionaries and queues of Modal are sent by their names."""
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "modal"]
    own = {a.asname or a.name for n in imports for a in n.names if a.name in {"Dict", "Queue"}}
    for node in ast.walk(tree):
        kind = node.annotation if isinstance(node, ast.arg) else None
        if isinstance(kind, ast.Name) and kind.id in own or kind and ast.unparse(kind) in {"modal.Dict", "modal.Queue"}:
            node.annotation = ast.Name("str")


def read(source, entry, folder):
    tree = ast.parse(source)
    name_shared(tree)
    classes = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}
    apps = []
    for node in [n for n in tree.body if is_function(n) or isinstance(n, ast.ClassDef)]:
        marks = decorators(node)
        unit = [d for d in node.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute)]
        if not any(d.func.attr in {"function", "cls"} and isinstance(d.func.value, ast.Name) for d in unit):
            continue
        if isinstance(node, ast.ClassDef):
            apps.append(read_class(node, classes))
        elif marks.keys() & SERVER:
            apps.append(Server(node.name))
        else:
            web = bool(marks.keys() & WEB)
            path = "/stream" if is_generator(node) and not web else "/"
            apps.append(App(node.name, {path: fields_of(node, False, web, classes.keys())}))
    return apps


def read_class(node, classes):
    methods, own, seen = {}, {}, set()

    def visit(at):
        if at.name in seen:
            return
        seen.add(at.name)
        for child in at.body:
            if is_function(child):
                methods.setdefault(child.name, child)
            if isinstance(child, ast.AnnAssign) and isinstance(child.value, ast.Call) and last(child.value) == "parameter":
                if not any(k.arg == "default" for k in child.value.keywords) and not child.value.args:
                    own[child.target.id] = Field(True, child.annotation)
        for base in at.bases:
            if last(base) in classes:
                visit(classes[last(base)])

    visit(node)
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            own.update({k: f for k, f in parameters(method, True).items() if f.required})
    served = []
    for method in methods.values():
        marks = decorators(method)
        if marks.keys() & (WEB | {"method", "batched"}) and not marks.keys() & SERVER:
            served.append((method, bool(marks.keys() & WEB), "batched" in marks))
    streams = [m for m, web, _ in served if is_generator(m) and not web]
    paths = {}
    for method, web, batched in served:
        kebab = "/" + re.sub(r"[^a-z0-9]+", "-", method.name.lower()).strip("-")
        stream = method in streams
        path = ("/stream" if len(streams) == 1 else kebab + "/stream") if stream else "/" if len(served) == 1 else kebab
        fields = fields_of(method, True, web, classes.keys())
        if batched and fields:
            # A caller sends one item of each list.
            for field in fields.values():
                field.annotation = field.annotation.slice if isinstance(field.annotation, ast.Subscript) else None
        paths[path] = fields if fields is None else {**own, **fields}
    return App(node.name, paths) if paths else Server(node.name)
