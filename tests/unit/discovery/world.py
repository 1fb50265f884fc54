"""A world made at random, and a slow search of what somebody may read in it.

The slow search reads its own notes of what happened: it asks for each Space and sentence whether this person may see
it, throws away what they may not, and only then looks for words, ranks and counts.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache
from typing import Any, Final

from contracts.discovery.v1 import SearchQuery, TranscriptSearchQuery
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.transcription import v1 as transcription
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.sentences import distance
from tests.support.events import Stream, at, created, ended, person, space, stage_joined, stage_left, started

PEOPLE: Final = [person(f"p{number}") for number in range(9)]
HANDLES: Final = {one.id: one.handle for one in PEOPLE}
LIVE: Final = 5
WORDS: Final = ("tea", "bees", "honey", "clover", "clove", "orchard", "orchards", "glockenspiel", "of", "the")
SLIPS: Final = ("hony", "clovre", "orchrad", "glokenspeil", "glocken", "bess", "zebra")
RANKED: Final = 12
RANKED_SPACES: Final = 2
TITLES: Final = (
    "tea", "bees", "orchard", "garden", "gardens", "gerden", "gardon", "gorden", "gardena", "gardener", "of",
)  # fmt: skip
MISSPELT: Final = ("gardne", "gaden", "gradener", "orchrad", "zebra")


@dataclass
class Note:
    """A sentence."""

    id: str
    number: int
    by: str
    words: list[str]
    at: float


@dataclass
class Sheet:
    """What is noted of a Space."""

    id: str
    host: str
    who: str
    talk: bool
    recorded: bool
    title: str
    version: int = 2
    over: bool = False
    gone: bool = False
    replay: bool = False
    stage: set[str] = field(default_factory=set)
    stood: set[str] = field(default_factory=set)
    invited: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    said: list[Note] = field(default_factory=list)
    count: int = 0
    place: float = 0.0
    """In a list."""

    @property
    def headline(self) -> list[str]:
        """The words it is found by: the headline and its host's handle."""
        return [*self.title.split(), HANDLES[self.host]]

    def next(self) -> int:
        self.version += 1
        return self.version


class World:
    """Makes things happen, tells discovery of them, and notes them."""

    def __init__(self, spaces: SpaceDirectory, chance: random.Random) -> None:
        self.chance = chance
        self.follows: set[tuple[str, str]] = set()
        self.blocks: set[tuple[str, str]] = set()
        self.suspended: set[str] = set()
        self.sheets: list[Sheet] = []
        """In the order of their first sentences."""
        self._spaces, self._stream, self._clock, self._made = spaces, Stream(), 0.0, 0

    def tell(self, *events: Event) -> None:
        self._spaces.take(self._stream.receive(*events), "e")

    def happen(self) -> None:
        """One thing or another."""
        chance = self.chance
        if sum(not sheet.over for sheet in self.sheets) < LIVE:
            self._open()
        one, other = chance.sample(PEOPLE, 2)
        sheet = chance.choice(self.sheets)
        match chance.randrange(22):
            case 0:
                self.follows.add((one.id, other.id))
                self.tell(people.Followed(person_id=one.id, version=1, at=at(0), followee_id=other.id))
            case 1:
                self.follows.discard((one.id, other.id))
                self.tell(people.Unfollowed(person_id=one.id, version=1, at=at(0), followee_id=other.id))
            case 2:
                self.blocks.add((one.id, other.id))
                self.tell(people.Blocked(person_id=one.id, version=1, at=at(0), blocked_id=other.id))
            case 3 | 4 | 10:
                if self.blocks:
                    pair = chance.choice(sorted(self.blocks))
                    self.blocks.discard(pair)
                    self.tell(people.Unblocked(person_id=pair[0], version=1, at=at(0), blocked_id=pair[1]))
            case 5:
                self.suspended.add(one.id)
                self.tell(people.Suspended(person_id=one.id, version=1, at=at(0), reason="spam"))
            case 6 | 7:
                for who in tuple(self.suspended):
                    self.suspended.discard(who)
                    self.tell(people.Reinstated(person_id=who, version=1, at=at(0)))
            case 8 if chance.random() < 0.3:
                sheet.gone, sheet.said = True, []
                self.tell(recording.ReplayDeleted(space_id=sheet.id, version=99, at=at(0), reason="host"))
            case 9 if sheet.said:
                note = chance.choice(sheet.said)
                note.words = self._sentence()
                self.tell(
                    transcription.CaptionCorrected(
                        space_id=sheet.id, version=1, at=at(0), caption_id=note.id, person_id=note.by,
                        text=" ".join(note.words), by=sheet.host,
                    )
                )  # fmt: skip
            case _ if not sheet.over:
                self._happen_in(sheet, one)
            case _:
                pass

    def _happen_in(self, sheet: Sheet, one: PersonRef) -> None:
        chance = self.chance
        match chance.randrange(14):
            case 0 if one.id not in sheet.removed:
                sheet.stage.add(one.id)
                sheet.stood.add(one.id)
                self.tell(stage_joined(sheet.id, one, version=sheet.next()))
            case 1 if one.id != sheet.host:
                sheet.stage.discard(one.id)
                self.tell(stage_left(sheet.id, one, version=sheet.next()))
            case 2:
                sheet.invited.add(one.id)
                self.tell(
                    room.Invited(space_id=sheet.id, version=sheet.next(), at=at(0), person=one, to=room.InvitedTo.JOIN)
                )
            case 3 if one.id != sheet.host:
                sheet.removed.add(one.id)
                sheet.stage.discard(one.id)
                self.tell(room.Removed(space_id=sheet.id, version=sheet.next(), at=at(0), person_id=one.id))
            case 4 if one.id in sheet.removed:
                sheet.removed.discard(one.id)
                self.tell(room.Readmitted(space_id=sheet.id, version=sheet.next(), at=at(0), person_id=one.id))
            case 5:
                sheet.who = chance.choice(("everyone", "followers", "invited"))
                sheet.title = self._title()
                settings = room.Settings.model_validate(self._settings(sheet))
                self.tell(room.SettingsChanged(space_id=sheet.id, version=sheet.next(), at=at(0), settings=settings))
            case 6:
                sheet.over, sheet.stage = True, set()
                if not sheet.recorded:
                    sheet.said = []
                sheet.place = -at(self._clock).timestamp()
                self.tell(ended(sheet.id, version=sheet.next(), seconds=self._clock))
                if sheet.recorded and not sheet.gone and chance.random() < 0.8:
                    sheet.replay = True
                    self.tell(
                        recording.ReplayReady(
                            space_id=sheet.id,
                            version=9,
                            at=at(0),
                            seconds=9,
                            bytes=9,
                            mix="m",
                            tracks=(),
                            began_at=at(0),
                        )
                    )
            case 7:
                sheet.place = -chance.randrange(3)
                self.tell(presence.Counted(space_id=sheet.id, at=at(0), listeners=-int(sheet.place), on_stage=1))
            case _:
                self._say(sheet, one)

    def _open(self) -> None:
        chance, host = self.chance, self.chance.choice(PEOPLE)
        self._made += 1
        sheet = Sheet(
            space(f"n{self._made}"), host.id, chance.choice(("everyone", "followers", "invited")),
            chance.random() < 0.15, chance.random() < 0.8, self._title(),
        )  # fmt: skip
        sheet.stage, sheet.stood = {host.id}, {host.id}
        self.sheets.append(sheet)
        settings = self._settings(sheet)
        self.tell(created(sheet.id, host, **settings), started(sheet.id, host, **settings))
        self._say(sheet, host)

    @staticmethod
    def _settings(sheet: Sheet) -> dict[str, Any]:
        kind = "conversation" if sheet.talk else "space"
        return {"title": sheet.title, "who_can_join": sheet.who, "kind": kind, "recorded": sheet.recorded}

    def _title(self) -> str:
        return " ".join(self.chance.choices(TITLES, k=self.chance.randint(1, 3)))

    def _sentence(self) -> list[str]:
        return self.chance.choices(WORDS, k=self.chance.randint(1, 6))

    def _say(self, sheet: Sheet, who: PersonRef) -> None:
        self._clock += 1
        note = Note(f"{sheet.id}-{sheet.count}", sheet.count, who.id, self._sentence(), self._clock)
        if not sheet.gone:
            sheet.said.append(note)
            sheet.count += 1
        caption = transcription.Caption(
            id=note.id, person=who, lang="en", text=" ".join(note.words), start_at=at(note.at), end_at=at(note.at + 1)
        )
        self.tell(transcription.Captioned(space_id=sheet.id, version=1, at=at(note.at), caption=caption))

    # -- the slow search ---------------------------------------------------------------------------------------

    def may_read(self, who: str, sheet: Sheet) -> bool:
        """As room decides who may look into a Space."""
        if who in self.suspended:
            return False
        if who == sheet.host:
            return True
        if who in sheet.removed or self.blocked(who, sheet.host):
            return False
        if who in sheet.stage or (sheet.over and who in sheet.stood):
            return True
        follows = sheet.who == "followers" and (who, sheet.host) in self.follows
        return not sheet.talk and (sheet.who == "everyone" or follows or who in sheet.invited)

    def blocked(self, one: str, other: str) -> bool:
        return (one, other) in self.blocks or (other, one) in self.blocks

    def readable(self, who: str) -> list[tuple[Sheet, list[Note]]]:
        """What somebody may read, newest Space first."""
        return [
            (sheet, [note for note in sheet.said if not self.blocked(who, note.by)])
            for sheet in reversed(self.sheets)
            if self.may_read(who, sheet)
        ]

    def search(self, query: TranscriptSearchQuery) -> tuple[list[tuple[str, str | None, str | None]], bool, bool]:
        """Each sentence with its neighbours, whether not all were ranked, and whether the words were guessed."""
        typed: list[tuple[str, ...]] = [(word,) for word in query.words.replace('"', "").split()]
        if '"' in query.words:
            typed = [tuple(word for phrase in typed for word in phrase)]
        typed = list(dict.fromkeys(typed))
        readable = self.readable(query.actor or "")
        found, approximate = self._answer(query, readable, [tuple([{word} for word in phrase]) for phrase in typed])
        if found:
            return found, approximate, False
        notes = [
            note
            for sheet, some in readable
            for note in some
            if query.space_id in (None, sheet.id) and (query.said_from is None or at(note.at) >= query.said_from)
        ]
        heard = {word for note in notes for word in note.words}
        meant = [tuple([{word} if word in heard else _near(word, heard) for word in phrase]) for phrase in typed]
        found, approximate = self._answer(query, readable, meant)
        return found, approximate, bool(found)

    def spaces(self, query: SearchQuery) -> tuple[list[str], dict[str, str], bool]:
        """Spaces by their headline or host, then by what was said in their replays, with the best sentence of each of
        those; and whether not all were put in order."""
        words = list(dict.fromkeys(query.words.split()))
        phases = {"live": (False,), "ended": (True,), "all": (False, True)}[query.state]
        seen = [sheet for sheet in reversed(self.sheets) if self.may_see(query.actor or "", sheet)]
        found, approximate = self._headed(seen, phases, [(w, set()) for w in words])
        said, many = self._said(query.actor or "", words) if True in phases else ({}, False)
        if found or said:
            return [*found, *said], said, approximate or many
        terms = {word for sheet in seen for word in sheet.headline}
        meant = [
            (word, set(sorted(_alike(word, terms), key=lambda one: (-_ratio(word, one), one))[:4])) for word in words
        ]
        if not any(near for _, near in meant):
            return [], {}, False
        found, approximate = self._headed(seen, phases, meant)
        return found, {}, approximate

    def may_see(self, who: str, sheet: Sheet) -> bool:
        """Whether a list of Spaces has it for somebody."""
        if who == sheet.host or who in sheet.stage:
            return True
        if who in sheet.removed or self.blocked(who, sheet.host):
            return False
        follows = sheet.who == "followers" and (who, sheet.host) in self.follows
        stood = sheet.over and who in sheet.stood
        return stood or sheet.who == "everyone" or follows or who in sheet.invited

    @staticmethod
    def _headed(
        sheets: list[Sheet], phases: tuple[bool, ...], words: list[tuple[str, set[str]]]
    ) -> tuple[list[str], bool]:
        """In order those whose headline or host has for each word one that begins so, or one of those instead of it."""

        def has(some: list[str]) -> bool:
            return all(any(one.startswith(word) or one in near for one in some) for word, near in words)

        matching = [sheet for sheet in sheets if has(sheet.headline)]
        chosen = [sheet for n, sheet in enumerate(matching) if n < RANKED_SPACES or not sheet.over]
        approximate = len(matching) > RANKED_SPACES
        chosen = [sheet for sheet in (chosen if approximate else matching) if sheet.over in phases]
        chosen.sort(key=lambda sheet: sheet.id, reverse=True)
        chosen.sort(key=lambda sheet: (sheet.over, not has(sheet.title.split()), sheet.place))
        return [sheet.id for sheet in chosen], approximate

    def _said(self, who: str, words: list[str]) -> tuple[dict[str, str], bool]:
        """The best sentence of each Space in whose replay the words were said, best first; whether there are more."""
        ranked = []
        for sheet, notes in self.readable(who):
            if sheet.over and sheet.replay and not sheet.gone:
                for note in sorted(notes, key=lambda note: -note.number):
                    counts = [sum(_is(one, word) for one in note.words) for word in words]
                    if all(counts):
                        ranked.append((_rank(counts, note), -note.at, note.id, sheet.id))
        best: dict[str, tuple[float, float, str, str]] = {}
        for one in sorted(ranked[:RANKED_SPACES]):
            best.setdefault(one[3], one)
        order = sorted(best.values(), key=lambda one: one[3], reverse=True)
        by_headline = {
            sheet.id for sheet in self.sheets if all(any(o.startswith(w) for o in sheet.headline) for w in words)
        }
        said = {one[3]: one[2] for one in sorted(order, key=lambda one: one[0]) if one[3] not in by_headline}
        return said, len(ranked) > RANKED_SPACES

    @staticmethod
    def _answer(
        query: TranscriptSearchQuery,
        readable: list[tuple[Sheet, list[Note]]],
        phrases: list[tuple[set[str], ...]],
    ) -> tuple[list[tuple[str, str | None, str | None]], bool]:
        ranked = []
        for sheet, notes in readable:
            if query.space_id in (None, sheet.id):
                for note in sorted(notes, key=lambda note: -note.number):
                    counts = [_count(note.words, phrase) for phrase in phrases]
                    if query.speaker is not None:
                        counts.append(1 if note.by == query.speaker else 0)
                    if all(counts) and (query.said_from is None or at(note.at) >= query.said_from):
                        ranked.append((_rank(counts, note), -note.at, note.id, notes))
        told = []
        for _, _, id, notes in sorted(ranked[:RANKED], key=lambda one: one[:3]):
            order = [note.id for note in sorted(notes, key=lambda note: note.at)]
            place = order.index(id)
            told.append((id, order[place - 1] if place else None, (*order, None)[place + 1]))
        return told, len(ranked) > RANKED


def _rank(counts: list[int], note: Note) -> float:
    norm = 1.2 * (0.25 + 0.75 * len(note.words) / 12)
    return round(-sum(count / (count + norm) for count in counts), 9)


def _is(said: str, word: str) -> bool:
    """Whether it is the word, or begins with it where that is not short."""
    return said == word or (len(word) >= 4 and said.startswith(word))


def _count(words: list[str], phrase: tuple[set[str], ...]) -> int:
    spans = (words[first : first + len(phrase)] for first in range(len(words) - len(phrase) + 1))
    return sum(all(word in one for word, one in zip(span, phrase, strict=True)) for span in spans)


def _near(word: str, heard: set[str]) -> set[str]:
    slips = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
    return {one for one in heard if one == word or (slips and (distance(word, one) <= slips or one.startswith(word)))}


def _alike(word: str, terms: set[str]) -> set[str]:
    return {one for one in terms if len(word) >= 4 and one != word and _ratio(word, one) >= 0.75}


@cache
def _ratio(word: str, term: str) -> float:
    """How alike a word is to another one or its beginning."""
    beginnings = term, term[: len(word)], term[: len(word) + 1]
    return max(SequenceMatcher(None, one, word, autojunk=False).ratio() for one in beginnings)
