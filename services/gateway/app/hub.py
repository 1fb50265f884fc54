"""The hub of live events: one follower of the EVENTS stream that delivers to any number of clients."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

import nats.errors
from nats.js.errors import Error as JetStreamError

from contracts import subjects
from contracts.discovery.v1 import BarsChanged
from contracts.envelope import Audience, Event
from contracts.people.v1 import Forgotten
from libs.bus import Bus, Unavailable
from libs.bus.anew import StreamPlace, follow_anew
from libs.bus.halts import Unreadable
from libs.bus.opening import Opening
from services.gateway.app.clients import UNNUMBERED, Clients, Ending
from services.gateway.app.feeds import Subscribers
from services.gateway.app.frames import Frame, Position, frame_of
from services.gateway.app.kept_events import Keeping, KeptEvent
from services.gateway.app.recent import OPERATORS, Recent
from services.gateway.app.server_feed import Wanted
from services.gateway.app.visibility import told_wherever
from services.gateway.app.watched import WatchedSpaces

_log = logging.getLogger(__name__)


class Hub:
    """Follows the stream and delivers by audience. `start`, then `run` for ever.

    Each of `told` is told of every event, also of those that nobody watches.
    """

    def __init__(
        self,
        bus: Bus,
        spaces: WatchedSpaces,
        clients: Clients,
        keeping: Keeping,
        words: Opening,
        told: Sequence[Callable[[Event], None]],
        recent_events: int,
    ) -> None:
        self._bus = bus
        self._spaces = spaces
        self._clients = clients
        self._keeping = keeping
        self._words = words
        self._told = told
        self._position = Position("", 0)
        self.recent = Recent(recent_events)
        """The newest events up to the position."""
        self.bars: Subscribers[str] = Subscribers()
        """Who follows a live bar, by whose it is."""
        self.operators: Subscribers[str] = Subscribers()
        self.servers: Subscribers[Wanted] = Subscribers()
        """Servers of the host product, by what they want."""

    @property
    def position(self) -> Position:
        """Everything up to here has been delivered."""
        return self._position

    async def start(self) -> None:
        """Take the stream's end as the position, and listen to what is kept nowhere."""
        await self._bus.hear(self._pass_on)
        await self._begin()

    async def _begin(self) -> None:
        self._position = Position(await self._bus.stream_epoch(), await self._bus.last_sequence())
        self.recent.begin(self._position)

    async def run(self) -> None:
        """Deliver, for ever."""

        async def begin(reset: str | None) -> StreamPlace:
            if reset is not None:
                await self._begin()
                self._spaces.reset()
                self._clients.reset()
            return StreamPlace(self._position.epoch, self._position.sequence)

        follow = partial(
            self._bus.follow,
            filters=[subjects.EVENTS_SUBJECTS],
            unreadable=self._look_again,
            opening=self._words,
        )
        async for batch in follow_anew(self._bus, "the hub of live events", begin, follow):
            for received in batch:
                self._keeping.naming.hear(received.event)
            for kept in await self._keeping.keep(self._position.epoch, batch):
                if not kept.gone:
                    self._deliver(kept)

    async def knows(self, position: Position) -> bool:
        """Whether this is a place in the stream as it is now. Raises Unavailable."""
        if position.epoch != self._position.epoch:
            return False
        if position.sequence <= self._position.sequence:
            return True
        try:
            return position.sequence <= await self._bus.last_sequence()
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            raise Unavailable(f"the event stream: {error}") from error

    def _deliver(self, kept: KeptEvent) -> None:
        event, sequence = kept.event, kept.sequence

        def make() -> Frame:
            return kept.frame

        self._spaces.deliver(event, sequence, make)
        if (told := told_wherever(event)) is not None:
            self.bars.offer(told, sequence, make)
        elif isinstance(event, BarsChanged):
            for person_id in self.bars.among(event.person_ids):
                self.bars.offer(person_id, sequence, partial(kept.frame_to, person_id))
        if Audience.OPERATORS in event.audience:
            self.operators.offer(OPERATORS, sequence, make)
        for wanted in self.servers.waiting():
            if wanted.takes(event):
                self.servers.offer(wanted, sequence, make)
        for tell in self._told:
            tell(event)
        if isinstance(event, Forgotten) and event.unit is None:
            self._read_anew(event.what)
        self.recent.add(kept)
        # Last, so that whoever attaches at this position has not been offered the event.
        self._position = Position(self._position.epoch, sequence)

    def _pass_on(self, event: Event) -> None:
        """Deliver an event that has no place in the stream, and so no id to resume from."""
        if not event.passing:
            return
        frame = frame_of(None, event)
        self._spaces.deliver(event, UNNUMBERED, lambda: frame)

    def _read_anew(self, erased: str) -> None:
        """Have clients start over that may show what a subject's keys were destroyed for. By now nobody answers with
        it any more."""
        kind, _, id = erased.partition(":")
        for space_id in self._spaces.with_words_of(kind, id):
            for client in self._spaces.renew(space_id):
                client.end(Ending.RESET)

    def tell_anew(self) -> None:
        """Have all clients start over: they were told things without their words, which can be opened again."""
        self.recent.begin(self._position)
        self._spaces.reset()
        self._clients.reset()

    async def _look_again(self, event: Unreadable) -> None:
        """What an event changed in a Space that cannot be read, room tells whoever comes back to the Space."""
        _log.error("%s cannot be read and is shown to nobody", event.subject, extra={"why": event.why})
        if event.subject.startswith(subjects.events_of("room").removesuffix("*.*")):
            self._spaces.reset()
            self._clients.reset()
