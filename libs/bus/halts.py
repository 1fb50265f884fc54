"""Events that cannot be read, and the readers that stand before them.

Whoever left such an event out would answer as if it had never happened: a block, say. So its reader stands there, does
not claim to be ready, and says why, until a version comes that can read it or an operator passes over this one event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import subjects
from libs.bus.errors import StreamReset
from libs.bus.origin import was_published

_log = logging.getLogger(__name__)
_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks whether an event is passed over."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message of EVENTS that breaks the contract of its type, as this version has it."""

    id: str
    """`<source>:<id>`: the same after the stream was rebuilt."""
    subject: str
    sequence: int
    why: str

    @property
    def passed_over_on(self) -> str:
        """Where it is told that operators pass over it."""
        return subjects.event("people", subjects.passed_over_key(self.id), subjects.PASSED_OVER)


Hold = Callable[[Unreadable], Awaitable[None]]
"""Called at an event that cannot be read, after all before it were handed over; what follows it waits."""


class Halts:
    """The readers of this process that stand before an event."""

    def __init__(self, nc: Client, js: JetStreamContext, epoch: Callable[[], Awaitable[str]]) -> None:
        """`epoch` is the identity of the stream as it is now."""
        self._nc = nc
        self._js = js
        self._epoch = epoch
        self._standing: dict[str, Unreadable] = {}

    def at(self, reader: str) -> Unreadable | None:
        """Before which event a reader stands."""
        return self._standing.get(reader)

    def trouble(self) -> str | None:
        """For readiness: who stands before which event."""
        stands = (f"{reader} cannot read {one.subject} ({one.id}): {one.why}" for reader, one in self._all())
        return "; ".join(stands) or None

    def told(self) -> list[dict[str, Any]]:
        """The same for programs."""
        return [
            {"reader": reader, "event_id": one.id, "subject": one.subject, "sequence": one.sequence, "why": one.why}
            for reader, one in self._all()
        ]

    async def hold(self, reader: str, event: Unreadable) -> None:
        """Stand before an event until operators pass over it.

        Raises StreamReset when the stream is another one meanwhile, and what the client raises when it is closed.
        """
        epoch: str | None = None
        try:
            while True:
                try:
                    if await self._passed_over(event):
                        _log.warning("%s passes over %s", reader, event.id, extra={"subject": event.subject})
                        return
                    if reader not in self._standing:
                        self._standing[reader] = event
                        _log.error(
                            "%s stands before an event that it cannot read; an operator may pass over it", reader,
                            extra={"subject": event.subject, "event": event.id, "why": event.why},
                        )  # fmt: skip
                    now = await self._epoch()
                    if epoch is not None and now != epoch:
                        raise StreamReset(now)
                    epoch = now
                except (nats.errors.Error, JetStreamError, TimeoutError, OSError):
                    if self._nc.is_closed:
                        raise
                await asyncio.sleep(_LOOK_AGAIN)
        finally:
            self._standing.pop(reader, None)

    async def _passed_over(self, event: Unreadable) -> bool:
        try:
            last = await self._js.get_last_msg(subjects.EVENTS_STREAM, event.passed_over_on)
        except NotFoundError:
            return False
        return was_published(last.headers)

    def _all(self) -> list[tuple[str, Unreadable]]:
        return sorted(self._standing.items())
