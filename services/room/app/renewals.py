"""Renewals: gateway and media nodes say every few seconds which sessions they keep alive."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any, Final

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import ValidationError

from contracts import subjects
from contracts.presence import v1 as presence
from libs.bus import Bus
from libs.refusal import Refusal
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.session_leases import Lease
from services.room.projection.people import People

_log = logging.getLogger(__name__)

_REMEMBERED: Final = 20_000
"""Sessions that are remembered because their holder let go of them."""


class Renewals:
    """Takes renewals in. A session that is not known yet is learnt from them."""

    def __init__(
        self, bus: Bus, admission: Admission, people: People, attendance: Attendance, now: Callable[[], datetime]
    ) -> None:
        self._bus = bus
        self._admission = admission
        self._people = people
        self._attendance = attendance
        self._now = now
        self._subscriptions: dict[int, Subscription] = {}
        self._let_go: OrderedDict[tuple[str, str], float] = OrderedDict()
        """When a holder let go of sessions that were not known here."""
        self._work: set[asyncio.Task[None]] = set()

    async def hear(self, partition: int) -> None:
        """Take in the renewals of a partition from now on."""
        self._subscriptions[partition] = await self._bus.listen(subjects.presence(partition), self._on_renewal)

    async def ignore(self, partition: int) -> None:
        """Take them in no longer."""
        subscription = self._subscriptions.pop(partition, None)
        if subscription is not None and not self._bus.nc.is_closed:
            await subscription.unsubscribe()

    async def _on_renewal(self, msg: Msg) -> None:
        try:
            renewal = presence.Renewal.model_validate_json(msg.data)
        except ValidationError as error:
            _log.error("a renewal breaks its contract: %s", error.errors(include_url=False)[0]["msg"])
            return
        now = _clock()
        unknown = [
            lease
            for lease in renewal.leases
            if not self._attendance.sessions.renew(lease.space_id, lease.session_id, now, renewal.holder)
            and self._attendance.owns(lease.space_id)
        ]
        self._attendance.say_joined()
        for gone in renewal.ended:
            self._ended(gone, renewal.holder, now)
        if unknown:
            self._start(self._learn(unknown, renewal.holder, now))
        for told in renewal.leases:
            if not told.hidden:
                self._known_to_be_open(told)

    def _known_to_be_open(self, told: presence.Lease) -> None:
        """Somebody says of a session that it does not hide; before, nobody may have known."""
        lease = self._attendance.sessions.find(told.space_id, told.session_id)
        if lease is None or not lease.assumed:
            return
        if self._people.hides_listening(lease.person_id):
            lease.assumed = False
        else:
            self._attendance.sessions.list_openly(lease)

    def _ended(self, gone: presence.Ended, holder: str, now: float) -> None:
        if self._attendance.sessions.find(gone.space_id, gone.session_id) is None:
            self._let_go[gone.space_id, gone.session_id] = now  # perhaps it is being learnt
            if len(self._let_go) > _REMEMBERED:
                self._let_go.popitem(last=False)
            return
        end = self._attendance.sessions.let_go(gone.space_id, gone.session_id, holder, self._now())
        if end is not None:
            self._attendance.say_left([end])

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
            lease.role, lease.told = role, self._attendance.learning(told.space_id)
            self._attendance.sessions.open(lease, _clock())
            self._attendance.sessions.renew(told.space_id, told.session_id, _clock(), holder)
        self._attendance.say_joined()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def _clock() -> float:
    return asyncio.get_running_loop().time()
