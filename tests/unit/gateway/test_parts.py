"""The gateway's parts that need nothing to run."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.bus import Refusal
from libs.ids import is_id, made_at
from services.gateway.app.frames import Frame, Position
from services.gateway.app.pace import Pace
from services.gateway.app.stream import Client, Ending
from services.gateway.http import openapi
from services.gateway.http.caller import derived_id
from services.gateway.http.replays import parse_range
from services.gateway.projection import Viewer

_X = Frame(None, "x", "{}")


@given(st.text(max_size=60))
def test_any_text_is_a_position_or_none(text: str) -> None:
    position = Position.read(text)
    assert position is None or Position.read(str(position)) == position


def test_a_position_reads_as_it_is_written() -> None:
    assert Position.read("19b1c-42") == Position("19b1c", 42)
    for wrong in ("", "42", "-42", "a-", "a-x", "a--1", "a-1.5", "a-" + "9" * 30, "a-٤"):
        assert Position.read(wrong) in (None, Position("a-", 1)), wrong


@given(st.text(max_size=40), st.integers(0, 10**9))
def test_any_range_lies_inside(header: str, size: int) -> None:
    part = parse_range(f"bytes={header}", size)
    if part is not None and part != "none":
        assert 0 <= part[0] < part[1] <= size


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=90-", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=50-1000", (50, 100)),
        ("bytes=100-", "none"),
        ("bytes=-0", "none"),
        ("bytes=9-5", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
    ],
)
def test_ranges(header: str, part: object) -> None:
    assert parse_range(header, 100) == part


@given(st.text(), st.text())
def test_a_derived_id_is_an_id_of_a_plausible_time(actor: str, key: str) -> None:
    made = derived_id("space", actor, key)
    assert made == derived_id("space", actor, key)
    assert is_id(made)
    assert 2004 <= made_at(made).year <= 2040


def test_derived_ids_do_not_run_together() -> None:
    assert derived_id("a", "bc") != derived_id("ab", "c")


def test_a_bucket_fills_again() -> None:
    now = 0.0
    pace = Pace(2, 3, lambda: now)
    for _ in range(3):
        pace.take("ada")
    with pytest.raises(Refusal, match="too_many_requests"):
        pace.take("ada")
    pace.take("eve")
    now = 0.6
    pace.take("ada")
    with pytest.raises(Refusal):
        pace.take("ada")


async def test_a_client_is_spared_what_it_has() -> None:
    client = Client(Viewer(), 10)
    for sequence, version in ((1, 5), (2, 0), (3, 6), (4, 7)):
        client.offer(sequence, version, Frame(Position("e", sequence), "x", "{}"))
    client.after_version, client.after_sequence = 6, 1
    taken = await client.take(1)
    assert [frame.message for frame in taken or ()] == [
        '{"id":"e-2","event":"x","data":{}}', '{"id":"e-4","event":"x","data":{}}'
    ]  # fmt: skip
    assert await client.take(0.01) == []


def test_what_is_told_is_written_for_either_way() -> None:
    there = Frame(Position("e", 2), "room.muted", '{"a":1}')
    assert there.sent == b'id: e-2\nevent: room.muted\ndata: {"a":1}\n\n'
    assert json.loads(there.message) == {"id": "e-2", "event": "room.muted", "data": {"a": 1}}
    assert (_X.sent, _X.message) == (b"event: x\ndata: {}\n\n", '{"event":"x","data":{}}')


async def test_a_full_queue_ends_a_client_and_drops_what_waits() -> None:
    client = Client(Viewer(), 2)
    for sequence in range(3):
        client.offer(sequence, 0, _X)
    assert (client.ending, client.cut.is_set()) == (Ending.LAGGING, True)
    assert await client.take(1) is None


async def test_what_waits_is_sent_before_an_end() -> None:
    client = Client(Viewer(), 2)
    client.offer(1, 0, _X)
    client.end(Ending.OVER)
    client.offer(2, 0, _X)
    assert [await client.take(1), await client.take(1)] == [[_X], None]


async def test_a_waiting_client_is_woken() -> None:
    client = Client(Viewer(), 2)
    waiting = asyncio.create_task(client.take(5))
    await asyncio.sleep(0)
    client.offer(1, 0, _X)
    assert await waiting == [_X]


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
