"""Overlapping sessions of one speaker, as while moving to another media node: each moment is taken from one of them.

The session that began first has its moments, and the next one continues where it ends (`contracts.capture`). While both
go on, the later one waits until the earlier one has been read as far, so that nothing has to be taken back. Arrivals
tell when something was said, which is enough for words: clocks and networks of two nodes differ by less than a word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import takewhile
from typing import Final

from prometheus_client import Counter

from contracts import capture
from services.transcription.adapters.captured import CapturedMessage

DOUBLED: Final = Counter(
    "rostrum_transcription_doubled_total",
    "Captured packets left out: they were heard before, or another session of the speaker has their time",
)
_CLOCKS_DIFFER_NS: Final = capture.CLOCKS_DIFFER // timedelta(microseconds=1) * 1000
"""A node's wrong clock must not silence people who speak at other nodes."""
_REMEMBERED: Final = 6000
"""Bundles of a session, about ten minutes of them, that are known again."""
_CLOSED: Final = ""
"""Stands for sessions of a person that were closed before any of the others began."""


@dataclass(slots=True)
class _Progress:
    """How far one session has come, in wall clock (ns since the Unix epoch)."""

    read_ns: int = 0
    """Arrival of the newest packet that was read."""
    taken_ns: int = 0
    """Arrival of the newest packet that was taken."""
    over: bool = False
    """Nothing is expected of it now."""
    closed: bool = False
    """All that was read of it is recognised."""
    bundles: dict[tuple[int, int, int], None] = field(default_factory=dict)
    """Its newest bundles, the oldest first: when they begin, of which stream, with which number."""


class Overlaps:
    """The sessions of one Space, each person's in the order in which they began."""

    def __init__(self, patience_s: float) -> None:
        """A session that brings nothing for `patience_s`, while a later one of the same person does, is over."""
        self._patience_ns = round(patience_s * 1e9)
        self._people: dict[str | None, dict[str, _Progress]] = {}
        self._news = asyncio.Event()

    def has_had(self, message: CapturedMessage) -> bool:
        """Whether a message of the same session with this sound was here before; to be asked once of each."""
        if message.bundle is None or not message.bundle.packets:
            return False
        bundle, bundles = message.bundle, self._session(message.person_id, message.session_id).bundles
        name = bundle.base_ns, bundle.ssrc, bundle.packets[0].sequence
        if name in bundles:
            DOUBLED.inc(len(bundle.packets))
            return True
        bundles[name] = None
        if len(bundles) > _REMEMBERED:
            del bundles[next(iter(bundles))]
        return False

    def read(self, message: CapturedMessage) -> CapturedMessage:
        """Note a message when it comes from the stream. Returns it without what was already taken from a later session.

        That is only known now: when this message is taken, a later session may have got past it.
        """
        progress = self._session(message.person_id, message.session_id)
        until_ns = min(_until(message.bundle), message.published_ns + _CLOCKS_DIFFER_NS)
        progress.read_ns = max(progress.read_ns, until_ns)
        progress.over, progress.closed = message.bundle is not None and message.bundle.last, False
        others = (other for other in self._people[message.person_id].values() if other is not progress)
        message = _after(message, max((other.taken_ns for other in others), default=0))
        news, self._news = self._news, asyncio.Event()
        news.set()
        return message

    async def news(self) -> None:
        """Wait until something is read."""
        await self._news.wait()

    def must_wait(self, message: CapturedMessage) -> bool:
        """Whether an earlier session of the same person may still bring the time of this message, which was read."""
        until_ns = _until(message.bundle)
        newest_ns = max(progress.read_ns for progress in self._people[message.person_id].values())
        return any(
            not progress.over and progress.read_ns < until_ns and newest_ns - progress.read_ns <= self._patience_ns
            for progress in self._before(message)
        )

    def stop_waiting(self, message: CapturedMessage) -> None:
        """Take the sessions before this message's to be over, until something of them is read again."""
        for progress in self._before(message):
            progress.over = True

    def take(self, message: CapturedMessage) -> CapturedMessage:
        """A message that `read` returned, without the time that earlier sessions have. It is recognised next."""
        message = _after(message, max((progress.read_ns for progress in self._before(message)), default=0))
        own = self._people[message.person_id][message.session_id]
        own.taken_ns = max(own.taken_ns, min(own.read_ns, _until(message.bundle)))
        return message

    def close(self, person_id: str, session_id: str) -> None:
        """Forget a session that is over, all of which is recognised."""
        sessions = self._people[person_id]
        sessions[session_id].closed = True
        if all(progress.closed for progress in sessions.values()):
            # No message is left that could be before one of them: only how far they were taken matters now.
            taken_ns = max(progress.taken_ns for progress in sessions.values())
            self._people[person_id] = {_CLOSED: _Progress(taken_ns, taken_ns, over=True, closed=True)}

    def _session(self, person_id: str | None, session_id: str) -> _Progress:
        return self._people.setdefault(person_id, {}).setdefault(session_id, _Progress())

    def _before(self, message: CapturedMessage) -> Iterable[_Progress]:
        sessions = self._people[message.person_id]
        return (sessions[id] for id in takewhile(lambda id: id != message.session_id, sessions))


def _after(message: CapturedMessage, ns: int) -> CapturedMessage:
    """The message without what arrived up to a moment."""
    bundle = message.bundle
    if bundle is None:
        return message
    packets = tuple(p for p in bundle.packets if bundle.arrived_ns(p) > ns)
    doubled = len(bundle.packets) - len(packets)
    if not doubled:
        return message
    DOUBLED.inc(doubled)
    bundle = replace(bundle, packets=packets)
    return replace(message, bundle=bundle, body=capture.encode(bundle))


def _until(bundle: capture.Bundle | None) -> int:
    """When its newest packet arrived; 0 where there is none."""
    return 0 if bundle is None else max(map(bundle.arrived_ns, bundle.packets), default=0)
