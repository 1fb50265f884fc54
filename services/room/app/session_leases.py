"""Who is there now: leases of sessions, in memory, relearnt from their renewals after a restart.

Pure: times are arguments (seconds of a monotonic clock for leases, UTC for what is told). Nothing counts up or down:
a count is what the live leases say.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

_TAKEN_OVER: Final = 10_000
"""Sessions of one Space that are remembered because another took them over."""


@dataclass(slots=True)
class Lease:
    """A session that lives until `expires` unless it is renewed."""

    space_id: str
    session_id: str
    person_id: str | None
    joined_at: datetime
    platform: str
    source: str
    hidden: bool = False
    """Counted, and on no list."""
    assumed: bool = False
    """Hidden until a holder that knows says otherwise."""
    expires: float = 0.0
    holders: tuple[str, ...] = ()
    """Who keeps it alive: gateways by an event stream, media nodes by a connection."""
    counts_until: float = 0.0
    """A holder said so long ago that it is there, that it counts until then."""
    role: str = "listener"
    """When it was opened."""
    continues: str | None = None
    """The anonymous session that it took over from."""
    told: bool = False
    """Whether everybody was told that it was opened, or need not be."""


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over; `lapsed` when nobody said goodbye."""

    lease: Lease
    at: datetime
    lapsed: bool


@dataclass(slots=True)
class _Room:
    sessions: dict[str, Lease] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    """Person -> how many sessions; two devices of one person are one person."""
    listed: dict[str, int] = field(default_factory=dict)
    """The same without hidden sessions."""
    counted: dict[str, int] = field(default_factory=dict)
    """The same of sessions that count."""
    anonymous: int = 0
    counted_anonymous: int = 0
    taken_over: dict[str, str] = field(default_factory=dict)
    """Session that another took over -> the other: who still renews the one means the other."""
    told: tuple[int, int] | None = None
    told_at: float = float("-inf")


class SessionLeases:
    """The sessions of the partitions this process owns.

    Anybody can open sessions and say that they are there. A session counts while somebody else says so: a gateway that
    has an event stream of it open, or a media node that has a connection.
    """

    def __init__(self, lease_seconds: float) -> None:
        self.lease_seconds = lease_seconds
        self._rooms: dict[str, _Room] = {}
        self._by_expiry: OrderedDict[tuple[str, str], Lease] = OrderedDict()
        """All leases, the one that lapses first in front: every renewal lasts equally long."""
        self._counting: OrderedDict[tuple[str, str], Lease] = OrderedDict()
        """Those that count, the one that ceases first in front."""
        self._came: list[Lease] = []
        self._dirty: set[str] = set()
        self._moved: set[str] = set()

    # -- leases ------------------------------------------------------------------------------------------------

    def open(self, lease: Lease, now: float) -> bool:
        """Open a session, or renew it; whether it is a new one."""
        room = self._rooms.setdefault(lease.space_id, _Room())
        known = room.sessions.get(lease.session_id)
        if known is not None:
            self._renew(known, now)
            return False
        room.sessions[lease.session_id] = lease
        if lease.person_id is None:
            room.anonymous += 1
        else:
            room.people[lease.person_id] = room.people.get(lease.person_id, 0) + 1
            if not lease.hidden:
                room.listed[lease.person_id] = room.listed.get(lease.person_id, 0) + 1
            self._moved.add(lease.space_id)
        self._renew(lease, now)
        if lease.holders or lease.counts_until > now:
            self._hold(lease, now)
        self._dirty.add(lease.space_id)
        return True

    def renew(self, space_id: str, session_id: str, now: float, holder: str = "") -> bool:
        """Whether there was such a session; it lives on, and counts where a holder says so."""
        lease = self.find(space_id, session_id)
        if lease is None:
            return False
        self._renew(lease, now)
        if holder:
            if holder not in lease.holders:
                lease.holders += (holder,)
            self._hold(lease, now)
        return True

    def came(self) -> list[Lease]:
        """Sessions that began to count since this was last asked, and were not told of."""
        came, self._came = self._came, []
        return came

    def take_over(self, space_id: str, session_id: str, by: str, at: datetime) -> SessionEnded | None:
        """End an anonymous session, in whose place another is from now on; None where there was none."""
        lease = self.find(space_id, session_id)
        if lease is None or lease.person_id is not None or session_id == by:
            return None
        taken_over = self._rooms[space_id].taken_over
        taken_over[lease.session_id] = by
        if len(taken_over) > _TAKEN_OVER:
            del taken_over[next(iter(taken_over))]
        return self.close(space_id, lease.session_id, at)

    def let_go(self, space_id: str, session_id: str, holder: str, at: datetime) -> SessionEnded | None:
        """A holder keeps a session alive no longer, which ends where it was the last; None where it did not end."""
        lease = self.find(space_id, session_id)
        if lease is None or holder not in lease.holders:
            return None
        lease.holders = tuple(one for one in lease.holders if one != holder)
        return None if lease.holders else self.close(space_id, lease.session_id, at)

    def _renew(self, lease: Lease, now: float) -> None:
        lease.expires = now + self.lease_seconds
        key = (lease.space_id, lease.session_id)
        self._by_expiry[key] = lease
        self._by_expiry.move_to_end(key)

    def _hold(self, lease: Lease, now: float) -> None:
        lease.counts_until = now + self.lease_seconds
        key = (lease.space_id, lease.session_id)
        if key not in self._counting:
            self._count(lease, 1)
            if not lease.told:
                lease.told = True
                self._came.append(lease)
        self._counting[key] = lease
        self._counting.move_to_end(key)

    def _cease(self, lease: Lease) -> None:
        if self._counting.pop((lease.space_id, lease.session_id), None) is not None:
            self._count(lease, -1)

    def _count(self, lease: Lease, step: int) -> None:
        room = self._rooms[lease.space_id]
        if lease.person_id is None:
            room.counted_anonymous += step
        elif step > 0:
            room.counted[lease.person_id] = room.counted.get(lease.person_id, 0) + 1
        else:
            _drop(room.counted, lease.person_id)
        self._dirty.add(lease.space_id)

    def list_openly(self, lease: Lease) -> None:
        """Put a session that was taken to be hidden on the list."""
        lease.hidden = lease.assumed = False
        room = self._rooms.get(lease.space_id)
        if room is not None and lease.person_id is not None and lease.session_id in room.sessions:
            room.listed[lease.person_id] = room.listed.get(lease.person_id, 0) + 1

    def find(self, space_id: str, session_id: str) -> Lease | None:
        """A live session, or the one that took it over."""
        room = self._rooms.get(space_id)
        if room is None:
            return None
        return room.sessions.get(session_id) or room.sessions.get(room.taken_over.get(session_id, ""))

    def close(self, space_id: str, session_id: str, at: datetime, *, lapsed: bool = False) -> SessionEnded | None:
        """End a session; None where there was none."""
        room = self._rooms.get(space_id)
        lease = room.sessions.pop(session_id, None) if room else None
        if room is None or lease is None:
            return None
        self._cease(lease)
        del self._by_expiry[space_id, session_id]
        if lease.person_id is None:
            room.anonymous -= 1
        else:
            _drop(room.people, lease.person_id)
            if not lease.hidden:
                _drop(room.listed, lease.person_id)
            self._moved.add(space_id)
        self._dirty.add(space_id)
        return SessionEnded(lease, at, lapsed)

    def close_person(self, space_id: str, person_id: str, at: datetime) -> list[SessionEnded]:
        """End every session of somebody in a Space."""
        room = self._rooms.get(space_id)
        if room is None or person_id not in room.people:
            return []
        theirs = [lease.session_id for lease in room.sessions.values() if lease.person_id == person_id]
        return [end for session in theirs if (end := self.close(space_id, session, at)) is not None]

    def close_space(self, space_id: str, at: datetime) -> list[SessionEnded]:
        """End every session of a Space."""
        room = self._rooms.get(space_id)
        ended = [end for s in list(room.sessions) if (end := self.close(space_id, s, at))] if room else []
        self._rooms.pop(space_id, None)
        self._dirty.discard(space_id)
        return ended

    def lapse(self, now: float, at: datetime) -> list[SessionEnded]:
        """End the sessions that nobody renewed; those that no holder did count no longer."""
        while self._counting and (ceasing := next(iter(self._counting.values()))).counts_until <= now:
            self._cease(ceasing)
        ended: list[SessionEnded] = []
        while self._by_expiry:
            lease = next(iter(self._by_expiry.values()))
            if lease.expires > now:
                break
            if (end := self.close(lease.space_id, lease.session_id, at, lapsed=True)) is not None:
                ended.append(end)
        return ended

    def prolong(self, seconds: float) -> None:
        """Have every lease last so much longer: nobody could renew it."""
        for lease in self._by_expiry.values():
            lease.expires += seconds
        for lease in self._counting.values():
            lease.counts_until += seconds

    def forget(self, which: Callable[[str], bool]) -> None:
        """Forget Spaces that another process now keeps; nobody left them."""
        for space_id in [s for s in self._rooms if which(s)]:
            for session_id in self._rooms.pop(space_id).sessions:
                del self._by_expiry[space_id, session_id]
                self._counting.pop((space_id, session_id), None)
            self._dirty.discard(space_id)

    # -- who ---------------------------------------------------------------------------------------------------

    def is_there(self, space_id: str, person_id: str) -> bool:
        """Whether somebody has a live session."""
        room = self._rooms.get(space_id)
        return room is not None and person_id in room.people

    def platform_of(self, space_id: str, person_id: str) -> str | None:
        """The kind of client of somebody's first live session; None where they have none."""
        room = self._rooms.get(space_id)
        if room is None or person_id not in room.people:
            return None
        return next((lease.platform for lease in room.sessions.values() if lease.person_id == person_id), None)

    def spaces_of(self, person_id: str) -> list[str]:
        """Spaces where somebody has a live session."""
        return [space_id for space_id, room in self._rooms.items() if person_id in room.people]

    def moved(self) -> set[str]:
        """Spaces in which a session of somebody known opened or closed since this was last asked."""
        moved, self._moved = self._moved, set()
        return moved

    def page(self, space_id: str, after: str, limit: int) -> list[str]:
        """The next `limit` people after this id, in order of ids, who are not hidden."""
        room = self._rooms.get(space_id)
        return heapq.nsmallest(limit, (p for p in room.listed if p > after)) if room else []

    # -- counts ------------------------------------------------------------------------------------------------

    def count(self, space_id: str, stage: Iterable[str]) -> tuple[int, int]:
        """(listeners whose sessions count, people on stage with a live one); `stage` are the people who stand on it."""
        room = self._rooms.get(space_id)
        if room is None:
            return 0, 0
        people = [person for person in stage if person in room.people]
        listeners = len(room.counted) - sum(person in room.counted for person in people)
        return listeners + room.counted_anonymous, len(people)

    def people(self, which: Callable[[str], bool]) -> int:
        """How many are in the Spaces that `which` says, each Space for itself."""
        return sum(len(room.people) + room.anonymous for space_id, room in self._rooms.items() if which(space_id))

    def touch(self, space_id: str) -> None:
        """The stage changed, so the counts may have."""
        if space_id in self._rooms:
            self._dirty.add(space_id)

    def due(self, now: float, interval: float) -> list[str]:
        """Spaces whose counts may have changed and that were not told of within `interval` seconds."""
        return [s for s in self._dirty if now - self._rooms[s].told_at >= interval]

    def told(self, space_id: str, counts: tuple[int, int], now: float) -> bool:
        """Note that `counts` are told now; False where they are what was told last."""
        self._dirty.discard(space_id)
        room = self._rooms.get(space_id)
        if room is None or room.told == counts:
            return False
        room.told, room.told_at = counts, now
        if not room.sessions:
            del self._rooms[space_id]
        return True

    @property
    def sessions(self) -> int:
        """How many sessions are live."""
        return len(self._by_expiry)


def _drop(counted: dict[str, int], person_id: str) -> None:
    counted[person_id] -= 1
    if not counted[person_id]:
        del counted[person_id]
