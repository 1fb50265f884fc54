"""Seals captured bundles and stores them in the CAPTURE stream, in order and each once, without delaying anything
else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from prometheus_client import Counter

from contracts import capture, subjects
from libs.bus import Bus, Unavailable
from libs.bus.origin import said_now
from libs.ids import new_id
from libs.keyring import Destroyed, Expired
from libs.keyring.client import Keyring
from libs.refusal import Refusal

_log = logging.getLogger(__name__)

_BATCH: Final = 128
_ACK_WITHIN: Final = 2.0
_SAY_EVERY: Final = 10.0

STORED: Final = Counter("rostrum_capture_packets_stored_total", "Captured packets that JetStream has acknowledged")
LOST: Final = Counter("rostrum_capture_packets_lost_total", "Captured packets given up: holes in recordings")


@dataclass(frozen=True, slots=True)
class OutgoingBundle:
    """One bundle on its way to the capture stream, and whose it is."""

    space_id: str
    session_id: str
    person_id: str
    number: int
    """Rises by one within a session."""
    packets: int
    body: bytes
    recorded: bool
    """Whether the Space is; else it is captured for captions."""
    id: str = field(default_factory=new_id)
    """By which NATS knows it when it is sent again. Who could guess it could have NATS take another message in its
    place."""


class CaptureWriter:
    """Takes bundles at once, and stores them as fast as JetStream does; at most `waiting` of them wait.

    While people is away, they wait for the keys of whoever has just begun to speak. `lack` says what is missing where
    there is no room for audio.
    """

    def __init__(self, bus: Bus, keyring: Keyring, waiting: int, lack: Callable[[], str | None] = lambda: None) -> None:
        self._bus = bus
        self._keyring = keyring
        self._lack = lack
        self._most = waiting
        self._waiting: deque[OutgoingBundle] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._said = float("-inf")

    def put(self, bundle: OutgoingBundle) -> None:
        """Take a bundle without waiting. One that finds no room is lost, counted and logged."""
        lack = self._lack()
        if lack is None and len(self._waiting) >= self._most:
            lack = "JetStream does not keep up"
        if lack is not None:
            LOST.inc(bundle.packets)
            now = asyncio.get_running_loop().time()
            if now - self._said > _SAY_EVERY:
                self._said = now
                _log.error("captured audio is lost: %s", lack, extra={"waiting": len(self._waiting)})
            return
        self._waiting.append(bundle)
        self._idle.clear()
        self._news.set()

    async def run(self) -> None:
        """Store bundles, for ever."""
        pause = 0.05
        while True:
            await self._news.wait()
            batch = [self._waiting[at] for at in range(min(_BATCH, len(self._waiting)))]
            if not batch:
                self._news.clear()
                self._idle.set()
                continue
            results = await asyncio.gather(*map(self._store, batch))
            # Those before the first failure are done; from there on all are sent again, in order. What was stored
            # already is recognised by its message id.
            done = results.index(False) if False in results else len(results)
            for _ in range(done):
                STORED.inc(self._waiting.popleft().packets)
            if done < len(results):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
            else:
                pause = 0.05

    async def drained(self) -> None:
        """Wait until every bundle is stored."""
        await self._idle.wait()

    async def _store(self, bundle: OutgoingBundle) -> bool:
        """Whether nothing is left to do for a bundle."""
        if not self._bus.is_connected:
            # The client would keep it with the time at which it was sent: the stream would take it late, and the one
            # that is sent again as its double.
            return False
        seal = capture.seal_of(bundle.space_id, bundle.person_id, recorded=bundle.recorded)
        try:
            body = (await self._keyring.lock(*seal.subjects)).seal_bytes(seal.unit, bundle.body)
        except Destroyed:
            return True  # nothing of theirs is kept any more
        except (Unavailable, Refusal, Expired) as error:
            _log.debug("a bundle is not sealed yet: %s", error)
            return False
        headers = {
            subjects.HEADER_UNIT: seal.unit,
            subjects.HEADER_SPACE: bundle.space_id,
            subjects.HEADER_SESSION: bundle.session_id,
            subjects.HEADER_PERSON: bundle.person_id,
            "Nats-Msg-Id": bundle.id,
            **said_now(),
        }
        subject = subjects.capture(bundle.space_id, bundle.session_id)
        try:
            await self._bus.js.publish(
                subject, body, timeout=_ACK_WITHIN, headers=headers, stream=subjects.CAPTURE_STREAM
            )
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            _log.debug("a bundle is not stored yet: %s", error)
            return False
        return True
