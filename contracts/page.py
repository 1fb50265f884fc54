"""Writes what the JavaScript client and the web page take from the contracts: `python -m contracts.page`.

There is no build step, so the files are committed below `services/gateway/page/client/contracts/`. Browsers load
`events.js`, the names of all events that a person may be shown, and `operations.js`, where every operation is. The type
checker reads `events.d.ts`, what each event carries, `api.d.ts`, what the HTTP API takes and answers, and
`operations.d.ts`, a method for each operation, all from the committed OpenAPI document.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from contracts import catalogue
from contracts.envelope import Audience
from contracts.media.v1 import NodeNews, NodeNewsName
from contracts.page_operations import API, table, types
from contracts.page_types import Schema, comment, name_of, object_of, type_of
from contracts.room.v1 import REACTIONS

CONTRACTS: Final = Path(__file__).parent
TARGET: Final = CONTRACTS.parent / "services" / "gateway" / "page" / "client" / "contracts"
OPENAPI: Final = CONTRACTS / "openapi" / "gateway.json"

_NOTE: Final = "Written from the contracts by `make contracts`; do not edit."


def render() -> dict[str, str]:
    """Every generated file: name -> content."""
    document = json.loads(OPENAPI.read_text())
    return {
        "events.js": _names(),
        "events.d.ts": _events(),
        "api.d.ts": api(document),
        "operations.js": table(document, _NOTE),
        "operations.d.ts": types(document, set(document["components"]["schemas"]), _NOTE),
    }


def stale(target: Path = TARGET) -> Iterator[str]:
    """The generated files that are missing, out of date, or no longer generated."""
    wanted = render()
    found = {file.name: file.read_text() for file in target.glob("*")}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"{name} of the page is out of date: run `make contracts`"


def write(target: Path = TARGET) -> list[str]:
    """Write what changed and remove what is no longer generated; return the changed names."""
    wanted = render()
    changed = []
    target.mkdir(exist_ok=True)
    for name, content in wanted.items():
        file = target / name
        if not file.exists() or file.read_text() != content:
            file.write_text(content)
            changed.append(name)
    for file in target.glob("*"):
        if file.name not in wanted:
            file.unlink()
            changed.append(file.name)
    return changed


def shown() -> dict[str, type[BaseModel]]:
    """What a client that is no operator may be told, by the name under which it is told."""
    told: dict[str, type[BaseModel]] = {
        f"{context}.{name}": event
        for (context, name), event in catalogue.event_types().items()
        if event.audience - {Audience.OPERATORS, Audience.SERVERS}
    }
    return dict(sorted((told | dict.fromkeys(NodeNewsName, NodeNews)).items()))


def _names() -> str:
    names = "\n".join(f'  "{name}",' for name in shown())
    return (
        f"/** The events that a person may be shown. {_NOTE} */\n\n"
        f"export const EVENTS = Object.freeze([\n{names}\n]);\n"
    )


def _events() -> str:
    payloads, shared = [], dict[str, Schema]()
    for name, model in shown().items():
        schema = model.model_json_schema(mode="serialization", ref_template="{model}")
        for part, definition in schema.get("$defs", {}).items():
            if shared.setdefault(part, definition) != definition:
                raise ValueError(f"two contracts are named {part}; the page's types need different names")
        payloads.append(f'{comment(schema, "  ")}  "{name}": {object_of(schema, told=True, indent="  ")};')
    return (
        f"/** What the events carry that a person may be shown. {_NOTE} */\n\n"
        + "".join(_declaration(name, schema, told=True) for name, schema in sorted(shared.items()))
        + "export interface Payloads {\n"
        + "\n".join(payloads)
        + "\n}\n\nexport type EventName = keyof Payloads;\n\n"
        "/** An event as the page hands it on: its name beside what it carries. */\n"
        "export type LiveEvent<N extends EventName = EventName> = { [T in N]: Payloads[T] & { type: T } }[N];\n\n"
        "export const EVENTS: readonly EventName[];\n"
    )


def api(document: Mapping[str, Any]) -> str:
    """The types of an OpenAPI document. Raises ValueError for a value that has none on the page."""
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    taken, answered = set[str](), set[str]()
    for path, operations in document["paths"].items():
        if path.startswith(API):
            for operation in operations.values():
                taken |= reached(operation.get("requestBody"), schemas)
                answered |= reached(operation["responses"], schemas)
    reactions = " | ".join(json.dumps(name) for name in REACTIONS)
    return (
        f"/** What the HTTP API takes and answers. {_NOTE} */\n\n"
        "/** A reaction that instances take unless they are told otherwise. */\n"
        f"export type Reaction = {reactions};\n\n"
    ) + "".join(
        # An answer has every field; what is sent may leave out those with a default.
        _declaration(name, schemas[name], told=name not in taken)
        for name in sorted(taken | answered)
    )


def reached(part: Any, schemas: Mapping[str, Schema]) -> set[str]:
    """The names of all schemas that this part of the document refers to, however deep."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting.extend(one.values())
            name = name_of(one["$ref"]) if "$ref" in one else None
            if name is not None and name not in found:
                found.add(name)
                waiting.append(schemas[name])
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def _declaration(name: str, schema: Schema, *, told: bool) -> str:
    if "properties" in schema:
        return f"{comment(schema)}export interface {name} {object_of(schema, told=told)}\n\n"
    return f"{comment(schema)}export type {name} = {type_of(schema, told=told)};\n\n"


if __name__ == "__main__":
    for name in write():
        sys.stdout.write(f"{name}\n")
