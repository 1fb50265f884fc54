"""Words that were said in replays are found, by whoever may hear them, at the moment they were said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.discovery.v1 import SearchQuery, SpaceCard, Spoken, TranscriptSearchQuery
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.transcription import v1 as transcription
from libs.ids import new_id
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search, SearchResults
from tests.support.events import Stream, at, created, ended, person, stage_joined, started

ANN, BOB, EVE = person("ann"), person("bob"), person("eve")


def said(space_id: str, text: str, seconds: float, number: int = 1) -> transcription.Captioned:
    caption = transcription.Caption(
        id=f"{space_id}-{number}", person=ANN, lang="en", text=text, start_at=at(seconds), end_at=at(seconds + 2)
    )
    return transcription.Captioned(space_id=space_id, version=number, at=at(seconds), caption=caption)


def replay(space_id: str, seconds: float = 0.0) -> recording.ReplayReady:
    return recording.ReplayReady(
        space_id=space_id, version=9, at=at(99), seconds=90, bytes=9, mix="m", tracks=(), began_at=at(seconds)
    )


def deleted(space_id: str) -> recording.ReplayDeleted:
    return recording.ReplayDeleted(space_id=space_id, version=10, at=at(100), reason="host")


class Archive:
    """A read model of Spaces that are over."""

    def __init__(self, spaces: SpaceDirectory, search: Search) -> None:
        self.spaces, self.search, self._stream = spaces, search, Stream()

    def happen(self, *events: Event) -> None:
        self.spaces.take(self._stream.receive(*events), "e")

    def over(
        self, title: str, *sentences: str, host: PersonRef = ANN, speaker: PersonRef = BOB, **settings: Any
    ) -> str:
        """A recorded Space in which this was said, ten seconds apart, from the tenth second of the replay on."""
        space = new_id()
        chosen = {"recorded": True, **settings}
        self.happen(
            created(space, host, title=title, **chosen), started(space, host, title=title, **chosen),
            stage_joined(space, BOB, version=3),
            *(said(space, text, 12 + 10 * n, n + 1) for n, text in enumerate(sentences)),
            ended(space, version=4), replay(space, 2),
        )  # fmt: skip
        return space

    async def find(self, words: str, who: PersonRef | None = None, **wanted: Any) -> tuple[list[str], list[Spoken]]:
        asked = SearchQuery(words=words, actor=who.id if who else None, **{"state": "all", **wanted})
        found = await self.search.find(asked)
        return [card.title for card in self.cards(found.space_ids)], list(found.spoken)

    def cards(self, ids: tuple[str, ...]) -> tuple[SpaceCard, ...]:
        return self.spaces.cards(ids)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db", seconds=20) as search:
        yield Archive(spaces, search)


async def test_words_of_a_replay_are_found_with_the_moment_they_were_said(archive: Archive) -> None:
    space = archive.over("Evening", "Good evening.", "My grandmother kept bees in her orchard.", "Good night.")
    titles, (hit,) = await archive.find("bees orchard")
    assert titles == ["Evening"]
    assert (hit.space_id, hit.seconds, hit.text) == (space, 20.0, "My grandmother kept bees in her orchard.")
    assert await archive.find("grandm") == (titles, [hit])
    assert await archive.find("bees zebra") == ([], [])
    assert await archive.find("bees", state="live") == ([], [])
    assert await archive.find("bees", spoken=False) == ([], [])


async def test_the_headline_goes_before_what_was_said_and_each_space_comes_once_over_all_pages(
    archive: Archive,
) -> None:
    spaces = [archive.over(f"Number {n}", "Some words on bees.", "And more on bees, bees, bees.") for n in range(7)]
    headlines = [archive.over(f"Bees {n}", "Also bees.") for n in range(4)]
    seen: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        found = await archive.search.find(SearchQuery(words="bees", state="ended", limit=2, cursor=cursor))
        seen += found.space_ids
        assert {hit.space_id for hit in found.spoken} == set(found.space_ids) & set(spaces)
        cursor, pages = found.next_cursor, pages + 1
    assert set(seen[:4]) == set(headlines)
    assert sorted(seen[4:]) == sorted(spaces)
    assert pages == 6


async def test_nothing_is_found_before_there_is_a_replay_nor_after_it_was_deleted(archive: Archive) -> None:
    space = new_id()
    archive.happen(created(space, ANN, recorded=True), started(space, ANN, recorded=True), said(space, "Bees.", 9))
    assert await archive.find("bees") == ([], [])
    archive.happen(ended(space, version=3))
    assert await archive.find("bees") == ([], [])
    archive.happen(replay(space))
    assert (await archive.find("bees"))[0] == ["Tea"]
    archive.happen(deleted(space), said(space, "Late bees.", 10, 2))
    assert await archive.find("bees") == ([], [])
    assert archive.spaces.db.execute("SELECT count(*) FROM said").fetchone() == (0,)


async def test_a_deleted_caption_is_found_no_more_and_the_others_are(archive: Archive) -> None:
    space = archive.over("Evening", "My bees swarm.", "Your bees do not.")
    archive.happen(
        transcription.CaptionDeleted(
            space_id=space, version=9, at=at(50), caption_id=f"{space}-1", person_id=ANN.id, by=ANN.id
        )
    )
    _, (hit,) = await archive.find("bees")
    assert hit.text == "Your bees do not."
    assert await archive.find("swarm") == ([], [])
    found = await archive.search.find_sentences(TranscriptSearchQuery(words="bees", actor=ANN.id))
    assert [(one.text, one.before, one.after) for one in found.sentences] == [("Your bees do not.", None, None)]
    assert archive.spaces.db.execute("SELECT count(*) FROM said").fetchone() == (1,)


async def test_a_deleted_transcript_is_found_no_more_and_its_replay_is(archive: Archive) -> None:
    space = archive.over("Evening", "My bees swarm.")
    archive.happen(transcription.Deleted(space_id=space, version=9, at=at(50), by=ANN.id))
    assert await archive.find("bees") == ([], [])
    assert (await archive.find("evening"))[0] == ["Evening"]
    assert archive.spaces.db.execute("SELECT count(*) FROM captions").fetchone() == (0,)


async def test_captions_that_are_told_again_after_they_were_erased_are_no_sentences(archive: Archive) -> None:
    archive.over("Rivers", "", "Otters swim")
    _, (hit,) = await archive.find("otters")
    assert hit.text == "Otters swim"
    assert archive.spaces.db.execute("SELECT count(*) FROM said").fetchone() == (1,)


async def test_what_was_not_recorded_is_not_kept(archive: Archive) -> None:
    archive.over("Evening", "Bees.", recorded=False)
    assert archive.spaces.db.execute("SELECT count(*) FROM captions").fetchone() == (0,)


@pytest.mark.parametrize(
    "settings", [{"who_can_join": "followers"}, {"who_can_join": "invited"}, {"kind": "conversation"}]
)
async def test_only_who_may_hear_it_finds_what_was_said(archive: Archive, settings: dict[str, Any]) -> None:
    space = archive.over("Evening", "Bees.", **settings)
    archive.happen(people.Followed(person_id=EVE.id, version=1, at=at(0), followee_id=ANN.id))
    follows = settings.get("who_can_join") == "followers"
    for who, hears in ((ANN, True), (BOB, True), (EVE, follows), (person("zoe"), False), (None, False)):
        assert bool((await archive.find("bees", who))[1]) == hears, who
    archive.happen(room.Removed(space_id=space, version=5, at=at(50), person_id=BOB.id))
    assert await archive.find("bees", BOB) == ([], [])


async def test_whoever_was_removed_or_is_blocked_finds_nothing(archive: Archive) -> None:
    space = archive.over("Evening", "Bees.")
    archive.happen(
        room.Removed(space_id=space, version=5, at=at(50), person_id=BOB.id),
        people.Blocked(person_id=ANN.id, version=1, at=at(51), blocked_id=EVE.id),
    )
    assert (await archive.find("bees"))[0] == ["Evening"]
    assert await archive.find("bees", BOB) == await archive.find("bees", EVE) == ([], [])


async def test_who_blocks_a_speaker_does_not_find_what_they_said(archive: Archive) -> None:
    space = archive.over("Evening", "Bees.")
    assert (await archive.find("bees", EVE))[0] == ["Evening"]
    archive.happen(people.Blocked(person_id=EVE.id, version=1, at=at(51), blocked_id=ANN.id))
    assert await archive.find("bees", EVE) == ([], []), "it was said, and is hosted, by whom they block"
    archive.happen(people.Unblocked(person_id=EVE.id, version=2, at=at(52), blocked_id=ANN.id))
    assert [hit.space_id for hit in (await archive.find("bees", EVE))[1]] == [space]
    other = archive.over("Abend", "No honey.", host=BOB)
    archive.happen(people.Blocked(person_id=ANN.id, version=1, at=at(53), blocked_id=EVE.id))
    assert await archive.find("honey", EVE) == ([], []), "the host is no problem, the speaker is"
    assert [hit.space_id for hit in (await archive.find("honey", BOB))[1]] == [other]


async def test_what_is_closed_to_somebody_changes_nothing_in_their_answer(archive: Archive, tmp_path: Path) -> None:
    archive.over("Evening", "Of bees.")
    async with Search(tmp_path / "read.db", seconds=20, candidates=3) as bounded:

        async def asked(who: PersonRef) -> SearchResults:
            return await bounded.find(SearchQuery(words="bees", state="ended", actor=who.id))

        before = await asked(EVE)
        for number in range(5):
            archive.over(f"Number {number}", "Bees, bees, bees.", "Of bees.", who_can_join="invited")
        assert await asked(EVE) == before
        assert not before.approximate
        assert (await asked(ANN)).approximate


async def test_filters_hold_for_what_was_said_too(archive: Archive) -> None:
    archive.over("Evening", "Bees.", topics=["nature"], lang="en")
    archive.over("Abend", "Bees.", host=EVE, lang="de")
    assert (await archive.find("bees", topic="nature"))[0] == ["Evening"]
    assert (await archive.find("bees", creator="@eve"))[0] == ["Abend"]
    assert (await archive.find("bees", lang="de"))[0] == ["Abend"]


async def test_in_whatever_order_the_services_told_of_it(archive: Archive) -> None:
    space = new_id()
    archive.happen(replay(space, 2), said(space, "Bees.", 12))
    archive.happen(created(space, ANN), started(space, ANN), ended(space, version=3))
    assert (await archive.find("bees"))[1][0].seconds == 10.0


async def test_a_broad_search_is_answered_and_said_to_be_approximate(archive: Archive, tmp_path: Path) -> None:
    old = archive.over("Bees of old", "Of bees.")
    live = new_id()
    archive.happen(created(live, ANN, title="Bees live"), started(live, ANN, title="Bees live"))
    newer = [archive.over(f"Bees {n}", "Of bees.") for n in range(5)]
    everything = await archive.search.find(SearchQuery(words="bees", state="all"))
    assert (set(everything.space_ids), everything.approximate) == ({old, live, *newer}, False)
    async with Search(tmp_path / "read.db", seconds=20, candidates=3) as bounded:
        some = await bounded.find(SearchQuery(words="bees", state="all"))
    assert (set(some.space_ids), some.approximate) == ({live, *newer[-3:]}, True)
