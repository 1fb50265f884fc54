"""Whoever changed their name is shown and found everywhere under the new one, also in what is long over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.discovery.v1 import LookupQuery, SearchQuery, TranscriptSearchQuery
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.transcription import v1 as transcription
from libs.ids import new_id
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from tests.support.events import Stream, at, created, ended, person, stage_joined, started
from tests.unit.discovery.test_watchers import Stage

ANN, BOB = person("ann"), person("bob")
ADA = PersonRef(id=ANN.id, handle="Ada_L", name="Ada Lovelace")
BEN = PersonRef(id=BOB.id, handle="ben", name="Ben")


def renamed(now: PersonRef) -> people.ProfileChanged:
    return people.ProfileChanged(person_id=now.id, version=2, at=at(50), handle=now.handle, display_name=now.name)


class Place:
    """A read model and the search over it, with a Space of Ann's in which Bob said something."""

    def __init__(self, spaces: SpaceDirectory, search: Search) -> None:
        self.spaces, self.search, self._stream = spaces, search, Stream()
        self.space = new_id()

    def happen(self, *events: Event) -> None:
        self.spaces.take(self._stream.receive(*events), "e")

    def begin(self) -> None:
        caption = transcription.Caption(id="c", person=BOB, lang="en", text="Bees hum.", start_at=at(9), end_at=at(10))
        self.happen(
            created(self.space, ANN, title="Tea", recorded=True), started(self.space, ANN, title="Tea", recorded=True),
            stage_joined(self.space, BOB, version=3),
            transcription.Captioned(space_id=self.space, version=1, at=at(10), caption=caption),
        )  # fmt: skip

    async def found(self, words: str = "", **wanted: str) -> list[str]:
        return list((await self.search.find(SearchQuery(words=words, state="all", **wanted))).space_ids)  # type: ignore[arg-type]

    async def speakers(self, speaker: str) -> list[PersonRef]:
        query = TranscriptSearchQuery(words="bees", speaker=speaker)
        return [one.person for one in (await self.search.find_sentences(query)).sentences]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with SpaceDirectory(tmp_path / "read.db", {"@ada_l"}) as spaces, Search(tmp_path / "read.db") as search:
        place = Place(spaces, search)
        place.begin()
        yield place


@pytest.mark.parametrize("over", [False, True], ids=["live", "over"])
async def test_cards_details_and_sentences_have_the_new_name(place: Place, over: bool) -> None:
    if over:
        place.happen(ended(place.space, version=4))
    place.happen(renamed(ADA), renamed(BEN))
    (card,) = place.spaces.cards([place.space])
    assert (card.host, card.speakers) == (ADA, () if over else (ADA, BEN))
    assert card.official, "the new handle is that of an official host"
    (found,) = place.spaces.lookup(LookupQuery(space_ids=(place.space,)))
    assert (found.creator, found.hosts, found.spoke) == (ADA, (ADA,), (BEN,))
    assert await place.speakers("@ben") == await place.speakers(BEN.id) == [BEN]
    assert await place.speakers("@bob") == []


async def test_a_space_is_found_by_its_hosts_new_name_and_not_by_the_old_one(place: Place) -> None:
    place.happen(ended(place.space, version=4), renamed(ADA))
    assert await place.found("lovelace") == await place.found("lovlace") == await place.found("ada_l") == [place.space]
    assert await place.found("ann") == []
    assert await place.found(creator="@ada_l") == [place.space]
    assert await place.found(creator="@ann") == []


async def test_an_event_with_the_old_name_that_comes_later_brings_it_not_back(place: Place) -> None:
    place.happen(renamed(ADA), renamed(BEN))
    pin = room.Pin(id=new_id(), url="https://example.org/", person=ANN, pinned_at=at(60))
    said = transcription.Caption(id="d", person=BOB, lang="en", text="Bees sting.", start_at=at(61), end_at=at(62))
    place.happen(
        room.Pinned(space_id=place.space, version=4, at=at(60), pin=pin),
        room.HostChanged(
            space_id=place.space, version=5, at=at(61), host=BOB, previous_id=ANN.id, reason="handed_over"
        ),
        transcription.Captioned(space_id=place.space, version=2, at=at(62), caption=said),
    )
    (found,) = place.spaces.lookup(LookupQuery(space_ids=(place.space,)))
    assert [one.person for one in found.pins] == [ADA]
    assert (found.host, found.creator) == (BEN, ADA)
    assert await place.speakers("@ben") == [BEN, BEN]
    assert await place.found("ben") == [place.space]


async def test_who_watches_their_bar_is_told_the_new_name(tmp_path: Path) -> None:
    async with SpaceDirectory(tmp_path / "read.db") as spaces:
        stage, space = Stage(spaces), new_id()
        stage.happen(
            people.Followed(person_id=BOB.id, version=2, at=at(0), followee_id=ANN.id), created(space, ANN),
            started(space, ANN),
        )  # fmt: skip
        assert [card.host for card in stage.bars.bar(BOB.id, 10)] == [ANN]
        telling = asyncio.create_task(stage.bars.tell())
        stage.happen(renamed(ADA))
        told = await stage.told()
        assert told.card is not None
        assert (told.space_id, told.card.host) == (space, ADA)
        telling.cancel()
        await asyncio.wait({telling})
