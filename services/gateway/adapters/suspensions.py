"""Who is suspended or erased, and which tokens and API keys were revoked, so that what was good once opens nothing any
more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import nats.errors
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.people.v1 import ApiKeyRevoked, ApiKeyRotated, Erased, Reinstated, Suspended, TokensRevoked
from libs.aio import end
from libs.bus import Bus, Received, StreamReset
from libs.bus.anew import StreamPlace, follow_anew
from libs.bus.halts import Unreadable
from libs.identity.revoked import Revoked
from services.gateway.adapters.key_changes import KeyChanges

_FILTERS: Final = tuple(
    subjects.event("people", "*", event.name)
    for event in (Suspended, Reinstated, TokensRevoked, Erased, ApiKeyRevoked, ApiKeyRotated)
)


class Suspensions:
    """The suspended as the stream has them from its beginning: suspensions are few. `run` is a task for life.

    `on_suspended` is called with whoever has just been suspended, `on_revoked` with whose tokens were revoked, and
    which one; None for all of them, as for whoever was erased. `on_key_change` is called with the API key that was
    revoked or rotated, once `keys` has it.
    """

    def __init__(
        self,
        bus: Bus,
        on_suspended: Callable[[str], None],
        on_revoked: Callable[[str, str | None], None],
        on_key_change: Callable[[str, KeyChanges], None],
    ) -> None:
        self._bus = bus
        self._on_suspended = on_suspended
        self._on_revoked = on_revoked
        self._on_key_change = on_key_change
        self.keys = KeyChanges()
        self.people: set[str] = set()
        """Ids of everybody who is suspended now."""
        self.erased: set[str] = set()
        """Ids of everybody who was erased: they are among the suspended too."""
        self.revoked = Revoked()
        """Ids of the tokens that were revoked one by one."""
        self.revoked_until: dict[str, datetime] = {}
        """Person by person, until when every token that was issued is revoked."""
        self.revoked_last: datetime | None = None
        """The latest of those times."""
        self._sequence = 0
        self._target: int | None = None
        self._standing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Follow the stream, for ever."""
        try:
            await self._follow()
        finally:
            await end(*self._standing)

    async def _follow(self) -> None:
        async def begin(reset: str | None) -> StreamPlace:
            if reset is not None:
                # Everything is told again, in order; until then what was known still holds.
                self._sequence = 0
            epoch = await self._bus.stream_epoch()
            self._target = max([await self._last(subject) for subject in _FILTERS])
            return StreamPlace(epoch, self._sequence)

        follow = partial(self._bus.follow, filters=_FILTERS, unreadable=self._hold, passed=self._pass)
        async for batch in follow_anew(self._bus, "the list of suspensions", begin, follow):
            for received in batch:
                self._hear(received)

    def _pass(self, sequence: int) -> None:
        """Go on behind what nobody published."""
        self._sequence = sequence

    def lack(self) -> str | None:
        """For readiness: None when everybody who was suspended before the start is known."""
        if self._target is None:
            return "waiting for the stream"
        return None if self._sequence >= self._target else "reading who is suspended"

    async def _hold(self, event: Unreadable) -> None:
        """Stand before an event and hear what follows all the same: who is suspended next must be refused too."""
        self._sequence = event.sequence
        standing = asyncio.create_task(self._stand(event), name=f"stand before {event.id}")
        self._standing.add(standing)
        standing.add_done_callback(self._standing.discard)

    async def _stand(self, event: Unreadable) -> None:
        # It is told again, or the connection is closed.
        with contextlib.suppress(StreamReset, nats.errors.Error, TimeoutError, OSError):
            await self._bus.halts.hold(f"gateway-suspensions {event.sequence}", event)

    def _hear(self, received: Received) -> None:
        match received.event:
            case Suspended(person_id=person_id):
                self.people.add(person_id)
                self._on_suspended(person_id)
            case Erased(person_id=person_id):
                self.erased.add(person_id)
                self.people.add(person_id)
                self._on_revoked(person_id, None)
            case Reinstated(person_id=person_id):
                self.people.discard(person_id)
            case TokensRevoked(person_id=person_id, token_id=token_id, at=at, expires_at=expires_at):
                if token_id is None:
                    self.revoked_until[person_id] = max(at, self.revoked_until.get(person_id, at))
                    self.revoked_last = max(at, self.revoked_last or at)
                else:
                    self.revoked.add(token_id, expires_at, datetime.now(UTC))
                self._on_revoked(person_id, token_id)
            case ApiKeyRevoked() | ApiKeyRotated() as changed:
                self.keys.hear(changed)
                self._on_key_change(changed.key_id, self.keys)
            case _:
                pass
        self._sequence = received.sequence

    async def _last(self, subject: str) -> int:
        try:
            return (await self._bus.js.get_last_msg(subjects.EVENTS_STREAM, subject)).seq or 0
        except NotFoundError:
            return 0
