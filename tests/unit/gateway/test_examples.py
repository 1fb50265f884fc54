"""Every operation of the HTTP interface is shown by an example that is true."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from pydantic import TypeAdapter

from services.gateway.http import _app, openapi

WITHOUT = {
    "application/zip",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/iso.segment",
}
"""What is no text."""


@cache
def document() -> dict[str, Any]:
    return openapi()


def shown(content: dict[str, Any]) -> list[Any]:
    """The examples of one kind of body or answer."""
    named = [one["$ref"].rpartition("/")[2] for one in content.get("examples", {}).values()]
    own = [content["example"]] if "example" in content else []
    return [document()["components"]["examples"][name]["value"] for name in named] + own


def faults_of(value: Any, schema: dict[str, Any]) -> list[str]:
    """What a schema of the document finds wrong with a value."""
    whole = {**schema, "components": document()["components"]}
    found = jsonschema_rs.Draft202012Validator(whole, validate_formats=True).iter_errors(value)
    return [str(fault.message) for fault in found]


def contents() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each kind of body and of good answer: its operation, its media type, and what the document says of it."""
    for path in document()["paths"].values():
        for operation in path.values():
            answers = [answer for status, answer in operation["responses"].items() if status[0] == "2"]
            for part in (operation.get("requestBody", {}), *answers):
                for media, content in part.get("content", {}).items():
                    if content.get("schema"):
                        yield operation["operationId"], media, content


def test_every_operation_has_examples_of_what_it_takes_and_answers() -> None:
    without = {(id, media) for id, media, content in contents() if not shown(content) and media not in WITHOUT}
    assert without == set()
    for address, path in document()["paths"].items():
        for method, operation in path.items():
            for one in operation.get("parameters", ()):
                if one["required"]:
                    examples = [one["example"]] if "example" in one else one["schema"].get("examples", [])
                    assert examples, (method, address, one["name"])
                    assert [faults_of(value, one["schema"]) for value in examples] == [[] for _ in examples]


def test_every_example_is_what_its_schema_says() -> None:
    for id, media, content in contents():
        for value in shown(content):
            assert faults_of(value, content["schema"]) == [], (id, media)
    schemas = document()["components"]["schemas"]
    assert faults_of(schemas["Problem"]["examples"][0], schemas["Problem"]) == []


def test_the_models_of_the_contracts_take_the_examples_of_answers_and_bodies() -> None:
    looked_at = 0
    paths = document()["paths"]
    for route in _app().state.routes:
        if not route.include_in_schema:
            continue
        operation = paths[route.path_format][min(route.methods).lower()]
        answers = [
            one["content"] for status, one in operation["responses"].items() if status[0] == "2" and "content" in one
        ]
        answer = answers[0].get("application/json") if answers else None
        if route.response_model is not None and answer:
            for value in shown(answer):
                TypeAdapter(route.response_model).validate_python(value)
                looked_at += 1
        if route.body_field is not None:
            for value in shown(operation["requestBody"]["content"]["application/json"]):
                TypeAdapter(route.body_field.field_info.annotation).validate_python(value)
                looked_at += 1
    assert looked_at > 150
