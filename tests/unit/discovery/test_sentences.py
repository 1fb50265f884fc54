"""Sentences are found live and after, as they read now, by whoever may read the transcript and by nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts.discovery.v1 import SentenceFound, SentencePage, TranscriptSearchQuery
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.transcription import v1 as transcription
from libs.ids import new_id
from libs.refusal import Refusal
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from services.discovery.projection.sentences import distance
from tests.support.events import Stream, at, created, ended, person, stage_joined, stage_left, started

ANN, BOB, EVE, ZOE = person("ann"), person("bob"), person("eve"), person("zoe")


def caption(space_id: str, number: int, text: str, *, by: PersonRef = ANN, seconds: float) -> transcription.Caption:
    return transcription.Caption(
        id=f"{space_id}-{number}", person=by, lang="en", text=text, start_at=at(seconds), end_at=at(seconds + 2)
    )


class Talk:
    """A read model and the search over it."""

    def __init__(self, spaces: SpaceDirectory, search: Search) -> None:
        self.spaces, self.search, self._stream = spaces, search, Stream()

    def happen(self, *events: Event) -> None:
        self.spaces.take(self._stream.receive(*events), "e")

    def live(self, *sentences: str, host: PersonRef = ANN, **settings: Any) -> str:
        """A live Space in which the host said this, ten seconds apart, from the tenth on."""
        space = new_id()
        chosen = {"recorded": True, **settings}
        self.happen(created(space, host, **chosen), started(space, host, **chosen))
        for number, text in enumerate(sentences):
            self.say(space, number, text, by=host)
        return space

    def say(self, space: str, number: int, text: str, *, by: PersonRef = ANN) -> None:
        one = caption(space, number, text, by=by, seconds=10 + 10 * number)
        self.happen(transcription.Captioned(space_id=space, version=number + 1, at=one.start_at, caption=one))

    def correct(self, space: str, number: int, text: str) -> None:
        self.happen(
            transcription.CaptionCorrected(
                space_id=space, version=90, at=at(900), caption_id=f"{space}-{number}", person_id=ANN.id, text=text,
                by=ANN.id,
            )
        )  # fmt: skip

    async def page(self, words: str = "", who: PersonRef | None = None, **wanted: Any) -> SentencePage:
        return await self.search.find_sentences(
            TranscriptSearchQuery(words=words, actor=who.id if who else None, **wanted)
        )

    async def find(self, words: str = "", who: PersonRef | None = None, **wanted: Any) -> list[str]:
        return [one.text for one in (await self.page(words, who, **wanted)).sentences]

    async def one(self, words: str) -> SentenceFound:
        (found,) = (await self.page(words)).sentences
        return found


def replay(space: str, seconds: float = 0.0) -> recording.ReplayReady:
    return recording.ReplayReady(
        space_id=space, version=9, at=at(999), seconds=90, bytes=9, mix="m", tracks=(), began_at=at(seconds)
    )


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db", seconds=20) as search:
        yield Talk(spaces, search)


async def test_a_sentence_is_found_while_the_space_is_live_with_its_neighbours_and_its_second(talk: Talk) -> None:
    space = talk.live("Good evening.", "My grandmother kept bees.", "Good night.")
    found = await talk.one("BEES grandmother")
    assert (found.space_id, found.text, found.person, found.seconds, found.replay) == (
        space, "My grandmother kept bees.", ANN, 20.0, False
    )  # fmt: skip
    assert found.before is not None
    assert found.before.text == "Good evening."
    assert found.after is not None
    assert found.after.text == "Good night."
    talk.happen(ended(space, version=3))
    assert (await talk.one("bees")).replay is False
    talk.happen(replay(space, 4))
    found = await talk.one("bees")
    assert (found.seconds, found.replay) == (16.0, True)
    assert (await talk.one("evening")).before is None
    assert (await talk.one("night")).after is None


async def test_where_the_replay_failed_sentences_are_found_until_they_are_deleted(talk: Talk) -> None:
    space = talk.live("My grandmother kept bees.")
    failed = recording.Failed(space_id=space, version=8, at=at(99), reason="storage", detail="d")
    talk.happen(ended(space, version=3), failed)
    found = await talk.one("bees")
    assert (found.seconds, found.replay) == (10.0, False)
    talk.happen(recording.ReplayDeleted(space_id=space, version=9, at=at(100), reason="host"))
    assert await talk.find("bees") == []


async def test_all_words_must_be_in_the_sentence_and_quotes_make_a_phrase(talk: Talk) -> None:
    talk.live("Bees like clover.", "Clover likes no bees.", "Honey.", "bees", "like")
    assert await talk.find("clover bees") == ["Bees like clover.", "Clover likes no bees."]
    assert await talk.find('"like clover"') == ["Bees like clover."]
    assert await talk.find('"bees like"') == ["Bees like clover."]
    assert await talk.find('"no clover"') == []
    assert await talk.find('clover "no bees"') == ["Clover likes no bees."]
    assert await talk.find("honey clover") == []


async def test_by_speaker_by_date_and_by_space(talk: Talk) -> None:
    first = talk.live("Bees one.", "Bees two.")
    talk.say(first, 2, "Bees three.", by=BOB)
    second = talk.live("Bees four.", host=EVE)
    assert await talk.find("bees", speaker="@Bob") == await talk.find(speaker=BOB.id) == ["Bees three."]
    assert await talk.find("bees", speaker="nobody") == []
    assert await talk.find("bees", space_id=second) == ["Bees four."]
    assert await talk.find("bees", space_id=first, said_from=at(20), said_to=at(30)) == ["Bees two."]
    assert await talk.find("bees", said_from=at(31)) == []
    with pytest.raises(Refusal, match="Give words"):
        await talk.find('  "" ')


async def test_slips_and_beginnings_are_forgiven_where_nothing_has_the_words(talk: Talk) -> None:
    talk.live("The glockenspiel is loud.", "A bee.", "Beef.")
    for typed in ("glokenspiel", "glockenspeil", "glokenspeil", "glockenspiels", "glocken", "lowd"):
        page = await talk.page(typed)
        assert ([one.text for one in page.sentences], page.guessed) == (["The glockenspiel is loud."], True), typed
    page = await talk.page("bee")
    assert ([one.text for one in page.sentences], page.guessed) == (["A bee."], False)
    assert await talk.find("xylophone") == []
    assert await talk.find('"the glokenspiel"') == ["The glockenspiel is loud."]


def test_a_slip_is_a_letter_too_many_too_few_another_or_two_swapped() -> None:
    pairs = [("bees", "bees"), ("bees", "bee"), ("bees", "beets"), ("bees", "beds"), ("bees", "besé"), ("ab", "cd")]
    assert [distance(*pair) for pair in pairs] == [0, 1, 1, 1, 2, 2]
    assert distance("speil", "spiel") == 1


async def test_a_correction_replaces_what_was_recognised_and_its_rejection_brings_that_back(talk: Talk) -> None:
    space = talk.live("My grandmother kept beans.", "Good night.")
    talk.correct(space, 0, "My grandmother kept bees.")
    assert (await talk.find("beans"), await talk.find('"kept beans"')) == ([], [])
    found = await talk.one("bees")
    assert (found.text, found.corrected) == ("My grandmother kept bees.", True)
    assert (await talk.one("night")).before is not None
    talk.happen(
        transcription.CaptionRestored(
            space_id=space, version=91, at=at(901), caption_id=f"{space}-0", person_id=ANN.id,
            text="My grandmother kept beans.", reason="rejected",
        )
    )  # fmt: skip
    assert (await talk.one("beans")).corrected is False
    assert await talk.find('"kept bees"', speaker="bob") == []


async def test_what_was_deleted_is_nowhere_any_more(talk: Talk) -> None:
    space, other = talk.live("Zanzibar bees.", "And more bees."), talk.live("Other bees.")
    talk.happen(ended(space, version=3), replay(space))
    talk.happen(recording.ReplayDeleted(space_id=space, version=10, at=at(999), reason="host"))
    talk.say(space, 7, "Late bees.")
    assert await talk.find("bees") == ["Other bees."]
    for table in ("captions", "said", "transcripts"):
        assert talk.spaces.db.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,), table
    terms = {row[0] for row in talk.spaces.db.execute("SELECT term FROM vocabulary")}
    assert terms == {"other", "bees", f"@{ANN.id}"}
    talk.happen(recording.ReplayDeleted(space_id=other, version=10, at=at(999), reason="host"))
    for table in ("captions", "said", "transcripts", "vocabulary", "slips", "postings"):
        assert talk.spaces.db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


async def test_captions_of_what_is_not_recorded_are_found_while_it_is_live_only(talk: Talk) -> None:
    space = talk.live("Bees.", recorded=False)
    assert await talk.find("bees") == ["Bees."]
    talk.happen(ended(space, version=3))
    talk.say(space, 5, "Late bees.")
    assert await talk.find("bees") == []
    assert talk.spaces.db.execute("SELECT count(*) FROM postings").fetchone() == (0,)


async def test_a_removal_a_block_and_a_suspension_hold_in_the_next_search(talk: Talk) -> None:
    space = talk.live("Bees.")

    async def finds(who: PersonRef) -> bool:
        return await talk.find("bees", who) == ["Bees."]

    assert await finds(BOB)
    assert await finds(EVE)
    assert await finds(ZOE)
    talk.happen(room.Removed(space_id=space, version=3, at=at(1), person_id=BOB.id))
    assert not await finds(BOB)
    talk.happen(people.Blocked(person_id=ANN.id, version=1, at=at(1), blocked_id=EVE.id))
    assert not await finds(EVE)
    talk.happen(people.Unblocked(person_id=ANN.id, version=2, at=at(1), blocked_id=EVE.id))
    assert await finds(EVE)
    talk.happen(people.Blocked(person_id=EVE.id, version=1, at=at(1), blocked_id=ANN.id))
    assert not await finds(EVE)
    talk.happen(people.Suspended(person_id=ZOE.id, version=1, at=at(1), reason="spam"))
    assert not await finds(ZOE)
    talk.happen(people.Reinstated(person_id=ZOE.id, version=2, at=at(1)))
    assert await finds(ZOE)


async def test_a_block_between_speaker_and_asker_hides_what_that_one_said_also_as_a_neighbour(talk: Talk) -> None:
    space = talk.live("Bees one.", host=EVE)
    talk.say(space, 1, "Bees two.", by=BOB)
    talk.say(space, 2, "Bees three.", by=EVE)
    talk.happen(people.Blocked(person_id=BOB.id, version=1, at=at(1), blocked_id=ZOE.id))
    page = await talk.page("bees", ZOE)
    assert [one.text for one in page.sentences] == ["Bees three.", "Bees one."]
    assert page.sentences[0].before is not None
    assert page.sentences[0].before.text == "Bees one."


async def test_who_is_on_stage_of_a_conversation_reads_it_and_who_stood_there_afterwards(talk: Talk) -> None:
    space = talk.live("Bees.", kind="conversation")
    assert await talk.find("bees", BOB) == []
    talk.happen(stage_joined(space, BOB, version=3))
    assert await talk.find("bees", BOB) == ["Bees."]
    talk.happen(stage_left(space, BOB, version=4))
    assert await talk.find("bees", BOB) == []
    talk.happen(ended(space, version=5))
    assert await talk.find("bees", BOB) == ["Bees."]
    assert await talk.find("bees", EVE) == []


async def test_pages_go_through_all_and_a_foreign_cursor_is_refused(talk: Talk) -> None:
    for number in range(7):
        talk.live(*(f"Bees {'and more ' * n}{number}." for n in range(5)))
    seen: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        page = await talk.page("bees", limit=4, cursor=cursor)
        seen += [one.caption_id for one in page.sentences]
        cursor, pages = page.next_cursor, pages + 1
    assert (len(seen), len(set(seen)), pages) == (35, 35, 9)
    everything = await talk.page("bees", limit=100)
    assert [one.caption_id for one in everything.sentences] == seen
    cursor = (await talk.page("bees", limit=4)).next_cursor
    for words, wrong in (("more", cursor), ("bees", "x"), ("bees", "W10")):
        with pytest.raises(Refusal, match="cursor"):
            await talk.page(words, cursor=wrong)


async def test_of_very_many_sentences_those_of_the_newest_spaces_are_ranked_and_that_is_said(
    talk: Talk, tmp_path: Path
) -> None:
    talk.live("Bees.")
    talk.live(*(f"Bees and more {number}." for number in range(3)))
    async with Search(tmp_path / "read.db", seconds=20, sentences=3) as bounded:
        page = await bounded.find_sentences(TranscriptSearchQuery(words="bees"))
        assert (len(page.sentences), page.approximate) == (3, True)
        assert "Bees." not in {one.text for one in page.sentences}
        page = await bounded.find_sentences(TranscriptSearchQuery(words="more"))
        assert (len(page.sentences), page.approximate) == (3, False)


async def test_words_that_came_before_their_space_are_found_once_it_is_known(talk: Talk) -> None:
    space = new_id()
    talk.say(space, 0, "Bees.")
    assert await talk.find("bees") == []
    talk.happen(created(space, ANN), started(space, ANN))
    assert await talk.find("bees") == ["Bees."]


async def test_a_long_space_is_found_from_its_first_sentence_to_its_last(talk: Talk) -> None:
    space = talk.live()
    for number in range(600):
        talk.say(space, number, f"Bees number {number}.")
    for number in (0, 255, 256, 511, 512, 599):
        assert await talk.find(f'"number {number}"') == [f"Bees number {number}."]
    assert len((await talk.page("bees", limit=100)).sentences) == 100
    talk.correct(space, 256, "Wasps.")
    assert await talk.find('"number 256"') == []
    assert await talk.find("wasps") == ["Wasps."]
