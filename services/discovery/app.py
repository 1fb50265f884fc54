"""Who looks at their live bar now, and what they must be told."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from contracts.discovery.v1 import BarChanged, SpaceCard
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Received, Unavailable
from services.discovery.projection import Spaces

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 64
_PAUSE: Final = 0.5
_ALL: Final = 1000
"""As many Spaces of one bar are compared."""
_UNSEEN: Final = (
    room.Muted,
    room.Unmuted,
    room.SpeakRequested,
    room.RequestCanceled,
    room.RequestDeclined,
    room.RemovalRecorded,
)
"""Events of a Space that change no card."""

Publish = Callable[[BarChanged], Awaitable[object]]


class _Watcher:
    """Somebody who looks at their bar."""

    __slots__ = ("following", "shown", "until")

    def __init__(self, following: set[str]) -> None:
        self.following = following
        self.until = 0.0
        self.shown: dict[str, SpaceCard] = {}


class LiveBars:
    """Answers with a person's live bar, and tells those who watch theirs.

    A watcher is whoever asked for their bar within the last `watch_seconds`; asking again keeps them one, also over a
    restart. They are told when a Space comes into their bar, leaves it, or changes otherwise than in its count of
    listeners. There are at most `max_watchers`, and a change costs work only for those it concerns. Changes that come
    faster than they can be told are told as one.
    """

    def __init__(
        self,
        spaces: Spaces,
        publish: Publish,
        *,
        watch_seconds: float = 300.0,
        max_watchers: int = 10_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._spaces = spaces
        self._publish = publish
        self._watch_seconds = watch_seconds
        self._max_watchers = max_watchers
        self._now = now
        self._watchers: OrderedDict[str, _Watcher] = OrderedDict()
        self._fans: defaultdict[str, set[str]] = defaultdict(set)
        self._shown_to: defaultdict[str, set[str]] = defaultdict(set)
        self._spaces_to_tell: set[str] = set()
        self._people_to_tell: set[str] = set()
        self._something = asyncio.Event()
        for person_id, until, shown in spaces.watchers():
            watcher = self._add(person_id, until)
            for card in shown:
                self._remember(person_id, watcher, card.id, card)
            self._people_to_tell.add(person_id)

    @property
    def watchers(self) -> int:
        """How many people are told of changes."""
        return len(self._watchers)

    def bar(self, person_id: str, limit: int) -> tuple[SpaceCard, ...]:
        """The person's live bar, newest first; from now on they are told of its changes."""
        cards = self._spaces.live_bar(person_id, _ALL)
        if self._max_watchers:
            self._watch(person_id, cards)
        return cards[:limit]

    def changed(self, batch: Sequence[Received]) -> None:
        """Note what a batch of events may have changed; `tell` looks at it."""
        for received in batch:
            match received.event:
                case people.Followed(person_id=person, followee_id=followee):
                    if watcher := self._watchers.get(person):
                        watcher.following.add(followee)
                        self._fans[followee].add(person)
                        self._people_to_tell.add(person)
                case people.Unfollowed(person_id=person, followee_id=followee):
                    if watcher := self._watchers.get(person):
                        watcher.following.discard(followee)
                        _discard(self._fans, followee, person)
                        self._people_to_tell.add(person)
                case (
                    people.Blocked(person_id=one, blocked_id=other) | people.Unblocked(person_id=one, blocked_id=other)
                ):
                    self._people_to_tell.update({one, other} & self._watchers.keys())
                case room.SpaceEvent() as event if self._watchers and not isinstance(event, _UNSEEN):
                    self._spaces_to_tell.add(event.space_id)
                case _:
                    pass
        if self._spaces_to_tell or self._people_to_tell:
            self._something.set()

    async def tell(self) -> None:
        """Tell the watchers, for ever. Begin when the read model has caught up: what is not there yet would be told
        as gone."""
        self._something.set()
        while True:
            await self._something.wait()
            self._something.clear()
            spaces, self._spaces_to_tell = self._spaces_to_tell, set()
            persons, self._people_to_tell = self._people_to_tell, set()
            try:
                await self._tell(self._news(spaces, persons))
            except Unavailable as error:
                _log.warning("live bars are told later", extra={"why": str(error)})
                self._spaces_to_tell |= spaces
                self._people_to_tell |= persons
                self._something.set()
                await asyncio.sleep(_PAUSE)

    async def _tell(self, news: Iterable[BarChanged]) -> None:
        told = list(news)
        for first in range(0, len(told), _AT_ONCE):
            some = told[first : first + _AT_ONCE]
            done = await asyncio.gather(*(self._publish(event) for event in some), return_exceptions=True)
            failed = None
            for event, result in zip(some, done, strict=True):
                if isinstance(result, BaseException):
                    failed = failed or result
                elif (watcher := self._watchers.get(event.person_id)) is not None:
                    self._remember(event.person_id, watcher, event.space_id, event.card)
                    self._spaces.remember_watcher(event.person_id, watcher.until, watcher.shown.values())
            if failed is not None:
                raise failed

    def _news(self, spaces: Iterable[str], persons: Iterable[str]) -> Iterable[BarChanged]:
        pairs = {(person, space) for space in spaces for person in self._concerned(space)}
        for person in persons:
            if watcher := self._watchers.get(person):
                bar = {card.id for card in self._spaces.live_bar(person, _ALL)}
                pairs |= {(person, space) for space in bar | watcher.shown.keys()}
        now = self._now().timestamp()
        for person, space in pairs:
            watcher = self._watchers.get(person)
            if watcher is None or watcher.until < now:
                continue
            card = self._spaces.in_bar(person, space)
            if _look(card) != watcher.shown.get(space):
                yield BarChanged(at=self._now(), person_id=person, space_id=space, card=card)

    def _concerned(self, space_id: str) -> set[str]:
        """The watchers whose bar may show something else after a change of this Space."""
        people_on_stage = self._spaces.on_stage(space_id)
        result = set(self._shown_to.get(space_id, ())) | (people_on_stage & self._watchers.keys())
        for person in people_on_stage:
            result |= self._fans.get(person, set())
        return result

    # -- who watches -------------------------------------------------------------------------------------------

    def _watch(self, person_id: str, cards: Iterable[SpaceCard]) -> None:
        now = self._now().timestamp()
        watcher = self._watchers.get(person_id)
        if watcher is None:
            watcher = self._add(person_id, now)
            for card in cards:
                self._remember(person_id, watcher, card.id, card)
        else:
            # Whoever asks may be another client than the one that listens: what changed is told to that one as well.
            self._people_to_tell.add(person_id)
            self._something.set()
        watcher.until = now + self._watch_seconds
        self._watchers.move_to_end(person_id)
        self._spaces.remember_watcher(person_id, watcher.until, watcher.shown.values())
        while self._watchers:
            oldest, first = next(iter(self._watchers.items()))
            if first.until >= now and len(self._watchers) <= self._max_watchers:
                break
            self._forget(oldest)

    def _add(self, person_id: str, until: float) -> _Watcher:
        watcher = self._watchers[person_id] = _Watcher(self._spaces.following(person_id))
        watcher.until = until
        for followee in watcher.following:
            self._fans[followee].add(person_id)
        return watcher

    def _remember(self, person_id: str, watcher: _Watcher, space_id: str, card: SpaceCard | None) -> None:
        look = _look(card)
        if look is None:
            watcher.shown.pop(space_id, None)
            _discard(self._shown_to, space_id, person_id)
        else:
            watcher.shown[space_id] = look
            self._shown_to[space_id].add(person_id)

    def _forget(self, person_id: str) -> None:
        watcher = self._watchers.pop(person_id)
        for followee in watcher.following:
            _discard(self._fans, followee, person_id)
        for space_id in watcher.shown:
            _discard(self._shown_to, space_id, person_id)
        self._spaces.forget_watcher(person_id)


def _look(card: SpaceCard | None) -> SpaceCard | None:
    """What of a card is worth telling when it changes: everything but the count, which moves all the time."""
    return None if card is None else card.model_copy(update={"listeners": 0})


def _discard(index: defaultdict[str, set[str]], key: str, member: str) -> None:
    """Take a member out of a set of sets, and the set with its last member."""
    members = index.get(key)
    if members is not None:
        members.discard(member)
        if not members:
            del index[key]
