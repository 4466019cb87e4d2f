"""Looks at converted apps with the real fal SDK, and at their sources with a reader of its own. A plan on stdin, JSON on stdout."""

import ast
import base64
import builtins
import contextlib
import io
import json
import os
import re
import runpy
import subprocess
import sys
import warnings

import cloudpickle
import fal
from fal.api import IsolatedFunction
from fal.app import wrap_app

warnings.simplefilter("ignore")

STANDARD = set(sys.stdlib_module_names) | {"fal", "fastapi", "pydantic", "typing_extensions", "starlette"}
LOAD = """
import base64, json, pickle, sys
for line in sys.stdin:
    kind, data = line.split(" ")
    try:
        app = pickle.loads(base64.b64decode(data))
        if kind == "app":
            app = app(_allow_init=True).openapi()["paths"]
        print(json.dumps({"paths": sorted(app) if kind == "app" else []}))
    except Exception as error:
        print(json.dumps({"error": repr(error)[:300]}))
"""


class Refuse:
    """What the converted file itself may import where it is deployed."""

    def __init__(self, file):
        self.file = file
        self.tried = []

    def find_spec(self, name, path=None, target=None):
        frame = sys._getframe(1)
        while frame is not None and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if frame is not None and frame.f_code.co_filename == self.file and name.split(".")[0] not in STANDARD:
            raise ImportError("%s is imported where the app is deployed" % name)
        return None


def apps_of(file):
    guard = Refuse(file)
    sys.meta_path.insert(0, guard)
    here = os.getcwd()
    os.chdir(os.path.dirname(file))
    # Already loaded modules would be had without the finder being asked.
    real = builtins.__import__

    def importing(name, given=None, *rest, **more):
        if given is not None and given.get("__file__") == file:
            level = more.get("level", rest[2] if len(rest) > 2 else 0)
            if level or name.split(".")[0] not in STANDARD:
                raise ImportError("%s is imported where the app is deployed" % name)
        return real(name, given, *rest, **more)

    builtins.__import__ = importing
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            values = runpy.run_path(file)
    finally:
        builtins.__import__ = real
        sys.meta_path.remove(guard)
        os.chdir(here)
    return {
        name: value
        for name, value in values.items()
        if (isinstance(value, type) and issubclass(value, fal.App) and value is not fal.App)
        or isinstance(value, IsolatedFunction)
    }


def look_at(case):
    result = {"name": case["name"], "problems": [], "apps": {}, "pickles": []}
    file = os.path.join(case["converted"], case["entry"])
    try:
        compile(open(file, "rb").read(), file, "exec")
    except (SyntaxError, ValueError) as error:
        result["problems"].append("compile: %s" % error)
        return result
    try:
        found = apps_of(file)
    except BaseException as error:
        result["problems"].append("import: %s: %s" % (type(error).__name__, str(error)[:300]))
        return result
    if not found:
        result["problems"].append("import: no app in the file")
    for name, app in found.items():
        try:
            if isinstance(app, IsolatedFunction):
                result["apps"][name] = {"kind": "function", "paths": {}}
                result["pickles"].append("function " + base64.b64encode(cloudpickle.dumps(app.raw_func)).decode())
                continue
            wrap_app(app)
            result["pickles"].append("app " + base64.b64encode(cloudpickle.dumps(app)).decode())
            with contextlib.redirect_stdout(io.StringIO()):
                document = app(_allow_init=True).openapi()
            result["apps"][name] = {"kind": "app", "paths": inputs_of(document)}
        except BaseException as error:
            result["problems"].append("%s: %s: %s" % (name, type(error).__name__, str(error)[:300]))
    return result


def inputs_of(document):
    paths = {}
    for path, verbs in document["paths"].items():
        if "post" not in verbs:
            continue
        post = verbs["post"]
        schema = post.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        reference = schema.get("$ref")
        if reference:
            schema = document["components"]["schemas"][reference.split("/")[-1]]
        fields = {name: name in schema.get("required", []) for name in schema.get("properties", {})}
        query = [p["name"] for p in post.get("parameters", []) if p["in"] == "query"]
        paths[path] = {"fields": fields, "query": query}
    return paths


# --- What a Modal source asks for, read without the importer.

WEB = {"fastapi_endpoint", "web_endpoint"}
SERVER = {"asgi_app", "wsgi_app", "web_server", "http_server"}
PASSED = {"Request", "Response", "BackgroundTasks", "WebSocket"}


def last(node):
    if isinstance(node, ast.Call):
        return last(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def decorators(node):
    return {last(d): d for d in node.decorator_list}


def is_generator(node):
    stack = list(node.body)
    while stack:
        at = stack.pop()
        if isinstance(at, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(at))
    return False


def fields_of(node, method, web, classes):
    given = node.args
    names = [a for a in given.posonlyargs + given.args][1 if method else 0 :]
    required = {a.arg: True for a in names}
    for a in names[len(names) - len(given.defaults) :] if given.defaults else []:
        required[a.arg] = False
    for a, default in zip(given.kwonlyargs, given.kw_defaults):
        required[a.arg] = default is None
    everything = {a.arg: a for a in names + given.kwonlyargs}
    if web:
        defaults = dict(zip([a.arg for a in names[len(names) - len(given.defaults) :]], given.defaults))
        for name, a in everything.items():
            default = defaults.get(name)
            if a.annotation is not None and last(a.annotation) in PASSED:
                required.pop(name)
            elif isinstance(default, ast.Call) and last(default) in {"Depends", "Security", "Header", "Cookie"}:
                required.pop(name)
            elif isinstance(default, ast.Call) and last(default) in {"Query", "Form", "Body", "File"}:
                value = default.args[0] if default.args else None
                value = next((k.value for k in default.keywords if k.arg == "default"), value)
                required[name] = value is None or (isinstance(value, ast.Constant) and value.value is Ellipsis)
        if len(required) == 1:
            (name,) = required
            annotation = everything[name].annotation
            if annotation is not None and last(annotation) in classes:
                return None  # a model of the source is the input itself
            if annotation is not None and last(annotation.value if isinstance(annotation, ast.Subscript) else annotation) in {"dict", "Dict"}:
                return None
    return required


def expected(source):
    tree = ast.parse(source)
    classes = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}
    apps = []
    for node in [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]:
        marks = decorators(node)
        unit = [d for d in node.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute)]
        if not any(d.func.attr in {"function", "cls"} and isinstance(d.func.value, ast.Name) for d in unit):
            continue
        if isinstance(node, ast.ClassDef):
            apps.append(class_expected(node, classes))
        elif marks.keys() & SERVER:
            apps.append({"server": node.name})
        else:
            web = bool(marks.keys() & WEB)
            path = "/stream" if is_generator(node) and not web else "/"
            apps.append({"name": node.name, "paths": {path: fields_of(node, False, web, classes)}})
    return apps


def class_expected(node, classes):
    methods, parameters, seen = {}, {}, set()

    def visit(at):
        if at.name in seen:
            return
        seen.add(at.name)
        for child in at.body:
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                methods.setdefault(child.name, child)
            if isinstance(child, ast.AnnAssign) and isinstance(child.value, ast.Call) and last(child.value) == "parameter":
                if not any(k.arg == "default" for k in child.value.keywords) and not child.value.args:
                    parameters[child.target.id] = True
        for base in at.bases:
            if last(base) in classes:
                visit(classes[last(base)])

    visit(node)
    own = [m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"]
    if own:
        parameters.update({k: True for k, v in fields_of(own[0], True, False, classes).items() if v})
    served = []
    for method in methods.values():
        marks = decorators(method)
        if marks.keys() & (WEB | {"method", "batched"}) and not marks.keys() & SERVER:
            served.append((method, bool(marks.keys() & WEB)))
    streams = [m for m, web in served if is_generator(m) and not web]
    paths = {}
    for method, web in served:
        kebab = "/" + re.sub(r"[^a-z0-9]+", "-", method.name.lower()).strip("-")
        stream = method in streams
        path = ("/stream" if len(streams) == 1 else kebab + "/stream") if stream else "/" if len(served) == 1 else kebab
        fields = fields_of(method, True, web, classes)
        paths[path] = fields if fields is None else {**parameters, **fields}
    return {"name": node.name, "paths": paths} if paths else {"server": node.name}


def compare_modal(source, result):
    """Wrong endpoints and fields, in words."""
    wrong = []
    found = [app for app in result["apps"].values() if app["kind"] == "app"]
    servers = [name for name, app in result["apps"].items() if app["kind"] == "function"]
    for want in expected(source):
        if "server" in want:
            if not any(want["server"].lower() in name.lower() for name in servers):
                wrong.append("no server for %s" % want["server"])
            continue
        for path, fields in want["paths"].items():
            fits = [a for a in found if path in a["paths"] and (fields is None or a["paths"][path]["fields"] == {k.lstrip(): v for k, v in fields.items()})]
            if not fits:
                there = [a["paths"].get(path) for a in found]
                wrong.append("%s %s wants %s, there is %s" % (want["name"], path, fields, there))
        same = [a for a in found if set(a["paths"]) - {"/health"} == set(want["paths"])]
        if not same:
            wrong.append("%s wants %s" % (want["name"], sorted(want["paths"])))
    for app in found:
        for path, there in app["paths"].items():
            if there["query"]:
                wrong.append("%s takes %s from the query" % (path, there["query"]))
    return wrong


def unaccounted_modal(source, items):
    """Statements, options of decorators and calls of images that no item stands for."""
    missing = []
    lines = {}
    for item in items:
        lines.setdefault(item["kind"], set()).add(item["source"]["line"])
    texts = " ".join(item["text"] for item in items if item["kind"] == "option")
    tree = ast.parse(source)
    for node in tree.body:
        line = min([node.lineno] + [d.lineno for d in getattr(node, "decorator_list", [])])
        if line not in lines.get("statement", set()):
            missing.append("statement at line %d" % line)
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", []):
            if not (isinstance(decorator, ast.Call) and last(decorator) in {"function", "cls"}):
                continue
            for keyword in decorator.keywords:
                if keyword.arg is not None and keyword.arg + "=" not in texts:
                    missing.append("option %s at line %d" % (keyword.arg, keyword.value.lineno))
    return missing


def main():
    plan = json.load(sys.stdin)
    results, pickles = [], []
    for case in plan:
        result = look_at(case)
        source = open(case["source"], encoding="utf-8").read()
        if case["platform"] == "modal":
            if not any(p.startswith(("compile", "import")) for p in result["problems"]):
                result["wrong"] = compare_modal(source, result)
            result["unaccounted"] = unaccounted_modal(source, case["items"])
        pickles.append(result.pop("pickles"))
        results.append(result)
    lines = [line for group in pickles for line in group]
    run = subprocess.run([sys.executable, "-c", LOAD], input="\n".join(lines), capture_output=True, text=True, cwd="/", check=False)
    answers = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"')]
    if len(answers) != len(lines):
        raise SystemExit(run.stderr)
    at = 0
    for result, group in zip(results, pickles):
        for _ in group:
            if "error" in answers[at]:
                result["problems"].append("pickle: " + answers[at]["error"])
            at += 1
    json.dump(results, sys.stdout)


main()
