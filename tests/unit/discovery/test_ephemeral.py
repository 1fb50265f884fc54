"""An ephemeral Space is found while it is live; once it is over, its id leads to what is left and nothing else does. To
a deleted Space nothing leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.discovery.v1 import LookupQuery, TranscriptSearchQuery
from contracts.people import v1 as people
from contracts.room import v1 as room
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from tests.support.events import at, ended, stage_joined
from tests.unit.discovery.test_search import ANN, BOB, EVE, Place
from tests.unit.discovery.test_spoken import said


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db", seconds=20) as search:
        yield Place(spaces, search)


async def test_it_is_listed_while_it_is_live_and_nowhere_once_it_is_over(place: Place) -> None:
    tea = place.live("Confidential", BOB, ephemeral=True, captions=True, topics=["music"])
    place.happen(
        people.Followed(person_id=EVE.id, version=1, at=at(0), followee_id=ANN.id),
        people.ReminderSet(person_id=EVE.id, version=2, at=at(0), space_id=tea),
        stage_joined(tea, ANN, version=3),
        room.Invited(space_id=tea, version=4, at=at(4), person=EVE),
        room.Pinned(
            space_id=tea, version=5, at=at(5),
            pin=room.Pin(id="0" * 26, url="https://example.org/", text="secret", person=BOB, pinned_at=at(5)),
        ),
        room.Removed(space_id=tea, version=6, at=at(6), person_id=EVE.id),
        said(tea, "whispered words", 7),
    )  # fmt: skip
    assert await place.titles("confidential", state="live") == ["Confidential"]
    assert [card.ephemeral for card in place.spaces.cards([tea])] == [True]
    spoken = TranscriptSearchQuery(words="whispered", actor=BOB.id)
    assert len((await place.search.find_sentences(spoken)).sentences) == 1

    place.happen(ended(tea, version=7, seconds=60))
    for state in ("live", "scheduled", "ended", "all"):
        for who in (ANN.id, BOB.id, EVE.id, None):
            for words in ("", "confidential", "bob", "whispered", "removed", "music"):
                assert await place.titles(words, state=state, actor=who) == []
            assert await place.titles(creator=BOB.id, state=state, actor=who) == []
            assert await place.titles(topic="music", state=state, actor=who) == []
    assert (await place.search.find_sentences(spoken)).sentences == ()
    assert place.spaces.live_bar(EVE.id, 10) == ()
    for who in (ANN.id, BOB.id, EVE.id, None):
        (left,) = place.spaces.lookup(LookupQuery(space_ids=(tea,), actor=who))
        assert (left.title, left.state, left.host, left.ended_at) == ("[removed]", room.State.ENDED, BOB, at(60))
        assert not any((left.speakers, left.spoke, left.invited, left.pins, left.topics, left.subscribers))
    rows = place.spaces.db.execute("SELECT space, spoke, invited FROM spaces WHERE id = ?", (tea,)).fetchone()
    assert ANN.id not in "".join(rows)
    tables = ("stage", "stood", "removed", "invited", "reminders", "captions", "transcripts")
    for table in tables:
        assert place.spaces.db.execute(f"SELECT count(*) FROM {table} WHERE space_id = ?", (tea,)).fetchone() == (0,)


async def test_a_deleted_space_is_found_nowhere_not_by_its_id_either(place: Place) -> None:
    tea, pub = place.live("Confidential", BOB, recorded=True), place.live("Public", BOB)
    place.happen(stage_joined(tea, ANN, version=3), said(tea, "whispered words", 4), ended(tea, version=5))
    assert await place.titles("confidential", state="ended") == ["Confidential"]
    place.happen(room.SpaceDeleted(space_id=tea, version=6, at=at(70), actor=BOB.id), said(tea, "late words", 8, 2))
    for who in (ANN.id, BOB.id, None):
        assert await place.titles(state="all", actor=who) == ["Public"]
        for words in ("confidential", "whispered", "late"):
            assert await place.titles(words, state="all", actor=who) == []
        asked = LookupQuery(space_ids=(tea, pub), creator_ids=(BOB.id,), actor=who)
        assert [one.id for one in place.spaces.lookup(asked)] == [pub]
    spoken = TranscriptSearchQuery(words="words", actor=BOB.id)
    assert (await place.search.find_sentences(spoken)).sentences == ()
    assert place.spaces.db.execute("SELECT count(*) FROM said").fetchone() == (0,)


async def test_one_that_is_canceled_leaves_no_title(place: Place) -> None:
    tea = place.planned("Confidential", 60)
    kept = room.Settings(title="Confidential", ephemeral=True)
    place.happen(room.SettingsChanged(space_id=tea, version=2, at=at(1), settings=kept))
    place.happen(room.Canceled(space_id=tea, version=3, at=at(2)))
    (left,) = place.spaces.lookup(LookupQuery(space_ids=(tea,)))
    assert (left.title, left.state) == ("[removed]", room.State.CANCELED)
