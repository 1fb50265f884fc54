"""Taking events in: what webhooks want is kept, and what follows from others is remembered, in one transaction with the
place in the stream. So it is as a durable consumer that takes each event in once, in order, whatever is killed."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from nats.js.errors import NotFoundError

from contracts import servers, subjects
from contracts.envelope import body_of, with_boxes
from contracts.listening import names_a_listener
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Bus, Received
from libs.bus.anew import StreamPlace, follow_anew
from libs.tables import Statements, Tables, TablesAway
from services.notifications.adapters import inbox, kept_events, pushes
from services.notifications.adapters.inbox import Inbox, Mark
from services.notifications.adapters.pushes import News
from services.notifications.app.payloads import stored
from services.notifications.domain.news import About, expires

_log = logging.getLogger(__name__)
_PAUSE: Final = 1.0
_LAST_WORDS: Final = frozenset({"room.ended", "room.canceled", "room.deleted"})
"""What is told of a Space of which nothing else is."""
_ERASED: Final = frozenset({"people.erased"})

_ABOUT: Final = {people.ReminderKind.SOON: About.SOON, people.ReminderKind.START: About.START}


class Intake:
    """Follows the stream. `wanted` tells whether any webhook wants a type of events."""

    def __init__(
        self,
        bus: Bus,
        tables: Tables,
        kept: Inbox,
        wanted: Callable[[str], bool],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self._tables = tables
        self._inbox = kept
        self._wanted = wanted
        self._now = now
        self._place: inbox.Place | None = None
        self.on_kept: list[Callable[[], None]] = []
        """Called after something was kept that a webhook wants."""
        self.on_owed: list[Callable[[], None]] = []
        """Called after something was remembered that is to be done."""
        self.on_forgotten: list[Callable[[], None]] = []
        """Called after something was deleted that must not be left in the files."""
        self.on_news: list[Callable[[], None]] = []
        """Called after something was noted that people may be told of in their browsers."""
        self._target: int | None = None

    def lack(self) -> str | None:
        """For readiness: None when everything is taken in that was there at the start."""
        if self._place is None or self._target is None:
            return "waiting for the stream"
        left = self._target - self._place.sequence
        return f"{left} sequences behind the stream" if left > 0 else None

    async def run(self) -> None:
        """For ever."""
        async for batch in follow_anew(self._bus, "deliveries", self._begin, self._follow):
            await self._take(batch)

    def _follow(self, *, after: int, epoch: str | None) -> AsyncIterator[list[Received]]:
        return self._bus.follow(filters=servers.filters(), after=after, epoch=epoch)

    async def _begin(self, reset: str | None) -> StreamPlace:
        if self._place is None:
            self._place = await self._inbox.place() or await self._first()
        if reset is not None:
            # Events that were taken in before are known by the numbers of their notifications. After a restore, other
            # events get numbers that were given before, and so another name: whoever has taken an id takes it no more.
            self._place = self._place._replace(epoch=reset, sequence=0, name=secrets.token_hex(4))
        if self._target is None:
            self._target = max([await self._last(subject) for subject in servers.filters()], default=0)
        return StreamPlace(self._place.epoch, self._place.sequence)

    async def _first(self) -> inbox.Place:
        """Begin with what happens from now on."""
        epoch, marks, sequence = await self._bus.stream_epoch(), dict[str, Mark](), 0
        for context in servers.TOLD_OF:
            try:
                last = await self._bus.js.get_last_msg(subjects.EVENTS_STREAM, subjects.events_of(context))
            except NotFoundError:
                continue
            sequence = max(sequence, last.seq or 0)
            if (mark := _mark(last.headers or {})) is not None:
                marks[context] = mark
        name = secrets.token_hex(4)
        await self._inbox.begin(epoch, sequence, marks, name)
        return inbox.Place(epoch, sequence, 0, name)

    async def _last(self, subject: str) -> int:
        try:
            return (await self._bus.js.get_last_msg(subjects.EVENTS_STREAM, subject)).seq or 0
        except NotFoundError:
            return 0

    # -- taking in ---------------------------------------------------------------------------------------------

    async def _take(self, batch: Sequence[Received]) -> None:
        if not batch:
            return
        assert self._place is not None
        before = self._place
        while True:
            work = _Work(before, batch, self._wanted, self._now().timestamp())
            try:
                self._place = await self._tables.run(work.do)
                break
            except TablesAway as error:
                _log.warning("events are taken in later", extra={"why": str(error)})
                await asyncio.sleep(_PAUSE)
        for happened, calls in (
            (work.kept, self.on_kept),
            (work.owed, self.on_owed),
            (work.forgotten, self.on_forgotten),
            (work.news, self.on_news),
        ):
            for call in calls if happened else ():
                call()


class _Work:
    """What is done for one batch."""

    def __init__(
        self, before: inbox.Place, batch: Sequence[Received], wanted: Callable[[str], bool], now: float
    ) -> None:
        self._before = before
        self._batch = batch
        self._wanted = wanted
        self._now = now
        self.kept = self.owed = self.forgotten = self.news = False

    def do(self, db: Statements) -> inbox.Place:
        """The place behind it."""
        n = self._before.n
        for received in self._batch:
            mark = _mark(received.headers)
            if mark is not None and not inbox.is_new(db, received.event.context, mark):
                continue
            n += self._keep(db, received, n + 1)
            self._follow_from(db, received)
            self._note(db, received)
        place = self._before._replace(sequence=self._batch[-1].sequence, n=n)
        inbox.move(db, place)
        return place

    def _keep(self, db: Statements, received: Received, n: int) -> bool:
        event = received.event
        type = servers.type_of(event)
        if not self._wanted(type) or names_a_listener(event):
            return False
        body = body_of(with_boxes(stored(event), received.boxes or {})).decode()
        kept = kept_events.Kept(
            n, self._id(received), type, event.space or event.key, event.space or "", event.at.timestamp(),
            event.subject, body,
        )  # fmt: skip
        is_new = kept_events.keep(db, kept, self._now)
        self.kept |= is_new
        return is_new

    def _id(self, received: Received) -> str:
        """Where nobody numbered it, what its publisher calls it."""
        mark = _mark(received.headers)
        event = received.event
        if mark is None:
            return f"{self._before.name}_{event.context}_x{received.id}"
        number, part = mark
        return f"{self._before.name}_{event.context}_{number}" + (f"_{part}" if part else "")

    def _follow_from(self, db: Statements, received: Received) -> None:
        match received.event:
            case people.ApiKeyRevoked(key_id=key):
                self._owe(db, "key", key)
            case people.TokensRevoked(person_id=person, token_id=None):
                self._owe(db, "signed_out", person)
            case people.TokensRevoked(person_id=person, token_id=str(token)):
                self._owe(db, "signed_out_here", f"{person}:{token}")
            case people.Erased(person_id=person) | people.Forgotten(whole=("person", person)):
                self._owe(db, "erased", person)
                self._forget(db, person, _ERASED)
                pushes.forget_person(db, person)
            case people.Forgotten(whole=("space", space)) | room.SpaceDeleted(space_id=space):
                self._forget(db, space, _LAST_WORDS)
                pushes.forget_space(db, space)
            case _:
                pass

    def _note(self, db: Statements, received: Received) -> None:
        """Note what people may be told of in their browsers, while that is worth it."""
        event, id = received.event, self._id(received)
        at = event.at.timestamp()
        if self._now >= expires(at):
            return
        match event:
            case room.Started(space_id=space, host=host, settings=settings):
                if settings.kind is not room.Kind.SPACE:
                    return  # a conversation is between those who are in it
                news = News(id, About.LIVE, pushes.LIVE, space, host.id, "", at)
            case people.ReminderDue(person_id=person, space_id=space, kind=kind, scheduled_start=start):
                if (about := _ABOUT.get(kind)) is None:
                    return  # a newer version's
                news = News(id, about, f"{about}:{start.isoformat()}", space, "", person, at)
            case _:
                return
        self.news |= pushes.note(db, news)

    def _owe(self, db: Statements, kind: str, id: str) -> None:
        inbox.owe(db, kind, id)
        self.owed = True

    def _forget(self, db: Statements, lane: str, but: Collection[str]) -> None:
        kept_events.forget_lane(db, lane, but)
        self.forgotten = True


def _mark(headers: Mapping[str, str]) -> Mark | None:
    """The number of an event that came from a store."""
    text = headers.get(subjects.HEADER_NOTIFICATION)
    if text is None:
        return None
    number, _, part = text.partition(".")
    return int(number), int(part or 0)
