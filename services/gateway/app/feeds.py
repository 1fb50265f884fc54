"""What a client can follow: one Space, its own live bar, and for operators what is for them alone."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from contracts import subjects
from contracts.captions.v1 import Partial
from contracts.discovery.v1 import BarChanged, BarsChanged, LiveBarQuery, SpaceCard
from contracts.envelope import Audience, Event
from contracts.people.v1 import ProfileChanged, ReminderDue
from contracts.room.v1 import Canceled, Ended, Invited, Space, SpaceQuery, State, Uninvited
from contracts.transcription.v1 import (
    CaptionCorrected,
    Captioned,
    CaptionRestored,
    OwnCaptionCorrected,
    TranscriptQuery,
)
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal
from services.gateway.app.access import look_inside
from services.gateway.app.clients import Client
from services.gateway.app.frames import Frame
from services.gateway.app.recent import BARS, NAMES, OPERATORS, bar_of
from services.gateway.app.visibility import Viewer, concerns_space, ends_for, may_see, told_wherever
from services.gateway.app.watched import WatchedSpace, WatchedSpaces, view

K = TypeVar("K", bound=Hashable)
_log = logging.getLogger(__name__)

_PERSON_KEYED: Final = ("tipping",)
"""Contexts with events that concern a Space and whose subjects carry a person's id; the Space is in their body."""
WORDS: Final = (Partial, Captioned, CaptionCorrected, CaptionRestored, OwnCaptionCorrected)
"""Events that carry what was said."""
_MOST_NAMED: Final = 100
"""People whose new names are looked for in the history."""
NONE_OF_THEM: Final = 1_000_000_000
"""Captions of a Space, behind the last of which none is: asks whether there is a transcript, and for none of it."""


class Feed(Protocol):
    """What a client follows."""

    @property
    def may_lag(self) -> bool:
        """Whether what a client is told does not depend on when. Nothing waits in its queue then while it is told what
        it missed: what happens meanwhile is read out of the stream too, at the pace of the client."""

    async def attach(self, client: Client) -> None:
        """Deliver to the client from now on. Raises Refusal, Unavailable."""

    def detach(self, client: Client) -> None:
        """Deliver no more."""

    async def snapshot(self, client: Client) -> str:
        """What the client is shown first, as JSON. Raises Refusal, Unavailable."""

    def keys(self) -> Sequence[str]:
        """What its events are kept by (`recent.keys_of`)."""

    def filters(self, viewer: Viewer) -> Sequence[str]:
        """Subjects of the history that may hold something for this viewer, one event each."""

    def shows(self, event: Event, viewer: Viewer) -> bool:
        """Whether the viewer is shown the event, by their role now."""

    async def stands(self, event: Event) -> bool:
        """Whether an event of the history may still be told; what it says may have been deleted since."""

    def ends(self, event: Event, viewer: Viewer) -> bool:
        """Whether the event is the viewer's last."""


class SpaceFeed:
    """The events of one Space."""

    may_lag: Final = False

    def __init__(self, bus: Bus, spaces: WatchedSpaces, space_id: str, ask_seconds: float) -> None:
        self._bus = bus
        self._spaces = spaces
        self._space_id = space_id
        self._ask_seconds = ask_seconds
        self._watched = WatchedSpace(space_id)
        self._keeps_words = False
        self._is_gone = False
        """Whether it was ephemeral and is over: then nothing of its history is told but how it ended."""

    async def attach(self, client: Client) -> None:
        self._watched = await self._spaces.attach(self._space_id, client)

    def detach(self, client: Client) -> None:
        self._spaces.detach(self._watched, client)

    async def snapshot(self, client: Client) -> str:
        viewer, session = client.viewer, client.session
        space = await look_inside(self._bus, self._space_id, viewer, self._ask_seconds, session=session)
        client.after_version = space.version
        self._is_gone = space.settings.ephemeral and space.state not in (State.SCHEDULED, State.LIVE)
        self._keeps_words = not self._is_gone and await self._has_words(space)
        listeners = self._watched.now.listeners if self._watched.now else 0
        return view(space, listeners).model_dump_json()

    def keys(self) -> Sequence[str]:
        return [self._space_id, NAMES]

    def filters(self, viewer: Viewer) -> Sequence[str]:
        keyed = [subjects.events_of_key(self._space_id)]
        if (now := self._watched.now) is not None:
            renamed = sorted(now.named_to(viewer))[:_MOST_NAMED]
            keyed += [subjects.event(ProfileChanged.context, id, ProfileChanged.name) for id in renamed]
        # One may be the payer of a tip that is keyed by its recipient, so all must be looked through.
        return keyed if viewer.person_id is None else [*keyed, *(subjects.events_of(c) for c in _PERSON_KEYED)]

    def shows(self, event: Event, viewer: Viewer) -> bool:
        now = self._watched.now
        if now is not None and isinstance(event, ProfileChanged):
            return event.person_id in now.named_to(viewer)
        if now is None or concerns_space(event) != self._space_id:
            return False
        if self._is_gone and not isinstance(event, Ended | Canceled):
            return False
        if isinstance(event, WORDS) and not self._keeps_words:
            return False
        return may_see(event, viewer, now.role_of(viewer))

    async def stands(self, event: Event) -> bool:
        return True  # the snapshot found out whether there are words to tell

    def ends(self, event: Event, viewer: Viewer) -> bool:
        return ends_for(event, viewer)

    async def _has_words(self, space: Space) -> bool:
        """Whether what was said may be told out of the history: once the Space is over, only while there is a
        transcript."""
        if space.state in (State.SCHEDULED, State.LIVE) or not space.settings.captions:
            return True
        return await _has_transcript(self._bus, space.id, self._ask_seconds)


async def _has_transcript(bus: Bus, space_id: str, ask_seconds: float) -> bool:
    """Whether a Space has a transcript now; False where that cannot be found out."""
    try:
        query = TranscriptQuery(space_id=space_id, after=NONE_OF_THEM)
        return (await bus.ask(query, timeout=ask_seconds)).result.state != "none"
    except (Refusal, Unavailable) as error:
        _log.warning("what was said in %s is left out of the history", space_id, extra={"why": str(error)})
        return False


class Subscribers(Generic[K]):
    """Clients by key, for feeds that need to know nothing of a Space."""

    def __init__(self) -> None:
        self._clients: defaultdict[K, set[Client]] = defaultdict(set)

    def add(self, key: K, client: Client) -> None:
        """Offer to the client what is for `key` from now on."""
        self._clients[key].add(client)

    def discard(self, key: K, client: Client) -> None:
        """Offer no more."""
        self._clients[key].discard(client)
        if not self._clients[key]:
            del self._clients[key]

    def among(self, keys: Iterable[K]) -> list[K]:
        """Which of the keys have clients."""
        return [key for key in keys if key in self._clients]

    def waiting(self) -> list[K]:
        """The keys that have clients."""
        return list(self._clients)

    def offer(self, key: K, sequence: int, made: Callable[[], Frame]) -> None:
        """Offer an event to all of `key`."""
        for client in self._clients.get(key, ()):
            client.offer(sequence, 0, made())


class BarFeed:
    """Changes of one person's live bar, what they are reminded of, which Spaces they were let into, and where a host
    corrected what they said."""

    may_lag: Final = False

    def __init__(self, bus: Bus, bars: Subscribers[str], person_id: str, ask_seconds: float) -> None:
        self._bus = bus
        self._bars = bars
        self._person_id = person_id
        self._ask_seconds = ask_seconds
        self._transcripts: dict[str, bool] = {}
        """Whether the Spaces of the history that were asked about have one."""
        self._cards: dict[str, bool] = {}
        """Whether it may still be told who was on their stages."""

    async def attach(self, client: Client) -> None:
        self._bars.add(self._person_id, client)

    def detach(self, client: Client) -> None:
        self._bars.discard(self._person_id, client)

    async def snapshot(self, client: Client) -> str:
        query = LiveBarQuery(actor=self._person_id)
        return (await self._bus.ask(query, timeout=self._ask_seconds)).result.model_dump_json()

    def keys(self) -> Sequence[str]:
        return [bar_of(self._person_id), BARS]

    def filters(self, viewer: Viewer) -> Sequence[str]:
        return [
            subjects.event(BarChanged.context, self._person_id, BarChanged.name),
            subjects.event(BarsChanged.context, "*", BarsChanged.name),
            subjects.event(ReminderDue.context, self._person_id, ReminderDue.name),
            *(subjects.event(kind.context, "*", kind.name) for kind in (OwnCaptionCorrected, Invited, Uninvited)),
        ]

    def shows(self, event: Event, viewer: Viewer) -> bool:
        if isinstance(event, BarsChanged):
            return self._person_id in event.people()
        return told_wherever(event) == self._person_id

    async def stands(self, event: Event) -> bool:
        match event:
            case OwnCaptionCorrected(space_id=space_id):
                return await self._has_transcript(space_id)
            case BarChanged(space_id=space_id, card=SpaceCard()) | BarsChanged(space_id=space_id, card=SpaceCard()):
                return await self._has_card(space_id)
            case _:
                return True

    async def _has_card(self, space_id: str) -> bool:
        """Whether a Space is there, and is not an ephemeral one that is over; False where that cannot be found out."""
        if space_id not in self._cards:
            query = SpaceQuery(space_id=space_id, follower=True, words=False)
            try:
                space = (await self._bus.ask(query, timeout=self._ask_seconds)).result
                self._cards[space_id] = not space.settings.ephemeral or space.state is State.LIVE
            except (Refusal, Unavailable) as error:
                _log.warning("a card is left out of the history", extra={"space": space_id, "why": str(error)})
                self._cards[space_id] = False
        return self._cards[space_id]

    async def _has_transcript(self, space_id: str) -> bool:
        if space_id not in self._transcripts:
            self._transcripts[space_id] = await _has_transcript(self._bus, space_id, self._ask_seconds)
        return self._transcripts[space_id]

    def ends(self, event: Event, viewer: Viewer) -> bool:
        return False


async def keep_bars(bus: Bus, bars: Subscribers[str], every: float, ask_seconds: float) -> None:
    """Ask for the live bar of everybody who watches one, every so many seconds, for ever: discovery tells of changes
    only those who asked lately."""
    while True:
        await asyncio.sleep(every)
        for person_id in bars.waiting():
            try:
                await bus.ask(LiveBarQuery(actor=person_id, limit=1), timeout=ask_seconds)
            except (Refusal, Unavailable) as error:
                _log.warning("a live bar is not kept up to date now", extra={"why": str(error)})


class OperatorFeed:
    """Every event whose audience has those who run the instance."""

    may_lag: Final = True

    def __init__(self, operators: Subscribers[str]) -> None:
        self._operators = operators

    async def attach(self, client: Client) -> None:
        self._operators.add(OPERATORS, client)

    def detach(self, client: Client) -> None:
        self._operators.discard(OPERATORS, client)

    async def snapshot(self, client: Client) -> str:
        return "{}"

    def keys(self) -> Sequence[str]:
        return [OPERATORS]

    def filters(self, viewer: Viewer) -> Sequence[str]:
        return [subjects.EVENTS_SUBJECTS]

    def shows(self, event: Event, viewer: Viewer) -> bool:
        return Audience.OPERATORS in event.audience

    async def stands(self, event: Event) -> bool:
        return True

    def ends(self, event: Event, viewer: Viewer) -> bool:
        return False
