"""The attendance: renewals of sessions come in; joined, left, counted and reacted go out."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any, Final

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from prometheus_client import Gauge
from pydantic import ValidationError

from contracts import subjects
from contracts.presence import v1 as presence
from contracts.room import v1
from libs.bus import Bus
from libs.commands.executor import Consequences
from libs.eventstore import Store
from libs.refusal import Refusal
from services.room.app.admission import Admission
from services.room.app.outbox import Outbox
from services.room.app.reactions import Reactions
from services.room.app.session_leases import Lease, SessionEnded, SessionLeases
from services.room.app.standstill import Standstill
from services.room.domain.facts import Canceled, Ended, HostChanged, Removed, StageJoined, StageLeft, Started
from services.room.domain.space import Space
from services.room.domain.values import Role
from services.room.projection import People

_log = logging.getLogger(__name__)

_TICK: Final = 0.05
_A_TICK: Final = 2_000
"""Events told before counts are looked at again."""
_REMEMBERED: Final = 20_000
"""Sessions that are remembered because their holder let go of them."""

SESSIONS: Final = Gauge("rostrum_room_sessions", "Live sessions in the Spaces of this process")


class Attendance:
    """Who is there, for the partitions this process owns.

    Nothing here is stored: after a restart the sessions are relearnt from what gateway and media renew every few
    seconds, and until a whole lease has passed nobody is told a count that would only be half of it.
    """

    def __init__(
        self,
        bus: Bus,
        store: Store[Space],
        admission: Admission,
        people: People,
        sessions: SessionLeases,
        reactions: Reactions,
        standstill: Standstill,
        *,
        count_interval: float,
        reaction_interval: float,
        now: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self.outbox = Outbox(bus)
        self._store = store
        self._admission = admission
        self._people = people
        self._sessions = sessions
        self.reactions = reactions
        self._standstill = standstill
        self._prolonged = 0
        """The last absence of NATS for which leases were prolonged."""
        self._count_interval = count_interval
        self._reaction_interval = reaction_interval
        self._now = now
        self._subscriptions: dict[int, Subscription] = {}
        self._learning_until: dict[int, float] = {}
        self._settled_from: dict[int, float] = {}
        self._young: set[str] = set()
        """Spaces that went live while we own them: nobody can have been there before."""
        self._let_go: OrderedDict[tuple[str, str], float] = OrderedDict()
        """When a holder let go of sessions that were not known here."""
        self._work: set[asyncio.Task[None]] = set()

    @property
    def lease_seconds(self) -> float:
        return self._sessions.lease_seconds

    def _clock(self) -> float:
        return asyncio.get_running_loop().time()

    # -- partitions --------------------------------------------------------------------------------------------

    async def gain(self, partition: int) -> None:
        """Keep the sessions of a partition from now on."""
        self._prolong()  # an absence that is over already concerns what was ours before
        # The holders renew several times within a lease: by then we know them all.
        self._learning_until[partition] = self._clock() + self.lease_seconds / 2
        self._settled_from[partition] = self._clock() + self.lease_seconds
        self._subscriptions[partition] = await self._bus.listen(subjects.presence(partition), self._on_renewal)

    async def lose(self, partition: int) -> None:
        """Keep them no longer; another process does."""
        subscription = self._subscriptions.pop(partition, None)
        if subscription is not None and not self._bus.nc.is_closed:
            await subscription.unsubscribe()
        self._sessions.forget(lambda space_id: self.partition(space_id) == partition)
        self._young = {space_id for space_id in self._young if self.partition(space_id) != partition}

    def partition(self, space_id: str) -> int:
        """The partition a Space falls into."""
        return subjects.partition_of(space_id, self._bus.settings.partitions)

    def owned(self) -> list[int]:
        """The partitions whose sessions this process keeps."""
        return list(self._subscriptions)

    def owns(self, space_id: str) -> bool:
        """Whether this process keeps the Space's sessions."""
        return self.partition(space_id) in self._subscriptions

    def settled_in(self, space_id: str) -> float:
        """Seconds until whoever is not known to be there can be said to be away."""
        if space_id in self._young:
            return 0.0
        self._prolong()
        return max(0.0, self._settled_from.get(self.partition(space_id), 0.0) - self._clock())

    def is_there(self, space_id: str, person_id: str | None) -> bool:
        """Whether somebody has a live session."""
        return person_id is not None and self._sessions.is_there(space_id, person_id)

    def is_in(self, space_id: str, person_id: str | None, session_id: str | None = None) -> bool:
        """Whether somebody has a live session, or this one, which may be an anonymous one of theirs, lives."""
        lease = None if session_id is None else self._sessions.find(space_id, session_id)
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

    def hides(self, person_id: str) -> bool:
        """Whether somebody hides now where they listen, also where a session of theirs began openly."""
        return self._people.hides_listening(person_id)

    def platform_of(self, space_id: str, person_id: str) -> str | None:
        """The kind of client that somebody is there with; None where they are not."""
        return self._sessions.platform_of(space_id, person_id)

    def spaces_of(self, person_id: str) -> list[str]:
        """Spaces where somebody has a live session."""
        return self._sessions.spaces_of(person_id)

    def moved(self) -> set[str]:
        """Spaces where somebody came or went since this was last asked."""
        return self._sessions.moved()

    def page(self, space_id: str, after: str, limit: int) -> list[str]:
        """Ids of the next people on the list of a Space."""
        return self._sessions.page(space_id, after, limit)

    def _learning(self, space_id: str) -> bool:
        if space_id in self._young:
            return False
        self._prolong()
        return self._standstill.is_away or self._clock() < self._learning_until.get(self.partition(space_id), 0.0)

    # -- sessions ----------------------------------------------------------------------------------------------

    def joined(self, command: v1.JoinSpace, role: Role) -> None:
        """Somebody who may be there opened a session, perhaps in the place of an anonymous one."""
        continues, counts_until = None, 0.0
        if command.replaces is not None and command.actor is not None:
            end = self._sessions.take_over(command.space_id, command.replaces, command.session_id, self._now())
            if end is not None:
                continues, counts_until = command.replaces, end.lease.counts_until
                self._say_left([end])
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
        self._sessions.open(lease, self._clock())
        self._say_joined()

    def _say_joined(self) -> None:
        for lease in self._sessions.came():
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
        lease = self._sessions.find(space_id, session_id)
        if lease is None or lease.person_id != actor:
            return False
        end = self._sessions.close(space_id, lease.session_id, self._now())
        if end is not None:
            self._say_left([end])
        return not self.is_there(space_id, actor)

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
        self._say_left(self._sessions.close_space(space_id, self._now()))

    def _person_removed(self, space_id: str, fact: Removed) -> None:
        self._say_left(self._sessions.close_person(space_id, fact.person_id, self._now()))

    def _stage_changed(self, space_id: str, _: StageJoined | StageLeft | HostChanged) -> None:
        self._sessions.touch(space_id)

    def count(self, space_id: str, stage: Iterable[str]) -> tuple[int, int]:
        """(listeners, people on stage) now."""
        return self._sessions.count(space_id, stage)

    def connected(self, partition: int) -> int:
        """How many are in the Spaces of a partition."""
        return self._sessions.people(lambda space_id: self.partition(space_id) == partition)

    def _say_left(self, ended: Iterable[SessionEnded]) -> None:
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

    # -- renewals ----------------------------------------------------------------------------------------------

    async def _on_renewal(self, msg: Msg) -> None:
        try:
            renewal = presence.Renewal.model_validate_json(msg.data)
        except ValidationError as error:
            _log.error("a renewal breaks its contract: %s", error.errors(include_url=False)[0]["msg"])
            return
        now = self._clock()
        unknown = [
            lease
            for lease in renewal.leases
            if not self._sessions.renew(lease.space_id, lease.session_id, now, renewal.holder)
            and self.partition(lease.space_id) in self._subscriptions
        ]
        self._say_joined()
        for gone in renewal.ended:
            self._ended(gone, renewal.holder, now)
        if unknown:
            self._start(self._learn(unknown, renewal.holder, now))
        for told in renewal.leases:
            if not told.hidden:
                self._known_to_be_open(told)

    def _known_to_be_open(self, told: presence.Lease) -> None:
        """Somebody says of a session that it does not hide; before, nobody may have known."""
        lease = self._sessions.find(told.space_id, told.session_id)
        if lease is None or not lease.assumed:
            return
        if self._people.hides_listening(lease.person_id):
            lease.assumed = False
        else:
            self._sessions.list_openly(lease)

    def _ended(self, gone: presence.Ended, holder: str, now: float) -> None:
        if self._sessions.find(gone.space_id, gone.session_id) is None:
            self._let_go[gone.space_id, gone.session_id] = now  # perhaps it is being learnt
            if len(self._let_go) > _REMEMBERED:
                self._let_go.popitem(last=False)
            return
        end = self._sessions.let_go(gone.space_id, gone.session_id, holder, self._now())
        if end is not None:
            self._say_left([end])

    async def _learn(self, leases: Iterable[presence.Lease], holder: str, since: float) -> None:
        """Take in sessions we do not know: a media node's own, all after our own restart, or when they had lapsed here
        by mistake. `since`: when we were told of them."""
        for told in leases:
            lease = Lease(
                told.space_id,
                told.session_id,
                told.person_id,
                told.joined_at,
                told.platform,
                told.source,
                told.hidden or self._people.hides_listening(told.person_id),
                assumed=told.hidden,
            )
            try:
                role = await self._admission.admit(told.space_id, told.person_id, lambda _, role: role)
            except Refusal as no:
                if no.reason != "not_allowed":
                    # Over, or they were removed meanwhile: their edge has been told, and will stop renewing.
                    _log.debug("a session is not renewed: %s", no.reason)
                    continue
                # Who can join was narrowed since: that is for those who come, and whoever renews let them in before.
                role = "listener"
            if self._let_go.get((told.space_id, told.session_id), 0.0) >= since:
                continue
            lease.role, lease.told = role, self._learning(told.space_id)
            self._sessions.open(lease, self._clock())
            self._sessions.renew(told.space_id, told.session_id, self._clock(), holder)
        self._say_joined()

    # -- out ---------------------------------------------------------------------------------------------------

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def run(self) -> None:
        """Lapse leases, and tell what changed; for ever."""
        next_reactions = 0.0
        while True:
            now, at = self._clock(), self._now()
            if not self._standstill.is_away:
                self._prolong()
                self._say_left(self._sessions.lapse(now, at))
            for space_id in self._sessions.due(now, self._count_interval):
                if not self._learning(space_id):
                    await self._tell_count(space_id, now)
            if now >= next_reactions:
                next_reactions = now + self._reaction_interval
                for space_id in self.reactions.spaces():
                    self._tell_reactions(space_id)
            await self.outbox.publish(_A_TICK)
            SESSIONS.set(self._sessions.sessions)
            await asyncio.sleep(_TICK)

    def _prolong(self) -> None:
        """Have everything last as much longer as NATS was away: nobody could renew a session, nor was one relearnt."""
        for absence in self._standstill.absences:
            if absence.number > self._prolonged:
                self._prolonged = absence.number
                lasted = absence.lasted.total_seconds()
                self._sessions.prolong(lasted)
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
        counts = self._sessions.count(space_id, stage)
        if self._sessions.told(space_id, counts, now):
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
