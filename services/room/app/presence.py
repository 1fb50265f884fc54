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
    expires: float = 0.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A session began."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Ended:
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
    anonymous: int = 0
    told: tuple[int, int] | None = None
    told_at: float = float("-inf")


class Presence:
    """The sessions of the partitions this process owns."""

    def __init__(self, lease_seconds: float) -> None:
        self.lease_seconds = lease_seconds
        self._rooms: dict[str, _Room] = {}
        self._by_expiry: OrderedDict[tuple[str, str], Lease] = OrderedDict()
        """All leases, the one that lapses first in front: every renewal lasts equally long."""
        self._dirty: set[str] = set()
        self._moved: set[str] = set()

    # -- leases ------------------------------------------------------------------------------------------------

    def open(self, lease: Lease, now: float) -> Opened | None:
        """Open a session, or renew it; None where it was open."""
        room = self._rooms.setdefault(lease.space_id, _Room())
        known = room.sessions.get(lease.session_id)
        if known is not None:
            self._renew(known, now)
            return None
        room.sessions[lease.session_id] = lease
        if lease.person_id is None:
            room.anonymous += 1
        else:
            room.people[lease.person_id] = room.people.get(lease.person_id, 0) + 1
            if not lease.hidden:
                room.listed[lease.person_id] = room.listed.get(lease.person_id, 0) + 1
            self._moved.add(lease.space_id)
        self._renew(lease, now)
        self._dirty.add(lease.space_id)
        return Opened(lease)

    def renew(self, space_id: str, session_id: str, now: float) -> bool:
        """Whether there was such a session; it lives on."""
        room = self._rooms.get(space_id)
        lease = room.sessions.get(session_id) if room else None
        if lease is None:
            return False
        self._renew(lease, now)
        return True

    def _renew(self, lease: Lease, now: float) -> None:
        lease.expires = now + self.lease_seconds
        key = (lease.space_id, lease.session_id)
        self._by_expiry[key] = lease
        self._by_expiry.move_to_end(key)

    def find(self, space_id: str, session_id: str) -> Lease | None:
        room = self._rooms.get(space_id)
        return room.sessions.get(session_id) if room else None

    def close(self, space_id: str, session_id: str, at: datetime, *, lapsed: bool = False) -> Ended | None:
        """End a session; None where there was none."""
        room = self._rooms.get(space_id)
        lease = room.sessions.pop(session_id, None) if room else None
        if room is None or lease is None:
            return None
        del self._by_expiry[space_id, session_id]
        if lease.person_id is None:
            room.anonymous -= 1
        else:
            _drop(room.people, lease.person_id)
            if not lease.hidden:
                _drop(room.listed, lease.person_id)
            self._moved.add(space_id)
        self._dirty.add(space_id)
        return Ended(lease, at, lapsed)

    def close_person(self, space_id: str, person_id: str, at: datetime) -> list[Ended]:
        """End every session of somebody in a Space."""
        room = self._rooms.get(space_id)
        if room is None or person_id not in room.people:
            return []
        theirs = [lease.session_id for lease in room.sessions.values() if lease.person_id == person_id]
        return [end for session in theirs if (end := self.close(space_id, session, at)) is not None]

    def close_space(self, space_id: str, at: datetime) -> list[Ended]:
        """End every session of a Space."""
        room = self._rooms.get(space_id)
        ended = [end for s in list(room.sessions) if (end := self.close(space_id, s, at))] if room else []
        self._rooms.pop(space_id, None)
        self._dirty.discard(space_id)
        return ended

    def lapse(self, now: float, at: datetime) -> list[Ended]:
        """End the sessions that nobody renewed."""
        ended: list[Ended] = []
        while self._by_expiry:
            lease = next(iter(self._by_expiry.values()))
            if lease.expires > now:
                break
            if (end := self.close(lease.space_id, lease.session_id, at, lapsed=True)) is not None:
                ended.append(end)
        return ended

    def forget(self, which: Callable[[str], bool]) -> None:
        """Forget Spaces that another process now keeps; nobody left them."""
        for space_id in [s for s in self._rooms if which(s)]:
            for session_id in self._rooms.pop(space_id).sessions:
                del self._by_expiry[space_id, session_id]
            self._dirty.discard(space_id)

    # -- who ---------------------------------------------------------------------------------------------------

    def is_there(self, space_id: str, person_id: str) -> bool:
        """Whether somebody has a live session."""
        room = self._rooms.get(space_id)
        return room is not None and person_id in room.people

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
        """(listeners, people on stage) with a live session; `stage` are the people who stand on it."""
        room = self._rooms.get(space_id)
        if room is None:
            return 0, 0
        on_stage = sum(person in room.people for person in stage)
        return len(room.people) + room.anonymous - on_stage, on_stage

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
