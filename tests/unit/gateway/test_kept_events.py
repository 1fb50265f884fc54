"""Events that are kept for clients have the names of today, and no words that were erased."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.sealed import Box
from libs.bus import Received
from libs.ids import new_id
from libs.keyring import ErasureTarget
from libs.names import NOBODY, PeopleNames
from services.gateway.app.clients import Client
from services.gateway.app.kept_events import Keeping, Naming
from services.gateway.app.visibility import Viewer

AT = datetime(2026, 1, 1, tzinfo=UTC)
SPACE, ANN = new_id(), new_id()
LOCK = f"person:{ANN}|space:{SPACE}"
PIN = room.Pin(id=new_id(), url="https://needle.example/", text="needle", person=PersonRef.of(ANN), pinned_at=AT)


@pytest.fixture
async def keeping(tmp_path: Path) -> AsyncIterator[Keeping]:
    async with PeopleNames(tmp_path / "people.db") as names:
        keeping = Keeping(Naming(cast(Any, None), names.names))
        keeping.naming.hear(
            people.Registered(person_id=ANN, version=1, at=AT, handle="ann", display_name="Ann of the needles")
        )
        yield keeping


def received(event: Event, **boxes: str) -> Received:
    sealed = {path.replace("__", "."): Box(locks=(LOCK,), unit=unit, box="AQ==") for path, unit in boxes.items()}
    return Received(event, 7, AT, {}, size=100, boxes=sealed or None)


def pinned() -> Received:
    event = room.Pinned(space_id=SPACE, version=4, at=AT, actor=ANN, pin=PIN)
    return received(event, pin__url=f"pin/{PIN.id}", pin__text=f"pin/{PIN.id}")


def created() -> Received:
    settings = room.Settings(title="On needles")
    event = room.Created(space_id=SPACE, version=1, at=AT, host=PersonRef.of(ANN), settings=settings)
    return received(event, settings__title="title")


async def test_everybody_is_shown_by_the_name_that_they_have_when_it_is_shown(keeping: Keeping) -> None:
    (kept,) = await keeping.keep("e", [created()])
    assert "Ann of the needles" in kept.frame.message
    assert kept.frame is kept.frame, "for all who are told at once"
    keeping.naming.hear(people.ProfileChanged(person_id=ANN, version=2, at=AT, handle="ann_b", display_name="Ann B."))
    assert '"handle":"ann_b","name":"Ann B."' in kept.frame.message
    keeping.naming.hear(people.Erased(person_id=ANN, version=3, at=AT))
    assert f'"name":"{NOBODY}"' in kept.frame.message
    assert "Ann" not in kept.frame.message


@pytest.mark.parametrize(
    "erased",
    [
        ErasureTarget(LOCK, "title"),
        ErasureTarget(LOCK, ""),
        ErasureTarget(f"person:{ANN}"),
        ErasureTarget(f"space:{SPACE}"),
    ],
)
async def test_words_that_were_erased_are_told_to_nobody_also_not_to_who_is_slow(
    keeping: Keeping, erased: ErasureTarget
) -> None:
    (kept,) = await keeping.keep("e", [created()])
    slow, before = Client(Viewer(), 10), kept.frame
    slow.offer(7, 1, before)
    keeping.forget(ErasureTarget(LOCK, "titles"))
    keeping.forget(ErasureTarget(f"space:{new_id()}"))
    assert "On needles" in before.message
    keeping.forget(erased)
    assert "needles" not in before.message
    assert f'"title":"{room.TITLE_REMOVED}"' in kept.frame.message
    slow.offer(8, 2, kept.frame)
    chunk = await slow.take(1)
    assert chunk is not None
    assert [frame.message for frame in chunk] == [kept.frame.message]


async def test_of_an_erased_pin_nothing_is_told(keeping: Keeping) -> None:
    (kept,) = await keeping.keep("e", [pinned()])
    frame = kept.frame
    assert "needle.example" in frame.message
    keeping.forget(ErasureTarget(LOCK, "pin/other"))
    assert "needle.example" in kept.frame.message
    keeping.forget(ErasureTarget(LOCK, f"pin/{PIN.id}"))
    assert kept.gone
    assert frame.is_void
    assert "needle" not in frame.message


@pytest.mark.parametrize("of_another", [False, True])
async def test_what_somebody_was_called_is_told_to_nobody_once_they_are_erased(
    keeping: Keeping, of_another: bool
) -> None:
    id = new_id() if of_another else ANN
    called = people.ProfileChanged(person_id=id, version=2, at=AT, handle="ann_b", display_name="Needle")
    (kept,) = await keeping.keep("e", [received(called)])
    before = kept.frame
    assert "Needle" in before.message
    keeping.forget(ErasureTarget(f"person:{ANN}", "profile"))
    assert not kept.gone
    keeping.forget(ErasureTarget(f"person:{ANN}"))
    assert kept.gone is not of_another
    assert ("Needle" in before.message) is of_another
