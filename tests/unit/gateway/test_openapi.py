"""The description of the HTTP interface."""

from __future__ import annotations

from services.gateway.http import openapi


def test_the_description_needs_nothing_running_and_tells_of_every_error() -> None:
    document = openapi()
    assert document == openapi()
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            errors = {int(status) for status in operation["responses"] if status[0] in "45"}
            if path.startswith("/v1/"):
                assert {500, 503} <= errors, (method, path)
            if "requestBody" in operation:
                assert {400, 413, 415, 422} <= errors, (method, path)
            if "security" in operation:
                assert 401 in errors, (method, path)
            for status in errors:
                assert list(operation["responses"][str(status)]["content"]) == ["application/problem+json"]


def test_bodies_are_closed() -> None:
    schemas = openapi()["components"]["schemas"]
    for name in ("NewPerson", "NewSpace", "NewSession", "NewRequest", "NewRemoval", "NewReaction", "NewTip", "NewJar"):
        assert schemas[name]["additionalProperties"] is False
