"""Discovery keeps no words that were erased, in no table, index or log of its file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.discovery.v1 import SearchQuery
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.sealed import Box
from contracts.transcription import v1 as transcription
from libs.ids import new_id
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from tests.support import needles
from tests.support.events import Stream, at, created, person, stage_joined, started

HOST, BOB = person("host"), person("bob")
TITLE, PIN, HEARD, CORRECTED, NAME, BYSTANDER = (needles.needle() for _ in range(6))


def lock(who: PersonRef, space_id: str) -> str:
    return f"person:{who.id}|space:{space_id}"


class NeedleSpaces:
    """A read model in which each needle stands once."""

    def __init__(self, spaces: SpaceDirectory, search: Search, folder: Path) -> None:
        self.spaces, self.search, self.folder = spaces, search, folder
        self._stream = Stream()
        self.space, self.other = new_id(), new_id()

    def happen(self, *events: Event, title: Box | None = None) -> None:
        for received in self._stream.receive(*events):
            boxes = {"settings.title": title} if title is not None else None
            self.spaces.take([replace(received, boxes=boxes)], "e")

    def fill(self) -> None:
        box = Box(locks=(lock(HOST, self.space),), unit="title", box="AQ==")
        chosen = {"title": f"On {TITLE}", "recorded": True}
        self.happen(
            people.Registered(person_id=BOB.id, version=1, at=at(0), handle="bob", display_name=f"Bob {NAME}"),
            people.Registered(person_id=HOST.id, version=1, at=at(0), handle="host", display_name="Host"),
        )
        self.happen(created(self.space, HOST, **chosen), started(self.space, HOST, **chosen), title=box)  # type: ignore[arg-type]
        pin = room.Pin(id=new_id(), url="https://example.org/", text=PIN, person=BOB, pinned_at=at(5))
        self.happen(
            stage_joined(self.space, BOB, version=3),
            room.Pinned(space_id=self.space, version=4, at=at(5), actor=BOB.id, pin=pin),
            self.said("one", f"well {HEARD}", 1),
            self.said("two", "as it was heard", 2),
            transcription.CaptionCorrected(
                space_id=self.space, version=3, at=at(9), caption_id="two", person_id=BOB.id, text=CORRECTED, by=HOST.id
            ),
            created(self.other, BOB, title=f"Off {BYSTANDER}"),
        )

    def said(self, id: str, text: str, version: int) -> transcription.Captioned:
        caption = transcription.Caption(id=id, person=BOB, lang="en", text=text, start_at=at(6), end_at=at(8))
        return transcription.Captioned(space_id=self.space, version=version, at=at(8), caption=caption)

    def forget(self, what: str, unit: str | None = None) -> None:
        self.happen(people.Forgotten(at=at(20), number=1, what=what, unit=unit))

    def found(self) -> set[str]:
        names = {TITLE: "title", PIN: "pin", HEARD: "heard", CORRECTED: "corrected", NAME: "name", BYSTANDER: "other"}
        everywhere = b"".join(path.read_bytes() for path in self.folder.iterdir())
        return {names[word] for word in names if word.encode()[4:] in everywhere}


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[NeedleSpaces]:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db", seconds=20) as search:
        kept = NeedleSpaces(spaces, search, tmp_path)
        kept.fill()
        yield kept


ALL = {"title", "pin", "heard", "corrected", "name", "other"}


def test_each_needle_is_kept_until_it_is_erased(kept: NeedleSpaces) -> None:
    assert kept.found() == ALL


async def test_a_title_goes_with_its_unit(kept: NeedleSpaces) -> None:
    kept.forget(lock(HOST, kept.space), "title")
    assert kept.found() == ALL - {"title"}
    (card,) = kept.spaces.cards([kept.space])
    assert card.title == room.TITLE_REMOVED
    assert (await kept.search.find(SearchQuery(words=TITLE, state="all"))).space_ids == ()
    assert (await kept.search.find(SearchQuery(words="other", state="all"))).space_ids == ()
    assert (await kept.search.find(SearchQuery(words=BYSTANDER, state="all"))).space_ids == (kept.other,)


@pytest.mark.parametrize(("unit", "gone"), [("transcript/one", {"heard"}), ("transcript", {"heard", "corrected"})])
async def test_captions_go_with_their_unit_or_with_the_transcript(
    kept: NeedleSpaces, unit: str, gone: set[str]
) -> None:
    kept.forget(lock(BOB, kept.space), unit)
    assert kept.found() == ALL - gone


async def test_everything_of_a_person_goes_with_them(kept: NeedleSpaces) -> None:
    kept.forget(f"person:{BOB.id}")
    assert kept.found() == {"title"}, "of theirs also the Space that they host"
    (card,) = kept.spaces.cards([kept.space])
    assert [one.name for one in card.speakers] == ["Host", "Deleted account"]


async def test_the_names_of_who_hosts_nothing_are_in_no_index(kept: NeedleSpaces) -> None:
    guest, host = needles.needle(), needles.needle()
    for id, name in ((person("eve").id, guest), (HOST.id, host)):
        kept.happen(people.ProfileChanged(person_id=id, version=2, at=at(9), handle=name, display_name="Somebody"))
    terms = {term for (term,) in kept.spaces.db.execute("SELECT term FROM terms")}
    assert (host in terms, guest in terms) == (True, False)


async def test_who_corrected_a_caption_takes_their_words_along(kept: NeedleSpaces) -> None:
    kept.forget(f"person:{HOST.id}")
    assert kept.found() == ALL - {"title", "corrected"}


async def test_everything_of_a_space_goes_with_it(kept: NeedleSpaces) -> None:
    kept.forget(f"space:{kept.space}")
    assert kept.found() == {"name", "other"}
