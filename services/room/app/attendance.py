"""Who is in the Spaces of this process, and what is told of it: joined, left, counted and reacted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from prometheus_client import Gauge

from contracts import subjects
from contracts.presence import v1 as presence
from contracts.room import v1
from libs.bus import Bus
from libs.commands.executor import Consequences
from libs.eventstore import Store
from libs.refusal import Refusal
from services.room.app.outbox import Outbox
from services.room.app.reactions import ReactionCounts
from services.room.app.session_leases import Lease, SessionEnded, SessionLeases
from services.room.app.standstill import Standstill
from services.room.domain.facts import Canceled, Ended, HostChanged, Removed, StageJoined, StageLeft, Started
from services.room.domain.space import Space
from services.room.domain.values import Role
from services.room.projection.people import People

_log = logging.getLogger(__name__)

_TICK: Final = 0.05
_A_TICK: Final = 2_000
"""Events told before counts are looked at again."""

SESSIONS: Final = Gauge("rostrum_room_sessions", "Live sessions in the Spaces of this process")


class Attendance:
    """Who is there, for the partitions this process owns.

    Nothing here is stored: after a restart the sessions are relearnt from what gateway and media renew every few
    seconds (`renewals.py`), and until a whole lease has passed nobody is told a count that would only be half of it.
    """

    def __init__(
        self,
        bus: Bus,
        store: Store[Space],
        people: People,
        sessions: SessionLeases,
        reactions: ReactionCounts,
        standstill: Standstill,
        *,
        count_interval: float,
        reaction_interval: float,
        now: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self.outbox = Outbox(bus)
        self._store = store
        self._people = people
        self.sessions = sessions
        self.reactions = reactions
        self._standstill = standstill
        self._prolonged = 0
        """The last absence of NATS for which leases were prolonged."""
        self._count_interval = count_interval
        self._reaction_interval = reaction_interval
        self._now = now
        self._owned: set[int] = set()
        self._learning_until: dict[int, float] = {}
        self._settled_from: dict[int, float] = {}
        self._young: set[str] = set()
        """Spaces that went live while we own them: nobody can have been there before."""

    @property
    def lease_seconds(self) -> float:
        return self.sessions.lease_seconds

    def _clock(self) -> float:
        return asyncio.get_running_loop().time()

    # -- partitions --------------------------------------------------------------------------------------------

    def gain(self, partition: int) -> None:
        """Keep the sessions of a partition from now on."""
        self._prolong()  # an absence that is over already concerns what was ours before
        # The holders renew several times within a lease: by then we know them all.
        self._learning_until[partition] = self._clock() + self.lease_seconds / 2
        self._settled_from[partition] = self._clock() + self.lease_seconds
        self._owned.add(partition)

    def lose(self, partition: int) -> None:
        """Keep them no longer; another process does."""
        self._owned.discard(partition)
        self.sessions.forget(lambda space_id: self.partition(space_id) == partition)
        self._young = {space_id for space_id in self._young if self.partition(space_id) != partition}

    def partition(self, space_id: str) -> int:
        """The partition a Space falls into."""
        return subjects.partition_of(space_id, self._bus.settings.partitions)

    def owned(self) -> list[int]:
        """The partitions whose sessions this process keeps."""
        return list(self._owned)

    def owns(self, space_id: str) -> bool:
        """Whether this process keeps the Space's sessions."""
        return self.partition(space_id) in self._owned

    def settled_in(self, space_id: str) -> float:
        """Seconds until whoever is not known to be there can be said to be away."""
        if space_id in self._young:
            return 0.0
        self._prolong()
        return max(0.0, self._settled_from.get(self.partition(space_id), 0.0) - self._clock())

    def is_there(self, space_id: str, person_id: str | None) -> bool:
        """Whether somebody has a live session."""
        return person_id is not None and self.sessions.is_there(space_id, person_id)

    def is_in(self, space_id: str, person_id: str | None, session_id: str | None = None) -> bool:
        """Whether somebody has a live session, or this one, which may be an anonymous one of theirs, lives."""
        lease = None if session_id is None else self.sessions.find(space_id, session_id)
        return self.is_there(space_id, person_id) or (lease is not None and lease.person_id in (None, person_id))

    def may_be_in(self, space_id: str, person_id: str | None, session_id: str | None) -> bool:
        """Whether this session of theirs lives, or may live and not be relearnt yet."""
        return self.is_in(space_id, person_id, session_id) or self.settled_in(space_id) > 0

    def may_act(self, space_id: str, person_id: str | None) -> bool:
        """Whether somebody has a live session, or may have one that we have not relearnt yet."""
        return self.is_there(space_id, person_id) or (person_id is not None and self.settled_in(space_id) > 0)

    def must_be_there(self, space_id: str, person_id: str | None) -> None:
        """Refuses: not_in_space."""
        if not self.may_act(space_id, person_id):
            raise Refusal("not_in_space", "Join the Space first: open a session, or listen.")

    def learning(self, space_id: str) -> bool:
        """Whether sessions of a Space that began before this process kept them are still being relearnt."""
        if space_id in self._young:
            return False
        self._prolong()
        return self._standstill.is_away or self._clock() < self._learning_until.get(self.partition(space_id), 0.0)

    # -- sessions ----------------------------------------------------------------------------------------------

    def joined(self, command: v1.JoinSpace, role: Role) -> None:
        """Somebody who may be there opened a session, perhaps in the place of an anonymous one.

        Refuses: unavailable.
        """
        self.outbox.must_have_room()
        continues, counts_until = None, 0.0
        if command.replaces is not None and command.actor is not None:
            end = self.sessions.take_over(command.space_id, command.replaces, command.session_id, self._now())
            if end is not None:
                continues, counts_until = command.replaces, end.lease.counts_until
                self.say_left([end])
        lease = Lease(
            command.space_id,
            command.session_id,
            command.actor,
            self._now(),
            command.platform,
            command.source,
            command.hidden or self._people.hides_listening(command.actor),
            counts_until=counts_until,
            role=role,
            continues=continues,
        )
        self.sessions.open(lease, self._clock())
        self.say_joined()

    def say_joined(self) -> None:
        """Tell of the sessions that began to count."""
        for lease in self.sessions.came():
            self.outbox.put(
                presence.Joined(
                    at=self._now(),
                    space_id=lease.space_id,
                    session_id=lease.session_id,
                    person_id=_told(lease),
                    role=lease.role,
                    platform=lease.platform,
                    source=lease.source,
                    continues=lease.continues,
                )
            )

    def left(self, space_id: str, session_id: str, actor: str | None) -> bool:
        """Somebody closed a session of theirs; whether it was their last there."""
        lease = self.sessions.find(space_id, session_id)
        if lease is None or lease.person_id != actor:
            return False
        end = self.sessions.close(space_id, lease.session_id, self._now())
        if end is not None:
            self.say_left([end])
        return not self.is_there(space_id, actor)

    def signed_out(self, person_id: str) -> None:
        """All tokens of somebody were revoked: they are nowhere any more."""
        for space_id in self.sessions.spaces_of(person_id):
            if self.owns(space_id):
                self.say_left(self.sessions.close_person(space_id, person_id, self._now()))

    @property
    def consequences(self) -> Consequences:
        """What facts of a Space mean for those who are in it."""
        return {
            Started: self._space_live,
            Ended: self._space_over,
            Canceled: self._space_over,
            Removed: self._person_removed,
            StageJoined: self._stage_changed,
            StageLeft: self._stage_changed,
            HostChanged: self._stage_changed,
        }

    def _space_live(self, space_id: str, _: Started) -> None:
        self._young.add(space_id)

    def _space_over(self, space_id: str, _: Ended | Canceled) -> None:
        self._young.discard(space_id)
        self._tell_reactions(space_id)
        self.say_left(self.sessions.close_space(space_id, self._now()))

    def _person_removed(self, space_id: str, fact: Removed) -> None:
        self.say_left(self.sessions.close_person(space_id, fact.person_id, self._now()))

    def _stage_changed(self, space_id: str, _: StageJoined | StageLeft | HostChanged) -> None:
        self.sessions.touch(space_id)

    def connected(self, partition: int) -> int:
        """How many are in the Spaces of a partition."""
        return self.sessions.people(lambda space_id: self.partition(space_id) == partition)

    def say_left(self, ended: Iterable[SessionEnded]) -> None:
        """Tell of sessions that are over."""
        for end in ended:
            lease = end.lease
            if not lease.told:
                continue  # it never counted
            self.outbox.put(
                presence.Left(
                    at=end.at,
                    space_id=lease.space_id,
                    session_id=lease.session_id,
                    person_id=_told(lease),
                    joined_at=lease.joined_at,
                    seconds=max(0.0, (end.at - lease.joined_at).total_seconds()),
                    lapsed=end.lapsed,
                )
            )

    # -- out ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Lapse leases, and tell what changed; for ever."""
        next_reactions = 0.0
        while True:
            now, at = self._clock(), self._now()
            if not self._standstill.is_away:
                self._prolong()
                self.say_left(self.sessions.lapse(now, at))
            for space_id in self.sessions.due(now, self._count_interval):
                if not self.learning(space_id):
                    await self._tell_count(space_id, now)
            if now >= next_reactions:
                next_reactions = now + self._reaction_interval
                for space_id in self.reactions.spaces():
                    self._tell_reactions(space_id)
            await self.outbox.publish(_A_TICK)
            SESSIONS.set(self.sessions.sessions)
            await asyncio.sleep(_TICK)

    def _prolong(self) -> None:
        """Have everything last as much longer as NATS was away: nobody could renew a session, nor was one relearnt."""
        for absence in self._standstill.absences:
            if absence.number > self._prolonged:
                self._prolonged = absence.number
                lasted = absence.lasted.total_seconds()
                self.sessions.prolong(lasted)
                for times in (self._learning_until, self._settled_from):
                    for partition, until in times.items():
                        if until > absence.over - lasted:
                            times[partition] = until + lasted

    async def _tell_count(self, space_id: str, now: float) -> None:
        try:
            stage = await self._store.read(space_id, lambda space: tuple(space.stage))
        except Refusal as no:
            _log.warning("a count is told later", extra={"space": space_id, "why": no.detail})
            return
        counts = self.sessions.count(space_id, stage)
        if self.sessions.told(space_id, counts, now):
            listeners, on_stage = counts
            counted = presence.Counted(at=self._now(), space_id=space_id, listeners=listeners, on_stage=on_stage)
            self.outbox.put_first(counted)

    def _tell_reactions(self, space_id: str) -> None:
        if counts := self.reactions.take(space_id):
            window = round(self._reaction_interval * 1000)
            self.outbox.put(presence.Reacted(at=self._now(), space_id=space_id, counts=counts, window_ms=window))


def _told(lease: Lease) -> str | None:
    """Whom to name in events; nobody where they hide."""
    return None if lease.hidden else lease.person_id
