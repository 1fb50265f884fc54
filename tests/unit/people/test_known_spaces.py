"""What people keeps of Spaces, and what it forgets of one that is forgotten as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.envelope import Event
from contracts.people import v1 as people
from contracts.room import v1 as room
from services.people.projection.spaces import KnownSpaces
from tests.support.events import Stream, at, created, person, space

HOST, ANN = person("host"), person("ann")
TEA, PUB = space("tea"), space("pub")


def evening(space_id: str) -> list[Event]:
    """A Space with acts of its host's, which the platform ends."""
    head: dict[str, Any] = {"space_id": space_id, "actor": HOST.id}
    return [
        created(space_id, HOST, title="Needles"),
        room.Removed(**head, version=3, at=at(3), person_id=ANN.id),
        room.RemovalRecorded(**head, version=3, at=at(3), person_id=ANN.id, explanation="needling"),
        room.Muted(**head, version=4, at=at(4), person_id=ANN.id),
        room.SettingsChanged(**head, version=5, at=at(5), settings=room.Settings(title="Pins and needles")),
        room.Ended(space_id=space_id, version=6, at=at(6), reason="platform"),
    ]


DELETED = room.SpaceDeleted(space_id=TEA, version=7, at=at(9), actor=HOST.id)
FORGOTTEN = people.Forgotten(number=1, what=f"space:{TEA}", at=at(9))


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.fixture
async def known(tmp_path: Path) -> AsyncIterator[KnownSpaces]:
    async with KnownSpaces(tmp_path / "spaces.db", lambda box: None) as known:
        yield known


@pytest.mark.parametrize(
    "events",
    [[*evening(TEA), *evening(PUB), FORGOTTEN], [FORGOTTEN, *evening(TEA), *evening(PUB)]],
    ids=["told afterwards", "told first, in a stream that is filled again"],
)
async def test_of_a_forgotten_space_there_is_no_title_and_nobody_hosts_did_something_about(
    known: KnownSpaces, tmp_path: Path, events: list[Event]
) -> None:
    known.take(Stream().receive(*events), "e")
    assert [act.act for act in known.acts(None, None, TEA, 9)] == ["ended"]
    assert [act.act for act in known.acts(None, None, PUB, 9)] == ["ended", "muted", "removed"]
    assert [act.space for act in known.acts(None, ANN.id, None, 9)] == [PUB, PUB]
    tea, pub = known.find(TEA), known.find(PUB)
    assert tea is not None
    assert pub is not None
    assert (tea.title, tea.host, pub.title) == (room.TITLE_REMOVED, HOST.id, "Pins and needles")
    if events[0] is not FORGOTTEN:
        known.take(Stream(50).receive(people.Forgotten(number=2, what=f"space:{PUB}", at=at(9))), "e")
        files = contents(tmp_path)
        assert b"eedles" not in files
        assert b"needling" not in files
        assert ANN.id.encode() not in files


@pytest.mark.parametrize("actor", [HOST.id, ANN.id])
async def test_of_a_deleted_space_there_is_as_little_and_the_log_says_which_operator_did_it(
    known: KnownSpaces, actor: str
) -> None:
    deleted = DELETED.model_copy(update={"actor": actor})
    known.take(Stream().receive(*evening(TEA), deleted), "e")
    acts = known.acts(None, None, TEA, 9)
    assert [(act.act, act.actor) for act in acts] == [("deleted", ANN.id)] * (actor == ANN.id) + [("ended", None)]
    tea = known.find(TEA)
    assert tea is not None
    assert tea.title == room.TITLE_REMOVED
