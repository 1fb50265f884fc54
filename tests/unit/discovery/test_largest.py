"""What discovery answers fits into one message, however much a Space has."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.discovery.v1 import SpaceDetails
from contracts.envelope import PersonRef
from contracts.room import v1 as room
from libs.ids import new_id
from services.discovery.handlers import within_a_message

AT = datetime(2026, 1, 1, tzinfo=UTC)
WIDE = "\U0001f41d"


def somebody() -> PersonRef:
    return PersonRef(id=new_id(), handle="x" * 15, name=WIDE * 50)


def full() -> SpaceDetails:
    """A Space with as many pins and named people as there can be."""
    host = somebody()
    link = "https://example.org/".ljust(2048, WIDE)
    pins = tuple(room.Pin(id=new_id(), url=link, text=WIDE * 280, person=somebody(), pinned_at=AT) for _ in range(20))
    return SpaceDetails(
        id=new_id(), title=WIDE * 70, state=room.State.LIVE, host=host, created_at=AT, updated_at=AT, creator=host,
        hosts=(host,), spoke=tuple(somebody() for _ in range(100)), invited=tuple(somebody() for _ in range(100)),
        participants=1, pins=pins,
    )  # fmt: skip


def test_a_hundred_full_spaces_come_in_several_messages_in_their_order() -> None:
    wanted = [full() for _ in range(100)]
    left, messages = wanted, 0
    found: list[SpaceDetails] = []
    while left:
        answer = within_a_message(left)
        assert len(answer.model_dump_json().encode()) < 1024 * 1024
        assert [one.id for one in left] == [*(one.id for one in answer.spaces), *answer.left_out]
        found += answer.spaces
        left = [one for one in left if one.id in answer.left_out]
        messages += 1
    assert found == wanted
    assert messages > 1


def test_what_fits_comes_at_once() -> None:
    one = full()
    assert within_a_message([one]).spaces == (one,)
    assert within_a_message([one]).left_out == ()
