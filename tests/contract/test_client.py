"""The Python client has what the contracts say, and nothing else."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import rostrum_client
from rostrum_client import operations
from rostrum_client.request import Request

from contracts import client, page

DOCUMENT: dict[str, Any] = json.loads(page.OPENAPI.read_text())
EXAMPLES = Path(client.CONTRACTS) / "examples"


class Recorder:
    """Stands where requests are made, and keeps what would be sent."""

    def __init__(self) -> None:
        self.request: Request | None = None

    def answer(self, request: Request, kind: Any) -> None:
        self.request = request

    def content(self, request: Request) -> None:
        self.request = request

    nothing = content

    def follow(self, request: Request, last_event_id: str | None) -> None:
        self.request = request


def every() -> Iterator[tuple[str, str, dict[str, Any], str, str]]:
    for method, path, operation in client.operations(DOCUMENT):
        for name in client.methods_of(operation):
            yield method, path, operation, client.group_of(operation), name


def test_what_is_committed_is_what_the_contracts_say() -> None:
    assert list(client.stale()) == []


def test_every_operation_has_a_method_or_is_left_out_for_a_reason() -> None:
    known = {operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()}
    assert set(client.LEFT_OUT) <= known
    expected = {(group, name) for _, _, _, group, name in every()}
    for prefix in ("", "Async"):
        found = {
            (group, name)
            for group in {group for group, _ in expected}
            for name in vars(getattr(operations, prefix + group.title()))
            if not name.startswith("_")
        }
        assert found == expected
    for made in (rostrum_client.Rostrum("http://x"), rostrum_client.AsyncRostrum("http://x")):
        assert {group for group, _ in expected} <= set(vars(made))


@pytest.mark.parametrize("prefix", ["", "Async"])
async def test_methods_ask_for_addresses_and_parameters_that_exist(prefix: str) -> None:
    for method, path, operation, group, name in every():
        recorder = Recorder()
        call = getattr(getattr(operations, prefix + group.title())(recorder), name)
        given: dict[str, str | None] = {
            one.name: "a/b" if one.kind is one.POSITIONAL_OR_KEYWORD and one.default is one.empty else "x"
            for one in inspect.signature(call).parameters.values()
        }
        given = {key: (None if key == "body" else value) for key, value in given.items()}
        if inspect.iscoroutinefunction(call):
            with pytest.raises(TypeError):  # a recorder answers at once
                await call(**given)
        else:
            call(**given)
        assert recorder.request is not None, name
        sent = recorder.request
        names = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        expected = path
        for one in names:
            expected = expected.replace("{" + one + "}", "a%2Fb")
        assert (sent.method, sent.path) == (method, expected)
        known = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        assert set(sent.query) <= known
        assert known - set(sent.query) <= {"access_token", "link", "last_event_id", "at"}


def test_every_type_can_be_made() -> None:
    for module in (operations,):
        for name in module.__all__:
            for method in vars(getattr(module, name)).values():
                if inspect.isfunction(method) and method.__name__ != "__init__":
                    get_type_hints(method)


def test_events_as_they_were_told_at_any_time_are_read() -> None:
    for name, kind in rostrum_client.events.EVENTS.items():
        context, _, event = name.partition(".")
        folder = EXAMPLES / f"{context}.v1" / "".join(part.title() for part in event.split("_"))
        for file in sorted(folder.glob("*.json")):
            said = json.loads(file.read_text())
            if "sealed" not in file.read_text():
                assert isinstance(kind.model_validate(said), rostrum_client.model.EventData), file
