"""What is queued for a client, and how it is written."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.app.clients import Client, Ending
from services.gateway.app.frames import Frame, Position
from services.gateway.app.visibility import Viewer

_X = Frame(None, "x", "{}")


@given(st.text(max_size=60))
def test_any_text_is_a_position_or_none(text: str) -> None:
    position = Position.read(text)
    assert position is None or Position.read(str(position)) == position


def test_a_position_reads_as_it_is_written() -> None:
    assert Position.read("19b1c-42") == Position("19b1c", 42)
    for wrong in ("", "42", "-42", "a-", "a-x", "a--1", "a-1.5", "a-" + "9" * 30, "a-٤"):
        assert Position.read(wrong) in (None, Position("a-", 1)), wrong


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
