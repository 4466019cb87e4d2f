"""What a source says that no row of its report stands for: nothing may be lost on the way."""

import ast
import glob
import os
import re

from reading import last


def lines_of(items, kind, file):
    return {item["source"]["line"] for item in items if item["kind"] == kind and item["source"]["file"] == file}


def statements(tree, entry, items):
    there = lines_of(items, "statement", entry)
    for node in tree.body:
        line = min([node.lineno] + [d.lineno for d in getattr(node, "decorator_list", [])])
        if line not in there:
            yield "statement at line %d" % line


def keywords(calls, entry, items):
    """Arguments by name of the calls that say how an app runs."""
    texts = " ".join(item["text"] for item in items if item["kind"] == "option" and item["source"]["file"] == entry)
    for call in calls:
        for keyword in call.keywords:
            if keyword.arg is not None and keyword.arg + "=" not in texts:
                yield "option %s at line %d" % (keyword.arg, keyword.value.lineno)


def decorators(tree):
    return [d for node in tree.body for d in getattr(node, "decorator_list", []) if isinstance(d, ast.Call)]


def modal(tree, entry, folder, items):
    return keywords([d for d in decorators(tree) if last(d) in {"function", "cls"}], entry, items)


def flash(tree, entry, folder, items):
    made = [n.value for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)]
    return keywords([call for call in made + decorators(tree) if last(call) in {"Endpoint", "remote"}], entry, items)


def runpod(tree, entry, folder, items):
    there = lines_of(items, "option", entry)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and last(node) == "start" and node.args and isinstance(node.args[0], ast.Dict)):
            continue
        if "handler" not in [getattr(key, "value", None) for key in node.args[0].keys]:
            continue
        for key in node.args[0].keys:
            if key is not None and key.lineno not in there:
                yield "option %s at line %d" % (ast.unparse(key), key.lineno)
    yield from docker(folder, items)


def docker(folder, items):
    """Each instruction of the Dockerfile, where there is one only."""
    found = glob.glob(os.path.join(folder, "**", "Dockerfile"), recursive=True)
    if len(found) != 1:
        return
    name = os.path.relpath(found[0], folder)
    there = lines_of(items, "docker", name)
    with open(found[0], encoding="utf-8-sig") as file:
        lines = file.read().splitlines()
    heredoc, going_on = None, False
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if heredoc is not None:
            heredoc = None if text == heredoc else heredoc
            continue
        if text == "" or text.startswith("#"):
            continue
        if not going_on and number not in there:
            yield "%s: %s at line %d" % (name, text.split()[0], number)
        going_on = text.endswith("\\")
        opened = re.search(r"<<-?['\"]?(\w+)", text)
        heredoc = opened[1] if opened and not going_on else None


def cog(tree, entry, folder, items):
    """Keys of cog.yaml, and those below `build`."""
    name = os.path.join(os.path.dirname(entry), "cog.yaml")
    try:
        with open(os.path.join(folder, name), encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    there = {item["source"]["line"] for item in items if item["source"]["file"] == name}
    indent, inside = None, False
    for number, line in enumerate(lines, 1):
        key = re.match(r"( *)([A-Za-z_]+) *:", line)
        if not key:
            continue
        depth = len(key[1])
        if depth == 0:
            inside, indent = key[2] == "build", None
        elif inside and indent is None:
            indent = depth
        if depth == 0 and key[2] == "build":
            continue
        if (depth == 0 or (inside and depth == indent)) and number not in there:
            yield "%s: %s at line %d" % (name, key[2], number)


OWN = {"modal": modal, "runpod": runpod, "runpod-flash": flash, "cog": cog}


def unaccounted(source, case):
    tree = ast.parse(source)
    found = list(statements(tree, case["entry"], case["items"]))
    return found + list(OWN[case["kind"]](tree, case["entry"], case["folder"], case["items"]))
