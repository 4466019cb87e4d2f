"""Inputs that an endpoint takes, by its OpenAPI schema."""

import json
import re

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def resolve(schema, root):
    while "$ref" in schema:
        schema = root["components"]["schemas"][schema["$ref"].split("/")[-1]]
    return schema


def sample(schema, root, name=""):
    """A value that the schema takes."""
    schema = resolve(schema, root)
    if "anyOf" in schema:
        return sample(next((one for one in schema["anyOf"] if one.get("type") != "null"), {}), root, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        if schema.get("title") in ("File", "Image", "Audio", "Video"):
            return "data:image/png;base64," + PIXEL
        return {key: sample(one, root, key) for key, one in schema.get("properties", {}).items()}
    if kind == "array":
        if "prefixItems" in schema:
            return [sample(one, root, name) for one in schema["prefixItems"]]
        return [sample(schema.get("items", {}), root, name)] * max(1, schema.get("minItems", 1))
    if kind == "integer":
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return int(min(max(low, 1) + ("exclusiveMinimum" in schema), schema.get("maximum", 2**31)))
    if kind == "number":
        return float(min(max(schema.get("minimum", 0), 1), schema.get("maximum", 2**31)))
    if kind == "boolean":
        return True
    return text_for(name)[: schema.get("maxLength", 100)].ljust(schema.get("minLength", 0), "x")


def text_for(name):
    """A text that may be what the name says."""
    words = name.lower()
    if "b64" in words or "base64" in words:
        return PIXEL
    return "https://host.example/file.png" if re.search("ur[il]$", words) else "sample " + name


def known_inputs(samples, path, document):
    """The samples of the source; else one input with what is required, one with everything, by the schema, and one with numbers where it names no type."""
    if samples:
        return samples
    body = document["paths"][path]["post"].get("requestBody")
    if body is None:
        return [{}]
    schema = resolve(body["content"]["application/json"]["schema"], document)
    fields = schema.get("properties", {})
    if "pattern" in json.dumps(fields):
        fields = {key: value for key, value in fields.items() if "pattern" not in json.dumps(value) or key in schema.get("required", [])}
    least = {key: sample(fields[key], document, key) for key in schema.get("required", []) if key in fields}
    most = {key: sample(value, document, key) for key, value in fields.items()}
    untyped = {key: 3 for key in most if not {"type", "anyOf", "enum", "const", "$ref"} & fields[key].keys()}
    inputs = [least]
    for more in (most, {**most, **untyped}):
        if more not in inputs:
            inputs.append(more)
    return inputs
