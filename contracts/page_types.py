"""JSON Schema as TypeScript. Part of `contracts.page`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import cleandoc
from typing import Any, Final

_PLAIN: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}

Schema = Mapping[str, Any]


def object_of(schema: Schema, *, told: bool, indent: str = "") -> str:
    required = schema.get("required", ())
    fields = [
        f"{indent}  {name}{'' if told or name in required else '?'}: {type_of(field, told=told)};"
        for name, field in schema.get("properties", {}).items()
    ]
    if schema.get("additionalProperties") is True:
        fields.append(f"{indent}  [more: string]: unknown;")
    return "\n".join(["{", *fields, f"{indent}}}"])


def type_of(schema: Schema, *, told: bool) -> str:
    """The type of one value. Raises ValueError for a schema that has no equivalent here."""
    if "$ref" in schema:
        return name_of(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(type_of(one, told=told) for one in schema["anyOf"])
    match schema.get("type"):
        case "array" if "items" in schema:
            item = type_of(schema["items"], told=told)
            return f"({item})[]" if "|" in item else f"{item}[]"
        case "object" if "properties" in schema:
            return object_of(schema, told=told)
        case "object":
            values = schema.get("additionalProperties") or next(
                iter(schema.get("patternProperties", {}).values()), None
            )
            if isinstance(values, Mapping):
                return f"Record<string, {type_of(values, told=told)}>"
        case str(plain) if plain in _PLAIN:
            return _PLAIN[plain]
    raise ValueError(f"no type for the page is known for {json.dumps(schema)}")


def name_of(reference: str) -> str:
    return reference.rpartition("/")[2]


def comment(schema: Schema, indent: str = "") -> str:
    text = cleandoc(schema.get("description", "")).replace("*/", "* /")
    if not text:
        return ""
    lines = text.splitlines()
    if len(lines) == 1:
        return f"{indent}/** {text} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines) + f"{indent} */\n"
