"""One trace from the client's request through NATS to whoever answers, and a line of log that names it."""

from __future__ import annotations

import logging

import pytest

from contracts.people.v1 import Person, PersonQuery
from libs.ids import new_id
from libs.refusal import Refusal
from libs.telemetry import configure_traces, trace_id
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.conftest import Running
from tests.support.waiting import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def four_of(lines: list[logging.LogRecord]) -> list[logging.LogRecord] | None:
    """All of them, once they are so many."""
    return lines if len(lines) >= 4 else None


async def test_a_trace_goes_from_the_client_to_the_last_service(
    gateway: Running, behind: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    configure_traces("test")
    seen: list[str | None] = []

    async def answer(query: PersonQuery) -> Person:
        seen.append(trace_id())
        raise Refusal("person_unknown", "There is no such person.")

    behind.on(PersonQuery, answer)
    person_id = new_id()
    path = f"/v1/people/{person_id}"
    async with gateway.client() as client:
        with caplog.at_level(logging.INFO, "rostrum.access"):
            told = await client.http.get(path, headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
            assert told.json()["trace_id"] == TRACE
            assert seen == [TRACE]
            again = await client.http.get(path)
            assert again.json()["trace_id"] == seen[1] != TRACE
            assert (await client.http.get(path, headers={"traceparent": "nonsense"})).status_code == 404
            # This route takes no token in its address; who sends one there by mistake must not find it in the log.
            assert (await client.http.get(path + "?access_token=secret")).status_code == 422
            # A line follows its answer.
            lines = await eventually(lambda: four_of([one for one in caplog.records if one.name == "rostrum.access"]))
    assert [line.getMessage() for line in lines] == [
        *["GET /v1/people/{person_id} 404"] * 3,
        "GET /v1/people/{person_id} 422",
    ]
    assert all(line.path == path for line in lines)  # type: ignore[attr-defined]
    assert "secret" not in caplog.text
