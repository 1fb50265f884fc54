"""Whom discovery shows which Space: every query, role, state and choice of who can join, as `matrix.txt` has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from contracts.discovery import v1
from contracts.envelope import Event
from contracts.people import v1 as people
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.transcription import v1 as transcription
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from tests.support.events import Stream, at, created, ended, person, space, stage_joined, started
from tests.support.matrix import commands_of

TABLE: Final = Path(__file__).with_name("matrix.txt")
QUERIES: Final = {
    "live_bar": v1.LiveBarQuery,
    "browse": v1.BrowseQuery,
    "search": v1.SearchQuery,
    "lookup": v1.LookupQuery,
    "search_transcripts": v1.TranscriptSearchQuery,
}
STATES: Final = ("scheduled", "live", "ended", "canceled")
WHO: Final = ("everyone", "followers", "invited")
HOST, SPEAKER, FOLLOWER, INVITED = person("host"), person("speaker"), person("follower"), person("invited")
REMOVED, BLOCKED, BLOCKER, STRANGER = person("removed"), person("blocked"), person("blocker"), person("stranger")
ROLES: Final = {
    "host": HOST, "speaker": SPEAKER, "follower": FOLLOWER, "invited": INVITED, "stranger": STRANGER,
    "anonymous": None, "removed": REMOVED, "blocked": BLOCKED, "blocker": BLOCKER,
}  # fmt: skip


class Place:
    """One Space of each state and choice. Everybody but the stranger follows the host, and nobody gains by it who was
    removed, is blocked by the host, or blocks the host."""

    def __init__(self, spaces: SpaceDirectory, search: Search) -> None:
        self.spaces, self.search = spaces, search
        events: list[Event] = [
            *(
                people.Followed(person_id=who.id, version=1, at=at(0), followee_id=HOST.id)
                for who in (FOLLOWER, REMOVED, BLOCKED, BLOCKER)
            ),
            people.Blocked(person_id=HOST.id, version=1, at=at(0), blocked_id=BLOCKED.id),
            people.Blocked(person_id=BLOCKER.id, version=2, at=at(0), blocked_id=HOST.id),
        ]
        for state in STATES:
            for who in WHO:
                id = space(state[:4] + who[:4])
                events += [*self._words(id), *self._story(id, state, who)]
        spaces.take(Stream().receive(*events), "e")

    @staticmethod
    def _story(id: str, state: str, who: str) -> list[room.SpaceEvent]:
        story: list[room.SpaceEvent] = [
            created(id, HOST, who_can_join=who).model_copy(update={"scheduled_start": at(3600)}),
            room.Invited(space_id=id, version=2, at=at(1), person=INVITED, to=room.InvitedTo.JOIN),
            room.Removed(space_id=id, version=3, at=at(1), person_id=REMOVED.id),
        ]
        if state == "canceled":
            return [*story, room.Canceled(space_id=id, version=4, at=at(2))]
        if state != "scheduled":
            story += [started(id, HOST, who_can_join=who, version=4), stage_joined(id, SPEAKER, version=5)]
        return [*story, ended(id, version=6)] if state == "ended" else story

    @staticmethod
    def _words(id: str) -> list[Event]:
        """Said in every Space before anything else is known of it."""
        caption = transcription.Caption(id="c", person=SPEAKER, lang="en", text="tea", start_at=at(3), end_at=at(4))
        return [
            transcription.Captioned(space_id=id, version=1, at=at(4), caption=caption),
            recording.ReplayReady(
                space_id=id, version=1, at=at(9), seconds=9, bytes=9, mix="m", tracks=(), began_at=at(2)
            ),
        ]

    async def shows(self, query: str, wanted: str, role: str) -> bool:
        """Whether somebody of this role is shown the Space by this query."""
        who = ROLES[role]
        actor = None if who is None else who.id
        match query:
            case "live_bar":
                found = {card.id for card in self.spaces.live_bar(actor or "", 100)}
            case "lookup":
                found = {one.id for one in self.spaces.lookup(v1.LookupQuery(actor=actor, space_ids=(wanted,)))}
            case "search_transcripts":
                page = await self.search.find_sentences(v1.TranscriptSearchQuery(actor=actor, words="tea", limit=100))
                found = {one.space_id for one in page.sentences}
            case _:
                words = "tea" if query == "search" else ""
                asked = v1.SearchQuery(actor=actor, words=words, state="all", limit=100)
                found = set((await self.search.find(asked)).space_ids)
        return wanted in found


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with SpaceDirectory(tmp_path / "read.db") as spaces, Search(tmp_path / "read.db", seconds=20) as search:
        yield Place(spaces, search)


def answers() -> dict[tuple[str, str, str, str], bool]:
    """(query, state, who can join, role) -> whether it is shown."""
    found = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            query, states, choices, *words = line.split()
            for state in STATES if states == "any" else states.split(","):
                for who in WHO if choices == "any" else choices.split(","):
                    for role, answer in zip(ROLES, words, strict=True):
                        assert (query, state, who, role) not in found, line
                        found[query, state, who, role] = {"shown": True, "-": False}[answer]
    return found


def test_the_matrix_has_every_query_there_is_and_every_cell() -> None:
    assert {kind.__name__ for kind in QUERIES.values()} == commands_of("discovery", kind="query")
    assert not commands_of("discovery")
    assert set(answers()) == {(q, s, w, r) for q in QUERIES for s in STATES for w in WHO for r in ROLES}


async def test_whom_every_query_shows_which_space(place: Place) -> None:
    found = {
        (query, state, who, role): await place.shows(query, space(state[:4] + who[:4]), role)
        for query, state, who, role in answers()
    }
    assert found == answers()
