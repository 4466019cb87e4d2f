"""What a RunPod worker asks for: the schema that it validates with, else the keys that its handler reads from the input."""

import ast
import json
import os

from reading import App, Field, is_function, is_generator, last

MODELS = {"BaseModel"}


class Worker:
    def __init__(self, source, entry, folder):
        self.entry = ast.parse(source)
        self.trees = [self.entry]
        for at, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(at, name)
                if name.endswith(".py") and os.path.relpath(path, folder) != entry:
                    with open(path, encoding="utf-8-sig") as file:
                        try:
                            self.trees.append(ast.parse(file.read()))
                        except SyntaxError:
                            continue  # of another Python, or broken: the importer reads nothing from it either
        self.imported = {a.asname or a.name for n in ast.walk(self.entry) if isinstance(n, ast.ImportFrom) for a in n.names}

    def named(self, name, kinds):
        """The one definition of a name: of the entry, else of the modules beside it."""
        for trees in ([self.entry], self.trees[1:]):
            found = [n for tree in trees for n in ast.walk(tree) if isinstance(n, kinds) and n.name == name]
            if found:
                return found[0]
        return None

    def handler(self):
        """Of several starts the last: the one that runs when no option asks for another."""
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        names = []
        for node in ast.walk(self.entry):
            if isinstance(node, ast.Call) and last(node) == "start" and node.args and isinstance(node.args[0], ast.Dict):
                pairs = zip(node.args[0].keys, node.args[0].values)
                names += [(node.lineno, last(v)) for k, v in pairs if isinstance(k, ast.Constant) and k.value == "handler"]
        return self.named(max(names)[1], functions) if names else None

    def schema(self):
        """The dictionary of `validate(job_input, SCHEMA)`."""
        for node in ast.walk(self.entry):
            if not (isinstance(node, ast.Call) and last(node) == "validate" and len(node.args) == 2):
                continue
            given = node.args[1]
            if isinstance(given, ast.Dict):
                return given
            for tree in self.trees:
                for at in tree.body:
                    if isinstance(at, ast.Assign) and any(last(t) == last(given) for t in at.targets) and isinstance(at.value, ast.Dict):
                        return at.value
        return None


def read(source, entry, folder):
    worker = Worker(source, entry, folder)
    handler = worker.handler()
    schema = worker.schema()
    if schema is not None:
        fields, open_model = fields_of_schema(schema), False
    else:
        reads = []
        if handler is not None:
            Follow(worker, reads).into(handler, job_at=1 if handler.args.args and handler.args.args[0].arg == "self" else 0)
        fields, open_model = fields_of_reads(reads), True
        fields = {**fields_of_sample(folder, entry), **fields}
    streams = handler is not None and is_generator(handler)
    paths = {"/": fields, "/stream": fields} if streams else {"/": fields}
    return [App("worker", paths, open=open_model)]


def fields_of_schema(schema):
    fields = {}
    for key, rules in zip(schema.keys, schema.values):
        rule = {k.value: v for k, v in zip(rules.keys, rules.values) if isinstance(k, ast.Constant)}
        required = isinstance(rule.get("required"), ast.Constant) and rule["required"].value is True
        fields[key.value] = Field(required, rule.get("type"), None if required else rule.get("default"))
    return fields


def fields_of_sample(folder, entry):
    for path in (os.path.join(os.path.dirname(entry), "test_input.json"), "test_input.json"):
        try:
            with open(os.path.join(folder, path), encoding="utf-8") as file:
                given = json.load(file)["input"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue
        return {key: Field(False) for key in given} if isinstance(given, dict) else {}
    return {}


def fields_of_reads(reads):
    fields = {}
    for key in dict.fromkeys(key for key, _, _ in reads):
        own = [(how, default) for k, how, default in reads if k == key]
        ways = {how for how, _ in own}
        defaults = [default for _, default in own if default is not None]
        # `x["k"]` alone: it must be there, if that line always runs.
        bare = ways <= {"item", "must"}
        fields[key] = Field("must" in ways and bare, None, defaults[0] if defaults else None, certain=not bare or "must" in ways)
    return fields


class Follow:
    """Collects (key, how, default) of what is read from the input, in a function and in those that it hands the input to."""

    def __init__(self, worker, reads):
        self.worker = worker
        self.reads = reads
        self.seen = set()

    def into(self, function, job_at=None, inputs=(), jobs=()):
        if id(function) in self.seen:
            return
        self.always = set(map(id, always_run(function))) if not self.seen else set()
        self.seen.add(id(function))
        names = [a.arg for a in function.args.posonlyargs + function.args.args]
        self.jobs = set(jobs) | ({names[job_at]} if job_at is not None and len(names) > job_at else set())
        self.inputs = set(inputs)
        self.written = set()
        jobs_here, inputs_here = self.jobs, self.inputs
        calls = []
        for node in in_order(function):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and self.is_input(node.value, copies=True):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        self.inputs.add(target.id)
            self.look(node)
            if isinstance(node, ast.Call):
                calls.append(node)
        for call in calls:
            self.jobs, self.inputs = jobs_here, inputs_here
            self.follow(call)

    def is_job(self, node):
        return isinstance(node, ast.Name) and node.id in self.jobs

    def is_input(self, node, copies=False):
        if isinstance(node, ast.Name):
            return node.id in self.inputs
        if isinstance(node, ast.BoolOp):
            return self.is_input(node.values[0])
        if isinstance(node, ast.Subscript) and self.is_job(node.value):
            return isinstance(node.slice, ast.Constant) and node.slice.value == "input"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "get" and self.is_job(node.func.value):
                return bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == "input"
            return copies and node.func.attr == "copy" and self.is_input(node.func.value)
        return copies and isinstance(node, ast.Call) and last(node) == "dict" and len(node.args) == 1 and self.is_input(node.args[0])

    def look(self, node):
        if isinstance(node, ast.Subscript) and self.is_input(node.value) and isinstance(node.slice, ast.Constant):
            if isinstance(node.slice.value, str):
                if isinstance(node.ctx, ast.Load):
                    if node.slice.value not in self.written:
                        self.reads.append((node.slice.value, "must" if id(node) in self.always else "item", None))
                else:
                    self.written.add(node.slice.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop", "setdefault"):
            if self.is_input(node.func.value) and node.args and isinstance(node.args[0], ast.Constant):
                self.reads.append((node.args[0].value, "get", node.args[1] if len(node.args) > 1 else None))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            if self.is_input(node.comparators[0]) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
                self.reads.append((node.left.value, "in", None))

    def follow(self, call):
        passed = [(None, index, a) for index, a in enumerate(call.args)] + [(k.arg, None, k.value) for k in call.keywords]
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        takes = [(name, index, self.is_input(a)) for name, index, a in passed if self.is_input(a) or self.is_job(a)]
        if not takes or not isinstance(call.func, ast.Name):
            return
        target = self.worker.named(call.func.id, kinds)
        if isinstance(target, ast.ClassDef):
            if any(name is None and index is None for name, index, _ in takes) and {last(b) for b in target.bases} & MODELS:
                for child in target.body:
                    if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                        self.reads.append((child.target.id, "model", child.value))
                return
            target = next((m for m in target.body if is_function(m) and m.name == "__init__"), None)
        if target is None:
            return
        names = [a.arg for a in target.args.posonlyargs + target.args.args]
        if names[:1] == ["self"]:
            names = names[1:]
        given = {True: set(), False: set()}
        for name, index, is_input in takes:
            if name is not None or (index is not None and index < len(names)):
                given[is_input].add(name if name is not None else names[index])
        if given[True] or given[False]:
            self.into(target, inputs=given[True], jobs=given[False])


def always_run(function):
    """Nodes of the statements at the top of a function that run on every call: until one that may leave it."""
    for statement in function.body:
        if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)):
            if any(isinstance(node, (ast.Return, ast.Raise)) for node in ast.walk(statement)):
                return
            continue
        branches = (ast.BoolOp, ast.IfExp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
        if not any(isinstance(node, branches) for node in ast.walk(statement)):
            yield from ast.walk(statement)


def in_order(function):
    """Every node of a function as it stands in the text."""
    stack = list(reversed(function.body))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(list(ast.iter_child_nodes(node))))
