"""Who looks at their live bar now, and what they must be told.

Nothing is written for each follower of somebody who goes live. A bar is put together when it is asked for, from the
asker's follows and the stages of live Spaces; and a change is told to those who look at their bar at that moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

from contracts.discovery.v1 import BarChanged, BarsChanged, SpaceCard
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Received, Unavailable
from libs.clock import utc_now
from libs.ids import new_id
from services.discovery.projection.answers import BarEntry
from services.discovery.projection.directory import SpaceDirectory

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 50
"""As many events are on their way together."""
_IN_ONE: Final = 500
"""As many people are told by one event, where they see the same."""
_PAUSE: Final = 0.5
_ALL: Final = 1000
"""As many Spaces of one bar are compared."""
_UNSEEN: Final = (
    room.Muted,
    room.Unmuted,
    room.HandRaised,
    room.HandLowered,
    room.Arrived,
    room.Lost,
    room.SpeakRequested,
    room.RequestCanceled,
    room.RequestDeclined,
    room.RequestHeld,
    room.InvitationClosed,
    room.RemovalRecorded,
    room.Pinned,
    room.Unpinned,
    room.WordsChanged,
    room.LanguageChosen,
)
"""Events of a Space that change no card."""

Publish = Callable[[Sequence[tuple[BarChanged | BarsChanged, str]]], Awaitable[object]]
"""Publishes events, each with an id of its own."""
CardLook = tuple[str, str, str | None]
"""Person, Space, and a mark of what it looks like; None where it is gone."""


@dataclass(slots=True)
class _Watcher:
    """Somebody who looks at their bar."""

    until: float
    blocked: set[str]
    """Whom they block, and who blocks them."""
    shown: dict[str, str] = field(default_factory=dict)
    """Space, and a mark of what it looked like when they were shown it."""


class LiveBars:
    """Answers with a person's live bar, and tells those who watch theirs.

    A watcher is whoever asked for their bar within the last `watch_seconds`; asking again keeps them one, also over a
    restart. They are told when a Space comes into their bar, leaves it, or changes otherwise than in its count of
    listeners. There are at most `max_watchers`, and a change costs work only for those it concerns: of the followers
    of somebody on stage those who watch, found once, from whichever are fewer, when that person comes on stage.
    Changes that come faster than they can be told are told as one.
    """

    def __init__(
        self,
        directory: SpaceDirectory,
        publish: Publish,
        *,
        watch_seconds: float = 300.0,
        max_watchers: int = 10_000,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._directory = directory
        self._publish = publish
        self._watch_seconds = watch_seconds
        self._max_watchers = max_watchers
        self._now = now
        self._watchers: OrderedDict[str, _Watcher] = OrderedDict()
        self._fans: dict[str, set[str]] = {}
        """Of each person who was on stage at the last look: the watchers who follow them."""
        self._stages: dict[str, tuple[str, ...]] = {}
        """Who was on stage, and the host, at the last look."""
        self._places: Counter[str] = Counter()
        """On how many of these stages each of them is."""
        self._shown_to: defaultdict[str, set[str]] = defaultdict(set)
        self._spaces_to_tell: set[str] = set()
        self._people_to_tell: set[str] = set()
        self._something = asyncio.Event()
        self._telling = False
        for person_id, until, shown in directory.watchers():
            watcher = self._add(person_id, until)
            for space_id, look in shown.items():
                self._remember(person_id, watcher, space_id, look)
            self._people_to_tell.add(person_id)

    @property
    def watchers(self) -> int:
        """How many people are told of changes."""
        return len(self._watchers)

    @property
    def busy(self) -> bool:
        """Whether there is something that watchers have not been told."""
        return self._something.is_set() or self._telling

    def bar(self, person_id: str, limit: int) -> tuple[SpaceCard, ...]:
        """The person's live bar, newest first; from now on they are told of its changes."""
        cards = self._directory.live_bar(person_id, _ALL)
        if self._max_watchers:
            self._watch(person_id, cards)
        return cards[:limit]

    def changed(self, batch: Sequence[Received]) -> None:
        """Note what a batch of events may have changed; `tell` looks at it."""
        if not self._watchers:
            self._fans.clear()
            self._stages.clear()
            self._places.clear()
            return
        for received in batch:
            match received.event:
                case people.Followed(person_id=person, followee_id=followee) if person in self._watchers:
                    if followee in self._fans:
                        self._fans[followee].add(person)
                    self._people_to_tell.add(person)
                case people.Unfollowed(person_id=person, followee_id=followee) if person in self._watchers:
                    if followee in self._fans:
                        self._fans[followee].discard(person)
                    self._people_to_tell.add(person)
                case (
                    people.Blocked(person_id=one, blocked_id=other) | people.Unblocked(person_id=one, blocked_id=other)
                ):
                    for person in {one, other} & self._watchers.keys():
                        self._watchers[person].blocked = self._directory.blocked(person)
                        self._people_to_tell.add(person)
                case people.ProfileChanged(person_id=person) | people.Erased(person_id=person):
                    self._spaces_to_tell.update(self._directory.live_with(person))
                case room.SpaceEvent() as event if not isinstance(event, _UNSEEN):
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
            self._telling = True
            try:
                await self._tell(self._news(spaces, persons))
            except Unavailable as error:
                _log.warning("live bars are told later", extra={"why": str(error)})
                self._spaces_to_tell |= spaces
                self._people_to_tell |= persons
                self._something.set()
                await asyncio.sleep(_PAUSE)
            finally:
                self._telling = False

    async def _tell(self, news: Iterator[tuple[BarChanged | BarsChanged, list[CardLook]]]) -> None:
        while some := list(islice(news, _AT_ONCE)):
            await self._publish([(event, new_id()) for event, _ in some])
            told = [one for _, those in some for one in those if one[0] in self._watchers]
            for person_id, space_id, look in told:
                self._remember(person_id, self._watchers[person_id], space_id, look)
            self._directory.remember_shown(told)

    def _news(
        self, spaces: Iterable[str], persons: Iterable[str]
    ) -> Iterator[tuple[BarChanged | BarsChanged, list[CardLook]]]:
        """What to tell, to whom."""
        whom: dict[str, set[str]] = {}
        for space_id in spaces:
            whom[space_id] = set(self._concerned(space_id, self._directory.live(space_id)))
        for person in persons:
            if watcher := self._watchers.get(person):
                bar = {card.id for card in self._directory.live_bar(person, _ALL)}
                for space_id in bar | watcher.shown.keys():
                    whom.setdefault(space_id, set()).add(person)
        for space_id, concerned in whom.items():
            yield from self._news_of(space_id, concerned)

    def _news_of(
        self, space_id: str, concerned: Iterable[str]
    ) -> Iterator[tuple[BarChanged | BarsChanged, list[CardLook]]]:
        at = self._now()
        for look, card, persons in self._looks(space_id, concerned, at.timestamp()):
            for first in range(0, len(persons), _IN_ONE):
                some = persons[first : first + _IN_ONE]
                told: list[CardLook] = [(person, space_id, look) for person in some]
                if len(some) == 1:
                    yield BarChanged(at=at, person_id=some[0], space_id=space_id, card=card), told
                else:
                    yield BarsChanged(at=at, person_ids=tuple(some), space_id=space_id, card=card), told

    def _looks(
        self, space_id: str, concerned: Iterable[str], now: float
    ) -> Iterable[tuple[str | None, SpaceCard | None, list[str]]]:
        """What the Space looks like now to those for whom that is news: its mark, the card, and who sees that one."""
        live = self._directory.live(space_id)
        self._look_at_stage(space_id, live)
        mark = _mark(live.card) if live else ""
        looks: dict[str | None, tuple[str | None, SpaceCard | None, list[str]]] = {}
        for person in concerned:
            watcher = self._watchers.get(person)
            if watcher is None or watcher.until < now:
                continue
            look, followed = None, []
            if live and self._in_bar(person, watcher, live):
                followed = [place for place, one in enumerate(live.stage) if person in self._fans[one]]
                look = mark + "".join(f"{place}." for place in followed)
            if look == watcher.shown.get(space_id):
                continue
            if look not in looks:
                because = {"because": tuple(live.card.speakers[place] for place in followed)} if live else {}
                looks[look] = look, live.card.model_copy(update=because) if live and look else None, []
            looks[look][2].append(person)
        return looks.values()

    def _in_bar(self, person: str, watcher: _Watcher, live: BarEntry) -> bool:
        """The same as `projection.schema.IN_BAR` says of all."""
        if person in live.stage:
            return True
        if not live.card.official and not any(person in self._fans[one] for one in live.stage):
            return False
        joinable = (
            live.who_can_join is room.WhoCanJoin.EVERYONE
            or (live.who_can_join is room.WhoCanJoin.FOLLOWERS and person in self._fans[live.host])
            or person in live.invited
        )
        return joinable and live.host not in watcher.blocked and person not in live.removed

    def _concerned(self, space_id: str, live: BarEntry | None) -> Iterable[str]:
        """The watchers whose bar may show something else after a change of this Space."""
        self._look_at_stage(space_id, live)
        if live is None:
            return tuple(self._shown_to.get(space_id, ()))
        if live.card.official:
            return tuple(self._watchers)
        fans = (self._fans[one] for one in live.stage)
        return set(self._shown_to.get(space_id, ())).union(self._watchers.keys() & set(live.stage), *fans)

    def _look_at_stage(self, space_id: str, live: BarEntry | None) -> None:
        """Know the watchers who follow those on stage, and forget those of whoever is on none any more."""
        there = (*live.stage, live.host) if live else ()
        before = self._stages.get(space_id, ())
        if there == before:
            return
        for one in there:
            if one not in self._fans:
                self._fans[one] = self._directory.followers_among(one, self._watchers.keys())
        if there:
            self._stages[space_id] = there
        else:
            self._stages.pop(space_id, None)
        self._places.update(set(there))
        self._places.subtract(set(before))
        for one in set(before).difference(there):
            if not self._places[one]:
                del self._places[one], self._fans[one]

    # -- who watches -------------------------------------------------------------------------------------------

    def _watch(self, person_id: str, cards: Iterable[SpaceCard]) -> None:
        now = self._now().timestamp()
        watcher = self._watchers.get(person_id)
        if watcher is None:
            watcher = self._add(person_id, now)
            self._shows(person_id, watcher, cards)
        else:
            # Whoever asks may be another client than the one that listens: what changed is told to that one as well.
            self._people_to_tell.add(person_id)
            self._something.set()
        watcher.until = now + self._watch_seconds
        self._watchers.move_to_end(person_id)
        self._directory.remember_watcher(person_id, watcher.until)
        while self._watchers:
            oldest, first = next(iter(self._watchers.items()))
            if first.until >= now and len(self._watchers) <= self._max_watchers:
                break
            self._forget(oldest)

    def _shows(self, person_id: str, watcher: _Watcher, cards: Iterable[SpaceCard]) -> None:
        for card in cards:
            stage = [one.id for one in card.speakers]
            look = _mark(card) + "".join(str(stage.index(one.id)) + "." for one in card.because)
            self._remember(person_id, watcher, card.id, look)
        self._directory.remember_shown((person_id, space_id, look) for space_id, look in watcher.shown.items())

    def _add(self, person_id: str, until: float) -> _Watcher:
        watcher = self._watchers[person_id] = _Watcher(until, self._directory.blocked(person_id))
        if self._fans:
            for followee in self._directory.following(person_id) & self._fans.keys():
                self._fans[followee].add(person_id)
        return watcher

    def _remember(self, person_id: str, watcher: _Watcher, space_id: str, look: str | None) -> None:
        if look is None:
            watcher.shown.pop(space_id, None)
            members = self._shown_to.get(space_id)
            if members is not None:
                members.discard(person_id)
                if not members:
                    del self._shown_to[space_id]
        else:
            watcher.shown[space_id] = look
            self._shown_to[space_id].add(person_id)

    def _forget(self, person_id: str) -> None:
        watcher = self._watchers.pop(person_id)
        for fans in self._fans.values():
            fans.discard(person_id)
        for space_id in tuple(watcher.shown):
            self._remember(person_id, watcher, space_id, None)
        self._directory.forget_watcher(person_id)


def _mark(card: SpaceCard) -> str:
    """What of a card is worth telling when it changes: everything but the count, which moves all the time."""
    look = card.model_copy(update={"listeners": 0, "because": ()})
    return hashlib.blake2b(look.model_dump_json().encode(), digest_size=6).hexdigest() + ":"
