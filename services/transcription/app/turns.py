"""Whose turn it is where somebody is captured in several sessions at once, as while moving to another media node.

The session that began first is heard, and the next one goes on where it ends (`contracts.capture`). While both go on,
the later one waits until the earlier one has been read as far, so that nothing has to be taken back. Arrivals tell
when something was said, which is enough for words: they differ between nodes by what their clocks and networks do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile
from typing import Final

from prometheus_client import Counter

from contracts import capture
from services.transcription.adapters.captured import Captured

DOUBLED: Final = Counter(
    "rostrum_transcription_doubled_total", "Captured packets left out: another session of the speaker has their time"
)
_CLOCKS_DIFFER_NS: Final = capture.CLOCKS_DIFFER // timedelta(microseconds=1) * 1000
"""A clock that is wrong silences nobody who speaks at the other nodes."""
_CLOSED: Final = ""
"""Stands for sessions of a person that were closed before any of the others began."""


@dataclass(slots=True)
class _Said:
    """How far one session has come, in wall clock (ns since the Unix epoch)."""

    read_ns: int = 0
    """Arrival of the newest packet that was read."""
    heard_ns: int = 0
    """Arrival of the newest packet that was taken."""
    over: bool = False
    """Nothing is expected of it now."""
    closed: bool = False
    """All that was read of it was heard."""


class Turns:
    """The sessions of one Space, each person's in the order in which they began."""

    def __init__(self, patience_s: float) -> None:
        """A session that brings nothing for `patience_s`, while a later one of the same person does, is over."""
        self._patience_ns = round(patience_s * 1e9)
        self._people: dict[str | None, dict[str, _Said]] = {}
        self._news = asyncio.Event()

    def read(self, message: Captured) -> Captured:
        """A message as it comes from the stream, which is before its turn; without what a later session was heard with.

        That is only known now: when its turn comes, a later one may have been heard with what was said after this.
        """
        said = self._session(message.person_id, message.session_id)
        until_ns = min(_until(message.bundle), message.published_ns + _CLOCKS_DIFFER_NS)
        said.read_ns = max(said.read_ns, until_ns)
        said.over, said.closed = message.bundle is not None and message.bundle.last, False
        others = (other for other in self._people[message.person_id].values() if other is not said)
        message = _after(message, max((other.heard_ns for other in others), default=0))
        news, self._news = self._news, asyncio.Event()
        news.set()
        return message

    async def news(self) -> None:
        """Waits until something is read."""
        await self._news.wait()

    def must_wait(self, message: Captured) -> bool:
        """Whether an earlier session of the same person may still bring what this message, which was read, has."""
        until_ns = _until(message.bundle)
        newest_ns = max(said.read_ns for said in self._people[message.person_id].values())
        return any(
            not said.over and said.read_ns < until_ns and newest_ns - said.read_ns <= self._patience_ns
            for said in self._before(message)
        )

    def stop_waiting(self, message: Captured) -> None:
        """The sessions that began before this message's are over, until something of them is read again."""
        for said in self._before(message):
            said.over = True

    def take(self, message: Captured) -> Captured:
        """What is to be heard of a message that `read` returned: nothing of the time that an earlier session has."""
        message = _after(message, max((said.read_ns for said in self._before(message)), default=0))
        own = self._people[message.person_id][message.session_id]
        own.heard_ns = max(own.heard_ns, min(own.read_ns, _until(message.bundle)))
        return message

    def close(self, person_id: str, session_id: str) -> None:
        """A session is over, and all that was read of it was heard."""
        sessions = self._people[person_id]
        sessions[session_id].closed = True
        if all(said.closed for said in sessions.values()):
            # No message is left that could be before one of them; how far they were heard is all that matters now.
            heard_ns = max(said.heard_ns for said in sessions.values())
            self._people[person_id] = {_CLOSED: _Said(heard_ns, heard_ns, over=True, closed=True)}

    def _session(self, person_id: str | None, session_id: str) -> _Said:
        return self._people.setdefault(person_id, {}).setdefault(session_id, _Said())

    def _before(self, message: Captured) -> Iterable[_Said]:
        sessions = self._people[message.person_id]
        return (sessions[id] for id in takewhile(lambda id: id != message.session_id, sessions))


def _after(message: Captured, ns: int) -> Captured:
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
