"""Writes what the Python client takes from the contracts: `python -m contracts.client`.

The client installs alone, so the files are committed below `libs/client/rostrum_client/`: `models.py`, what the HTTP
API takes and answers; `events.py`, what live events carry; `operations/`, a class of methods for each subject, once as
plain functions and once as coroutines. They come from the committed OpenAPI document and from the types of events.
"""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from contracts import page
from contracts.servers import server_events

CONTRACTS: Final = Path(__file__).parent
TARGET: Final = CONTRACTS.parent / "libs" / "client" / "rostrum_client"

_NOTE: Final = "Written from the contracts by `make contracts`; do not edit."
_PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_GROUPS: Final = {
    "spaces": "spaces", "stage": "stage", "people": "people", "reminders": "reminders", "tips": "tips",
    "what was said": "recordings", "numbers": "spaces", "live events": "live", "moderation": "moderation",
    "operators": "operators", "server": "server",
}  # fmt: skip
"""The attribute of the client for each tag."""
LEFT_OUT: Final = {
    "whip": "WebRTC: a library that speaks WHIP does this",
    "whep": "WebRTC: a library that speaks WHEP does this",
    "trickle": "part of WHIP and WHEP",
    "hangUp": "part of WHIP and WHEP",
    "mediaOptions": "part of WHIP and WHEP",
    "whipOptions": "part of WHIP and WHEP",
    "whepOptions": "part of WHIP and WHEP",
    "getLivePlaylist": "HLS: players read it",
    "getLiveHeader": "HLS: players read it",
    "getLivePart": "HLS: players read it",
    "getLiveSegment": "HLS: players read it",
    "findSpacesByIds": "X API v2: clients of that API read it",
    "findSpacesByCreatorIds": "X API v2: clients of that API read it",
    "searchSpaces": "X API v2: clients of that API read it",
    "findSpaceById": "X API v2: clients of that API read it",
    "spaceBuyers": "X API v2: clients of that API read it",
    "spaceTweets": "X API v2: clients of that API read it",
    "getPodcast": "RSS: players of podcasts read it",
    "metrics": "Prometheus reads it",
    "takeToken": "part of signing in with a browser",
}
"""Operations that the client has no method for, and who does them instead."""
_SPLIT: Final = {"getSpace": (("get_space", "SpaceView", False), ("get_past_space", "PastSpace", True))}
"""Operations whose answer depends on whether `at` is given: a method each, with its answer."""

Schema = Mapping[str, Any]


def render() -> dict[str, str]:
    """Every generated file: name -> content."""
    document = json.loads(page.OPENAPI.read_text())
    files = {"models.py": _models(document), "events.py": _events(), **_operations(document)}
    return {name: _formatted(name, text) for name, text in files.items()}


def stale(target: Path = TARGET) -> Iterator[str]:
    """The generated files that are missing, out of date, or no longer generated."""
    wanted = render()
    kept = {f"operations/{file.name}" for file in (target / "operations").glob("*.py")} | {"models.py", "events.py"}
    for name in sorted(wanted.keys() | kept):
        file = target / name
        if not file.exists() or wanted.get(name) != file.read_text():
            yield f"{name} of the Python client is out of date: run `make contracts`"


def write(target: Path = TARGET) -> list[str]:
    """Write what changed and remove what is no longer generated; return the changed names."""
    (target / "operations").mkdir(parents=True, exist_ok=True)
    wanted = render()
    changed = [
        name for name, text in wanted.items() if not (target / name).exists() or (target / name).read_text() != text
    ]
    for name in changed:
        (target / name).write_text(wanted[name])
    for file in (target / "operations").glob("*.py"):
        if f"operations/{file.name}" not in wanted:
            file.unlink()
            changed.append(f"operations/{file.name}")
    return changed


def _formatted(name: str, text: str) -> str:
    ruff, place = [sys.executable, "-m", "ruff"], ["--quiet", "--stdin-filename", str(TARGET / name), "-"]
    for step in (["check", "--fix"], ["format"]):
        done = subprocess.run([*ruff, *step, *place], input=text, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise ValueError(f"{name} cannot be formatted: {done.stderr}")
        text = done.stdout
    return text


# ---- types --------------------------------------------------------------------------------------------------------


def _type(schema: Schema) -> str:
    """The type of one value. Raises ValueError for a schema that has no equivalent here."""
    if "$ref" in schema:
        return _name(schema["$ref"])
    if "const" in schema:
        return f"Literal[{json.dumps(schema['const'])}]"
    if "enum" in schema:
        return f"Literal[{', '.join(json.dumps(value) for value in schema['enum'])}]"
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    match schema.get("type"):
        case "string" if schema.get("format") == "date-time":
            return "datetime"
        case "array":
            return f"tuple[{_type(schema['items'])}, ...]"
        case "object":
            patterns = list(schema.get("patternProperties", {}).values())
            values = schema.get("additionalProperties") or (patterns[0] if patterns else None)
            return f"dict[str, {_type(values) if isinstance(values, Mapping) else 'Any'}]"
        case str(plain) if plain in _PLAIN:
            return _PLAIN[plain]
        case None if not {key for key in schema if key not in ("title", "description", "default")}:
            return "Any"
    raise ValueError(f"no type for the client is known for {json.dumps(schema)}")


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _declaration(name: str, schema: Schema, *, sent: bool, base: str = "Model") -> str:
    if "enum" in schema:
        doc = _doc(schema.get("description", ""))
        values = _type(schema)
        # A newer server may answer with a value that is not known here.
        return f"{name} = {values if sent else f'{values} | str'}\n{doc}\n\n"
    fields = []
    for field, value in schema.get("properties", {}).items():
        kind, default = _type(value), ""
        if field not in schema.get("required", ()):
            given = value.get("default")
            if isinstance(given, dict):
                made = f"{kind}.model_validate({given!r})" if "$ref" in value else repr(given)
                default = f" = Field(default_factory=lambda: {made})"
            else:
                default = f" = {tuple(given) if isinstance(given, list) else given!r}"
            if given is None and "None" not in kind.split(" | "):
                kind += " | None"
        if not sent and "Literal" in kind and "const" not in value:
            kind += " | str"
        fields.append(f"    {field}: {kind}{default}\n{_doc(value.get('description', ''), '    ')}")
    about = _doc(schema.get("description", ""), "    ")
    return f"class {name}({base}):\n{about}{''.join(fields) or '    pass'}\n\n"


def _doc(text: str, indent: str = "") -> str:
    lines = cleandoc(text).replace("\\", "\\\\").replace('"""', "'''").splitlines()
    if not lines:
        return ""
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n'
    return (
        f'{indent}"""{lines[0]}\n' + "".join(f"{indent}{line}".rstrip() + "\n" for line in lines[1:]) + f'{indent}"""\n'
    )


_HEAD: Final = (
    "from __future__ import annotations\n\nfrom datetime import datetime\nfrom typing import Any, Literal\n\n"
    "from pydantic import Field\n\nfrom rostrum_client.model import Model\n\n"
)


def _models(document: Mapping[str, Any]) -> str:
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    sent, answered = set[str](), set[str]()
    for _, _, operation in operations(document):
        sent |= page.reached(operation.get("requestBody"), schemas)
        answered |= page.reached(operation["responses"], schemas)
    names = sorted(sent | answered)
    enums = [name for name in names if "enum" in schemas[name]]
    ordered = enums + [name for name in names if name not in enums]
    return f'"""What the HTTP API takes and answers. {_NOTE}"""\n\n{_HEAD}' + "".join(
        _declaration(name, schemas[name], sent=name in sent and name not in answered) for name in ordered
    )


def _events() -> str:
    """What a person or a server may be told."""
    told: dict[str, type[BaseModel]] = {str(name): kind for name, kind in {**server_events(), **page.shown()}.items()}
    shared: dict[str, Schema] = {}
    classes: dict[str, str] = {}
    for name, model in sorted(told.items()):
        schema = model.model_json_schema(mode="serialization", ref_template="{model}")
        shared |= schema.get("$defs", {})
        classes[name] = _class_of(name)
        shared[classes[name]] = {**schema, "$event": True}
    names = sorted(shared)
    enums = [name for name in names if "enum" in shared[name]]
    known = "\n".join(f'    "{name}": {kind},' for name, kind in classes.items())
    return (
        f'"""What live events carry. {_NOTE}"""\n\n{_HEAD}'
        + "".join(_declaration(name, shared[name], sent=False) for name in enums)
        + "".join(
            _declaration(name, shared[name], sent=False, base="EventData" if "$event" in shared[name] else "Model")
            for name in names
            if name not in enums
        )
        + f"EVENTS: dict[str, type[EventData]] = {{\n{known}\n}}\n"
        '"""What each event carries, by its name."""\n'
    ).replace("import Model\n", "import EventData, Model\n")


def _class_of(name: str) -> str:
    return "".join(part.title() for part in re.split(r"[._]", name))


# ---- operations ---------------------------------------------------------------------------------------------------


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The operations that the client has: method, address, and what the document says of it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] not in LEFT_OUT:
                yield method.upper(), path, operation


def group_of(operation: Mapping[str, Any]) -> str:
    """The attribute of the client that has the method."""
    return next(_GROUPS[tag] for tag in operation["tags"] if tag in _GROUPS)


def methods_of(operation: Mapping[str, Any]) -> list[str]:
    """The names of the methods for an operation."""
    id = operation["operationId"]
    if id in _SPLIT:
        return [name for name, _, _ in _SPLIT[id]]
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", id).lower()
    return [name.removeprefix("server_") if group_of(operation) == "server" else name]


def _operations(document: Mapping[str, Any]) -> dict[str, str]:
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for method, path, operation in operations(document):
        groups.setdefault(group_of(operation), []).append((method, path, operation))
    files = {f"operations/{name}.py": _group(name, found) for name, found in sorted(groups.items())}
    names = sorted(groups)
    every = "".join(
        f"from rostrum_client.operations.{name} import Async{name.title()}, {name.title()}\n" for name in names
    )
    listed = ", ".join(f'"Async{name.title()}", "{name.title()}"' for name in names)
    files["operations/__init__.py"] = (
        f'"""What can be asked and ordered, by subject. {_NOTE}"""\n\n{every}\n__all__ = [{listed}]\n'
    )
    return files


def _group(name: str, found: list[tuple[str, str, dict[str, Any]]]) -> str:
    def body(asynchronous: bool) -> str:
        return "".join(text for one in found for text in _methods(*one, asynchronous=asynchronous))

    title = name.title()
    return (
        f'"""Operations on {name}. {_NOTE}"""\n\n'
        "from __future__ import annotations\n\nfrom collections.abc import Iterable\nfrom datetime import datetime\n"
        "from typing import Any, Literal\n\nfrom rostrum_client import models as m\n"
        "from rostrum_client.request import Calls, AsyncCalls, Request, quoted\n"
        "from rostrum_client.streams import AsyncEventStream, EventStream\n\n\n"
        f'class {title}:\n    """Asks and waits."""\n\n'
        f"    def __init__(self, calls: Calls) -> None:\n        self._calls = calls\n\n{body(False)}\n\n"
        f'class Async{title}:\n    """The same as coroutines."""\n\n'
        f"    def __init__(self, calls: AsyncCalls) -> None:\n        self._calls = calls\n\n{body(True)}"
    )


def _methods(method: str, path: str, operation: dict[str, Any], *, asynchronous: bool) -> Iterator[str]:
    answer = _answer(operation)
    if operation["operationId"] in _SPLIT:
        for name, kind, has_at in _SPLIT[operation["operationId"]]:
            left = [one for one in operation["parameters"] if one["name"] != "at" or has_at]
            must = [{**one, "required": one["required"] or one["name"] == "at"} for one in left]
            yield _method(name, method, path, {**operation, "parameters": must}, f"m.{kind}", asynchronous=asynchronous)
    else:
        (name,) = methods_of(operation)
        yield _method(name, method, path, operation, answer, asynchronous=asynchronous)


def _answer(operation: Mapping[str, Any]) -> str:
    """The type of a good answer."""
    for status, response in sorted(operation["responses"].items()):
        if status[0] == "2":
            content = response.get("content", {})
            if status == "204":
                return "None"
            if "text/event-stream" in content:
                return "EventStream"
            schema = content.get("application/json", {}).get("schema")
            if len(content) == 1 and schema is not None:
                return _named(_type(schema)) if schema else "None"
            return "bytes"
    raise ValueError(f"{operation['operationId']} has no good answer")


def _named(kind: str) -> str:
    """A type with the module of the models before their names."""
    return re.sub(r"\b(?!Literal|Any|None)([A-Z]\w+)\b(?=([^\"]*\"[^\"]*\")*[^\"]*$)", r"m.\1", kind)


def _method(name: str, method: str, path: str, operation: Mapping[str, Any], answer: str, *, asynchronous: bool) -> str:
    arguments, query, doc = ["self"], [], [cleandoc(operation.get("description") or operation["summary"])]
    named: list[str] = []
    for one in operation.get("parameters", ()):
        python = _python(one["name"])
        if one["in"] == "path":
            arguments.append(f"{python}: str")
        elif one["in"] == "query" and one["name"] not in ("access_token", "link", "last_event_id"):
            kind = _named(_type(one["schema"]))
            if one["required"]:
                (arguments if one["name"] == "subject" else named).append(f"{python}: {kind}")
            else:
                default = one["schema"].get("default")
                named.append(
                    f"{python}: {kind} = {default!r}" if default is not None else f"{python}: {_optional(kind)} = None"
                )
            query.append(f'"{one["name"]}": {python}')
    parts = [f'"{method}"', f'{"f" if "{" in path else ""}"{_template(path)}"']
    if query:
        parts.append(f"query={{{', '.join(query)}}}")
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        if "application/json" in content:
            kind = _named(_type(content["application/json"]["schema"]))
            optional = "None" in kind
            arguments.append(f"body: {kind}{' = None' if optional else ''}")
            parts.append("body=body")
        else:
            arguments.append("body: bytes | str")
            if len(content) > 1:
                arguments.append(f"media_type: Literal[{', '.join(map(json.dumps, content))}]")
                parts.append("content=body, media_type=media_type")
            else:
                parts.append(f'content=body, media_type="{next(iter(content))}"')
    if answer == "EventStream":
        named.append("last_event_id: str | None = None")
        stream = "AsyncEventStream" if asynchronous else "EventStream"
        call = f"return self._calls.follow(Request({', '.join(parts)}), last_event_id)"
        head = f"    def {name}({', '.join([*arguments, '*', *named])}) -> {stream}:\n"
    else:
        if method != "GET":
            named.append("idempotency_key: str | None = None")
            parts.append("key=idempotency_key")
        sends = {"None": "nothing", "bytes": "content"}.get(answer, "answer")
        awaits = "await " if asynchronous else ""
        kind = "" if sends != "answer" else f", {answer}"
        returns = "" if answer == "None" else "return "
        call = f"{returns}{awaits}self._calls.{sends}(Request({', '.join(parts)}){kind})"
        star = ["*"] if named else []
        head = (
            f"    {'async ' if asynchronous else ''}def {name}({', '.join([*arguments, *star, *named])}) -> {answer}:\n"
        )
    return f"{head}{_doc(doc[0], '        ')}        {call}\n\n"


def _optional(kind: str) -> str:
    return kind if "None" in kind.split(" | ") else f"{kind} | None"


def _python(name: str) -> str:
    plain = re.sub(r"\W", "_", name).lower()
    return f"{plain}_" if keyword.iskeyword(plain) or plain == "format" else plain


def _template(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda found: "{quoted(" + _python(found.group(1)) + ")}", path)


if __name__ == "__main__":
    for name in write():
        sys.stdout.write(f"libs/client/rostrum_client/{name}\n")
