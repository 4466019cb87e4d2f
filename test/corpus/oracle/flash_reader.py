"""What a flash file asks for: functions, public methods and routes of its endpoints."""

import ast
import re

from reading import App, is_function, last, parameters

VERBS = {"get", "post", "put", "delete", "patch"}


def kebab(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def read(source, entry, folder):
    tree = ast.parse(source)
    objects = {t.id for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call) and last(n.value) == "Endpoint" for t in n.targets if isinstance(t, ast.Name)}
    units, routes = [], []
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", []):
            if not isinstance(decorator, ast.Call):
                continue
            if last(decorator) in {"Endpoint", "remote"} and not isinstance(decorator.func, ast.Call):
                units.append(node)
            owner = decorator.func.value if isinstance(decorator.func, ast.Attribute) else None
            if last(decorator) in VERBS and isinstance(owner, ast.Name) and owner.id in objects:
                routes.append((decorator.args[0].value, node))
    paths = {path: parameters(node, False) for path, node in routes if path != "/health"}
    for index, node in enumerate(units):
        path = "/" if index == 0 and not routes else "/" + kebab(node.name)
        if is_function(node):
            paths[path] = parameters(node, False)
            continue
        methods = [m for m in node.body if is_function(m) and not m.name.startswith("_")]
        for method in methods:
            below = path if len(methods) == 1 else path.rstrip("/") + "/" + kebab(method.name)
            paths[below] = parameters(method, True)
    return [App(entry, paths)]
