"""What the JavaScript client knows of the HTTP API's operations: their names, addresses and types.

`operations.js` is a table that the client reads, `operations.d.ts` gives each operation a method. Part of
`contracts.page`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.page_types import comment, type_of

API: Final = "/v1/"
"""The part of the HTTP API that the client has."""
_JSON: Final = "application/json"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    id: str
    method: str
    address: str
    about: str
    path: tuple[str, ...]
    """Names of the parameters in the address, in their order."""
    query: tuple[Mapping[str, Any], ...]
    sends: str | None
    """Media type of the body: None where there is none, empty where there are several."""
    body: Schema | None
    """The schema of a JSON body."""
    optional: bool
    """Whether the body may be left out."""
    answer: str | None
    """The type of a JSON answer, `null` where there is none, and None for everything else."""


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """The operations that the client has, by name."""
    found = [
        _read(address, method, operation)
        for address, methods in document["paths"].items()
        if address.startswith(API)
        for method, operation in methods.items()
    ]
    yield from sorted(found, key=lambda one: one.id)


def _read(address: str, method: str, operation: Mapping[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get(_JSON, {}).get("schema")
    parameters = operation.get("parameters", ())
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        address=address,
        about=operation.get("description") or operation["summary"],
        path=tuple(one["name"] for one in parameters if one["in"] == "path"),
        query=tuple(one for one in parameters if one["in"] == "query"),
        sends=None if not content else next(iter(content)) if len(content) == 1 else "",
        body=body,
        optional=body is not None and {"type": "null"} in body.get("anyOf", ()),
        answer=_answer(operation["responses"]),
    )


def _answer(responses: Mapping[str, Any]) -> str | None:
    for status in sorted(responses):
        if status[0] == "2":
            content = responses[status].get("content", {})
            if not content or content.get(_JSON, {}).get("schema") == {}:
                return "null"
            return type_of(content[_JSON]["schema"], told=True) if list(content) == [_JSON] else None
    raise ValueError("an operation has no good answer")


def table(document: Mapping[str, Any], note: str) -> str:
    """`operations.js`."""
    rows = []
    for one in operations(document):
        sends = {None: "", _JSON: "json", "": "*"}.get(one.sends, one.sends)
        row = [one.method, one.address, sends, "raw" if one.answer is None else ""]
        while not row[-1]:
            row.pop()
        rows.append(f"  {one.id}: {json.dumps(row)},")
    return (
        f"/** Every operation of the HTTP API. {note} */\n\n"
        "/**\n * By name: method, address, what it sends (`json`, a media type, `*` for one of several) and `raw`\n"
        " * where its answer is not JSON.\n *\n * @type {Readonly<Record<string, readonly string[]>>}\n */\n"
        "export const OPERATIONS = Object.freeze({\n" + "\n".join(rows) + "\n});\n"
    )


def types(document: Mapping[str, Any], known: set[str], note: str) -> str:
    """`operations.d.ts`; `known` are the names that `api.d.ts` has."""
    calls, addresses, used = [], [], set[str]()
    for one in operations(document):
        path = [f"{name}: string" for name in one.path]
        query = _query(one)
        must = any(parameter["required"] for parameter in one.query)
        given = list(path)
        if one.body is not None:
            given.append(f"body{'?' if one.optional and not must else ''}: {type_of(one.body, told=False)}")
        elif one.sends is not None:
            given.append("body: string | Blob")
        mark = "" if must else "?"
        given.append(f"options{mark}: Options{f' & {{ query{mark}: {query} }}' if query else ''}")
        answer = "Response" if one.answer is None else one.answer
        about = comment({"description": one.about}, "  ")
        call = f"{one.id}({', '.join(given)}): Promise<{answer}>;"
        used |= known & set(re.findall(r"\w+", call))
        calls.append(f"{about}  {call}")
        if one.method == "GET":
            asks = [*path, *([f"query{mark}: {query}"] if query else [])]
            addresses.append(f"  {one.id}({', '.join(asks)}): string;")
    body = "\n".join(calls)
    imported = "\n".join(f"  {name}," for name in sorted(used))
    return (
        f"/** What the HTTP API's operations take and answer. {note} */\n\n"
        f'import type {{\n{imported}\n}} from "./api.js";\n\n'
        "/** What can be said of any call. */\n"
        "export interface Options {\n"
        "  /** `Idempotency-Key` of a command; a fresh one by default. */\n  key?: string;\n"
        "  /** Not again where nobody answers. */\n  once?: boolean;\n"
        "  /** Only the head of the answer to a GET. */\n  head?: boolean;\n"
        "  /** Also while the page goes away. */\n  keepalive?: boolean;\n"
        "  /** In milliseconds. */\n  timeout?: number;\n"
        "  /** As whose it is, instead of the client's; null: as nobody. */\n  token?: string | null;\n"
        "}\n\n"
        "/** A method for each operation. */\n"
        f"export interface Calls {{\n{body}\n}}\n\n"
        "/** Where each of them is, for what asks by itself: live events, audio elements, downloads. */\n"
        "export interface Addresses {\n" + "\n".join(addresses) + "\n}\n\n"
        "export const OPERATIONS: Readonly<Record<string, readonly string[]>>;\n"
    )


def _query(one: Operation) -> str:
    fields = [
        f"{json.dumps(each['name']) if not each['name'].isidentifier() else each['name']}"
        f"{'' if each['required'] else '?'}: {_may_lack(each)}"
        for each in one.query
    ]
    return f"{{ {'; '.join(fields)} }}" if fields else ""


def _may_lack(parameter: Mapping[str, Any]) -> str:
    kind = type_of(parameter["schema"], told=False)
    if parameter["required"]:
        return kind
    return " | ".join(dict.fromkeys([*kind.split(" | "), "null", "undefined"]))
