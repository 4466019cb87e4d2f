"""Compares what a source asks for with what its converted apps offer, as their OpenAPI says."""

from reading import Server, types_of, value_of

# Where "1" must stay refused, the model says so itself; both are whole numbers to a caller.
FILES = {"File", "Image", "Audio", "Video"}


def endpoints_of(document):
    """Path → the input's schema, its fields, and what would be taken from the query."""
    schemas = document.get("components", {}).get("schemas", {})
    paths = {}
    for path, verbs in document["paths"].items():
        if "post" not in verbs or path == "/health":
            continue
        post = verbs["post"]
        schema = post.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if "$ref" in schema:
            schema = schemas[schema["$ref"].split("/")[-1]]
        query = [p["name"] for p in post.get("parameters", []) if p["in"] == "query"]
        paths[path] = {"fields": schema.get("properties", {}), "required": set(schema.get("required", [])), "query": query, "schemas": schemas}
    return paths


def offered(schema, schemas):
    """(types, choices, limits) of a field's schema, without null."""
    types, choices, limits = set(), [], {}
    stack = [schema]
    while stack:
        at = stack.pop()
        for name in ("minimum", "maximum", "minLength", "maxLength", "pattern"):
            if name in at:
                limits[name] = at[name]
        if "$ref" in at:
            at = schemas[at["$ref"].split("/")[-1]]
        if at.get("title") in FILES:
            types.add("file")
            continue
        stack.extend(at.get("anyOf", []) + at.get("allOf", []))
        choices.extend(at.get("enum", []) + ([at["const"]] if "const" in at else []))
        if "type" in at and at["type"] != "null":
            types.add(at["type"])
    return types, choices, limits


def wrong_field(name, want, there, constants=None):
    schema = there["fields"][name]
    if want.certain and want.required != (name in there["required"]):
        yield "%s is %srequired" % (name, "" if name in there["required"] else "not ")
    types, choices, limits = offered(schema, there["schemas"])
    wanted = types_of(want.annotation)
    if wanted and types and not (types <= wanted or (types <= {"integer", "number"} and "number" in wanted) or (types == {"string"} and wanted == {"file"})):
        yield "%s is %s, not %s" % (name, sorted(types), sorted(wanted))
    if want.default is not None:
        try:
            value = value_of(want.default, constants)
        except (ValueError, TypeError, SyntaxError):
            value = None  # computed; the app has it from the source itself
        if value is not None and value is not Ellipsis and not isinstance(value, (bytes, tuple, set)):
            if "default" not in schema or schema["default"] != value:
                yield "%s has the default %r, not %r" % (name, schema.get("default"), value)
    for limit, value in want.values.items():
        if limit == "enum" and sorted(map(str, choices)) != sorted(map(str, value)):
            yield "%s has the choices %s, not %s" % (name, choices, value)
        elif limit != "enum" and limits.get(limit) != value:
            yield "%s has the %s %r, not %r" % (name, limit, limits.get(limit), value)


def wrong_endpoint(want, there, open_model):
    if want is None:
        return []
    wrong = ["%s is missing" % name for name in want if name not in there["fields"]]
    if not open_model:
        wrong += ["%s is not of the source" % name for name in there["fields"] if name not in want]
    for name, field in want.items():
        if name in there["fields"]:
            wrong += wrong_field(name, field, there)
    return wrong


def compare(expected, documents, functions):
    """Wrong endpoints and fields, in words. `functions`: names of what serves a port."""
    wrong = []
    found = [endpoints_of(document) for document in documents]
    for want in expected:
        if isinstance(want, Server):
            if not any(want.name.lower() in name.lower() for name in functions):
                wrong.append("no server for %s" % want.name)
            continue
        if not any(set(paths) == set(want.paths) for paths in found):
            wrong.append("%s wants %s, there is %s" % (want.name, sorted(want.paths), [sorted(paths) for paths in found]))
            continue
        for path, fields in want.paths.items():
            tried = [wrong_endpoint(fields, paths[path], want.open) for paths in found if path in paths]
            best = min(tried, key=len)
            wrong += ["%s %s: %s" % (want.name, path, line) for line in best]
    for paths in found:
        for path, there in paths.items():
            if there["query"]:
                wrong.append("%s takes %s from the query" % (path, there["query"]))
    return wrong
