"""Copying what is reported, as it is at that moment and as who reports it may see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from contracts.commands import Request
from contracts.envelope import Model
from contracts.room import v1 as room
from contracts.transcription import v1 as transcription
from libs.bus import Bus, Unavailable
from libs.commands import of_kind
from libs.eventstore import Fact, Store
from libs.refusal import Refusal
from services.people.app.people_sealer import MODERATION, PROFILE, PeopleSealer, of_person, of_report
from services.people.domain.copies import (
    Copied,
    CopiedCaption,
    CopiedPin,
    CopiedProfile,
    Copy,
    CopyMissing,
    Stretch,
    Why,
    around,
)
from services.people.domain.entities import Entity
from services.people.domain.person import Person
from services.people.domain.report import Evidence, Filed

R = TypeVar("R", bound=Model)
_MOST: Final = 4_000
"""Characters of one text that are kept; what people may write is shorter."""
_SOON: Final = timedelta(seconds=60)
"""So long a caption that is not there may still be on its way."""
_HOSTS: Final = frozenset({room.Role.HOST, room.Role.COHOST})


class _Missing(Exception):
    """A piece that is not to be had."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class _View:
    """A Space as who reports something in it saw it."""

    whole: room.Space
    seen: room.Space | None
    """What they were shown of it; None: nothing."""
    inside: bool
    """Whether they may see what was said in it."""


class Copier:
    """Gathers the pieces of reports, sealed under the key of each."""

    def __init__(self, bus: Bus, store: Store[Entity], sealer: PeopleSealer, now: Callable[[], datetime]) -> None:
        self._bus = bus
        self._store = store
        self._sealer = sealer
        self._now = now

    async def copy(
        self, report_id: str, filed: Filed, numbers: Collection[int], *, at: datetime, patience: float
    ) -> list[Fact]:
        """What became of these pieces of a report that was made then; a piece whose owner is away is left out.

        Takes about `patience` seconds at most.
        """
        one = _Gathering(self, report_id, filed, at, time.monotonic() + patience)
        made = await asyncio.gather(*(one.piece(number) for number in sorted(numbers)))
        return [fact for fact in made if fact is not None]

    async def ask(self, request: Request[R], deadline: float) -> R:
        """An answer. Raises Refusal, and Unavailable where there is none in time."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unavailable("there was no time left to ask")
        return (await self._bus.ask(request, timeout=left)).result

    async def profile(self, person_id: str) -> CopiedProfile:
        """What somebody says of themself. Refuses: unavailable."""

        def seen(person: Person) -> CopiedProfile:
            if not person.exists:
                raise _Missing("deleted")
            said, lock = person.profile, of_person(person_id)
            return CopiedProfile(
                handle=self._sealer.read_name(person_id, said.handle),
                name=self._sealer.read_name(person_id, said.name),
                bio=self._sealer.read(lock, PROFILE, said.bio),
                links=tuple(self._sealer.read(lock, PROFILE, link) for link in said.links),
            )

        return await self._store.read(person_id, of_kind(Person, seen))

    def kept(self, report_id: str, number: int, copy: Copy | None, stretch: Stretch | None) -> Copied:
        """A piece as it is stored. Refuses: unavailable."""
        if copy is None:
            return Copied(piece=number, stretch=stretch)
        text = msgspec.json.encode(copy).decode()
        return Copied(piece=number, words=self._sealer.seal(of_report(report_id), MODERATION, text), stretch=stretch)

    def now(self) -> datetime:
        return self._now()


class _Gathering:
    """The pieces of one report, which are asked for together."""

    def __init__(self, copier: Copier, report_id: str, filed: Filed, at: datetime, deadline: float) -> None:
        self._copier = copier
        self._report = report_id
        self._filed = filed
        self._at = at
        self._deadline = deadline
        self._views: dict[str, asyncio.Task[_View]] = {}

    async def piece(self, number: int) -> Fact | None:
        """What became of a piece; None where its owner is away."""
        evidence = self._filed.pieces[number]
        try:
            copy, stretch = await self._found(evidence)
            stretch = stretch if self._filed.has_sound(number) else None
            return self._copier.kept(self._report, number, copy, stretch)
        except _Missing as missing:
            return CopyMissing(piece=number, why=missing.why)
        except Unavailable:
            return None
        except Refusal as no:
            # Of what is refused for good nothing can be copied later either.
            return None if no.retry else CopyMissing(piece=number, why="unseen")

    async def _found(self, evidence: Evidence) -> tuple[Copy | None, Stretch | None]:
        if evidence.kind == "profile":
            person = self._filed.subject.person
            if person is None:
                raise _Missing("deleted")
            return Copy(profile=await self._copier.profile(person)), None
        space_id = evidence.space or self._filed.subject.space
        if space_id is None:
            raise _Missing("deleted")
        view = await self._view(space_id)
        match evidence.kind:
            case "title":
                return Copy(title=_shown(view).settings.title), None
            case "pin":
                pin = next((one for one in _shown(view).pins if one.id == evidence.reference), None)
                if pin is None:
                    raise _Missing("deleted")
                return Copy(pin=CopiedPin(person=pin.person.id, url=_cut(pin.url), text=_cut(pin.text))), None
            case "request":
                return Copy(message=self._message(_shown(view))), None
            case "caption":
                return await self._caption(view, evidence.reference)
            case "moment":
                return None, self._moment(view, evidence)
            case _:
                raise _Missing("deleted")

    def _message(self, space: room.Space) -> str:
        person, reporter = self._filed.subject.person, self._filed.reporter
        found = next((one.message for one in space.requests if one.person.id == person), None)
        if found is not None:
            return _cut(found)
        hosting = reporter == space.host.id or any(m.person.id == reporter and m.role in _HOSTS for m in space.stage)
        raise _Missing("deleted" if hosting else "unseen")

    async def _caption(self, view: _View, caption_id: str) -> tuple[Copy, Stretch | None]:
        if not view.inside:
            raise _Missing("unseen")
        began = view.whole.started_at
        try:
            query = transcription.CaptionsAroundQuery(space_id=view.whole.id, caption_id=caption_id)
            found = (await self._copier.ask(query, self._deadline)).captions
        except ValueError:  # an id that no caption has
            raise _Missing("deleted") from None
        except Refusal as no:
            if no.reason not in ("transcript_unknown", "caption_unknown"):
                raise
            live = view.whole.state is room.State.LIVE
            if live and no.reason == "caption_unknown" and self._copier.now() < self._at + _SOON:
                raise Unavailable("it may still be on its way") from no
            raise _Missing("deleted") from no
        captions = tuple(
            CopiedCaption(id=one.id, person=one.person.id, text=_cut(one.text), start=one.start_at, end=one.end_at)
            for one in found
        )
        named = next((one for one in captions if one.id == caption_id), None)
        if named is None or began is None:
            raise _Missing("deleted")
        stretch = around(view.whole.id, named.start, named.end, began=began, now=max(self._at, named.end))
        return Copy(captions=captions), stretch

    def _moment(self, view: _View, evidence: Evidence) -> Stretch:
        if not view.inside:
            raise _Missing("unseen")
        began, first, last = view.whole.started_at, evidence.from_seconds, evidence.to_seconds
        named = [seconds for seconds in (first, last) if seconds is not None]
        if began is None or not named:
            raise _Missing("deleted")
        try:
            since, until = began + timedelta(seconds=min(named)), began + timedelta(seconds=max(named))
        except OverflowError:
            raise _Missing("deleted") from None
        # Not what comes after the report.
        stretch = around(view.whole.id, since, until, began=began, now=self._at)
        if stretch is None:
            raise _Missing("deleted")
        return stretch

    async def _view(self, space_id: str) -> _View:
        if space_id not in self._views:
            self._views[space_id] = asyncio.create_task(self._looked(space_id))
        return await self._views[space_id]

    async def _looked(self, space_id: str) -> _View:
        reporter = self._filed.reporter
        whole = await self._space(room.SpaceQuery(space_id=space_id, follower=True))
        if whole is None:
            raise _Missing("deleted")
        seen = await self._space(room.SpaceQuery(space_id=space_id, actor=reporter))
        everybody = whole.settings.who_can_join is room.WhoCanJoin.EVERYONE and whole.settings.kind is room.Kind.SPACE
        # Whoever was removed saw it until then, and everybody could see an open one.
        saw = everybody or reporter in whole.removed
        if saw:
            return _View(whole, seen or whole.model_copy(update={"requests": ()}), inside=True)
        looking_back = whole.state is not room.State.LIVE
        admitted = await self._may(room.AdmitQuery(space_id=space_id, actor=reporter, looking_back=looking_back))
        return _View(whole, seen, inside=admitted)

    async def _space(self, query: room.SpaceQuery) -> room.Space | None:
        try:
            return await self._copier.ask(query, self._deadline)
        except Refusal as no:
            if no.retry:
                raise
            return None

    async def _may(self, query: room.AdmitQuery) -> bool:
        try:
            await self._copier.ask(query, self._deadline)
        except Refusal as no:
            if no.retry:
                raise
            return False
        return True


def _shown(view: _View) -> room.Space:
    if view.seen is None:
        raise _Missing("unseen")
    return view.seen


def _cut(text: str) -> str:
    return text[:_MOST]
