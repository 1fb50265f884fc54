"""The clients whose live events are open: the queue of each, and how many there may be."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter as Multiset
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from prometheus_client import Counter, Gauge

from libs.rate_limit import Quota, QuotaSpent
from libs.refusal import Refusal
from services.gateway.adapters.key_changes import KeyChanges
from services.gateway.app.frames import Frame
from services.gateway.app.visibility import Viewer

STREAMS: Final = Gauge("rostrum_gateway_streams", "Live event streams open now")
ENDED: Final = Counter("rostrum_gateway_streams_ended_total", "Live event streams that ended", ["why"])
_CHUNK: Final = 64 * 1024
_LOOK_AGAIN: Final = 1.0
"""Seconds after which whoever has too many streams may ask again; when one ends is for them to say."""
UNNUMBERED: Final = sys.maxsize
"""The sequence of what is no event of the stream: no client has it already."""


class Ending(StrEnum):
    """Why a client's queue takes no more."""

    OVER = "over"
    """It has been sent its last event; what waits is still sent."""
    LAGGING = "lagging"
    """It reads too slowly. It is cut off, and resumes from the last id it has."""
    RESET = "reset"
    """The stream was rebuilt."""
    SUSPENDED = "suspended"
    """The viewer may see nothing more, not even what waits; they come back and are refused."""
    EXPIRED = "token_expired"
    """The token that opened it has ended; they come back with another."""
    REVOKED = "token_revoked"
    """The token that opened it was taken back."""
    STOPPING = "stopping"
    """This process ends. Clients resume on the next one."""


_DENIED: Final = frozenset({Ending.SUSPENDED, Ending.EXPIRED, Ending.REVOKED})
"""They may see nothing more, not even what waits."""


class Client:
    """The bounded queue between the hub and one response."""

    def __init__(self, viewer: Viewer, limit: int, session: str | None = None, whose: str = "") -> None:
        self.viewer = viewer
        self.whose = whose
        """The person, the API key, or the address of somebody without a token: whom it is counted for."""
        self.session = session
        """The session it keeps alive, which is all that tells who an anonymous one is."""
        self.after_version = 0
        """Room events up to this version are in the snapshot the client has."""
        self.after_sequence = 0
        self.reads = False
        """Whether it is told out of the stream what happens, and so nothing is queued."""
        self.ending: Ending | None = None
        self.cut = asyncio.Event()
        """Set when the response must end even while it is stuck in a write."""
        self._limit = limit
        self._frames: deque[tuple[int, int, Frame]] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def offer(self, sequence: int, version: int, made: Frame) -> None:
        """Queue the event of this sequence; `version` is a room event's, else 0. A full queue ends the client."""
        if self.ending is not None or self.reads:
            return
        if len(self._frames) >= self._limit:
            self._frames.clear()
            self.end(Ending.LAGGING)
            return
        self._frames.append((sequence, version, made))
        self._wake.set()

    def end_at(self, until: datetime | None) -> None:
        """End when what opened it is good no more, unless `left` is called first; for None, when somebody says so."""
        self.left()
        if until is None:
            return
        left = (until - datetime.now(UTC)).total_seconds()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self.end, Ending.EXPIRED)
        else:
            self.end(Ending.EXPIRED)

    def end_with_key(self, keys: KeyChanges) -> None:
        """End when the viewer's API key is good no more, by what is known of it now."""
        viewer = self.viewer
        if viewer.key_id is not None and viewer.issued_at is not None:
            until = keys.good_until(viewer.key_id, viewer.issued_at, viewer.until)
            self.viewer = replace(viewer, until=until)
            self.end_at(until)

    def left(self) -> None:
        """It ends with no token any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def read(self) -> None:
        """Queue nothing: everything is read for it out of the stream, until `reads` is false again."""
        self._frames.clear()
        self.reads = True

    def tell(self, made: Frame) -> None:
        """Queue what is no event of the stream: for this client alone, without an id, wherever it is."""
        self.offer(UNNUMBERED, 0, made)

    @property
    def is_denied(self) -> bool:
        """Whether it may be sent nothing more."""
        return self.ending in _DENIED

    def end(self, why: Ending) -> None:
        """Take no more; the first reason stays."""
        if self.ending is None:
            self.ending = why
        if why in _DENIED:
            self._frames.clear()
        if why in _DENIED or why in (Ending.LAGGING, Ending.STOPPING):
            self.cut.set()
        self._wake.set()

    def restart(self) -> None:
        """Start over on another epoch of the stream."""
        self.ending = None
        self.reads = False
        self.after_version = self.after_sequence = 0
        self._frames.clear()
        self._wake.clear()

    async def take(self, within: float) -> list[Frame] | None:
        """What waits, as much as is sent at once; empty when nothing came `within` seconds, None at the end."""
        while True:
            if not self._frames and self.ending is None:
                self._wake.clear()
                try:
                    async with asyncio.timeout(within):
                        await self._wake.wait()
                except TimeoutError:
                    return []
            if not self._frames:
                return None
            if chunk := self._chunk():
                return chunk

    def _chunk(self) -> list[Frame]:
        chunk: list[Frame] = []
        size = 0
        while self._frames and size < _CHUNK:
            sequence, version, made = self._frames.popleft()
            if made.is_void:
                continue
            # Known to the client already. Decided only here: while the snapshot was asked for, events were queued.
            if sequence <= self.after_sequence or 0 < version <= self.after_version:
                continue
            chunk.append(made)
            size += len(made)
        return chunk


class Clients:
    """Every client of this process. At most `most` at once, `per_person` of one person, `per_address` of people without
    a token at one address; each queues `queued` events."""

    def __init__(self, *, most: int, per_person: int, per_address: int, queued: int) -> None:
        self._most = most
        self._per_person = per_person
        self._per_address = per_address
        self._queued = queued
        self._open: set[Client] = set()
        self._open_of: Multiset[str] = Multiset()
        self._stopping = False

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, viewer: Viewer, session: str | None, address: str = "") -> Client:
        """A new client at an address. Refuses: unavailable, too_many_requests (QuotaSpent)."""
        if self._stopping or len(self._open) >= self._most:
            raise Refusal("unavailable", "This gateway takes no more live streams now; try again.", retry=True)
        known_as = viewer.person_id or viewer.key_id
        whose, most = (address, self._per_address) if known_as is None else (known_as, self._per_person)
        if self._open_of[whose] >= most:
            where = "At your address" if known_as is None else "Of yours,"
            detail = f"{where} {most} live streams are open already; close one."
            raise QuotaSpent(self._quota(whose, most), _LOOK_AGAIN, detail)
        self._open_of[whose] += 1
        client = Client(viewer, self._queued, session, whose)
        client.end_at(viewer.until)
        self._open.add(client)
        STREAMS.set(len(self._open))
        return client

    def quota(self, client: Client) -> Quota:
        """How many more streams whoever opened this one may open."""
        anonymous = client.viewer.person_id is None and client.viewer.key_id is None
        return self._quota(client.whose, self._per_address if anonymous else self._per_person)

    def _quota(self, whose: str, most: int) -> Quota:
        return Quota("streams", most, None, max(0, most - self._open_of[whose]), None)

    def leave(self, client: Client) -> None:
        """Forget a client whose stream has ended; again is fine."""
        if client not in self._open:
            return
        self._open.discard(client)
        client.left()
        STREAMS.set(len(self._open))
        ENDED.labels(client.ending or "left").inc()
        self._open_of[client.whose] -= 1
        if self._open_of[client.whose] <= 0:
            del self._open_of[client.whose]

    def suspended(self, person_id: str) -> None:
        """End every stream of somebody who may see nothing more."""
        for client in tuple(self._open):
            if client.viewer.person_id == person_id:
                client.end(Ending.SUSPENDED)

    def revoked(self, person_id: str, token_id: str | None) -> None:
        """End what one token, or all of one sign-in, opened; without either, what all tokens of somebody did."""
        for client in tuple(self._open):
            viewer = client.viewer
            gone = viewer.person_id == person_id if token_id is None else token_id in (viewer.token_id, viewer.sign_in)
            if gone:
                client.end(Ending.REVOKED)

    def key_changed(self, key_id: str, keys: KeyChanges) -> None:
        """End what an API key opened that was revoked or rotated, now or when the text that opened it is good no
        more."""
        for client in tuple(self._open):
            if client.viewer.key_id == key_id:
                client.end_with_key(keys)

    def reset(self) -> None:
        """Let every client start over: the event stream was rebuilt."""
        for client in self._open:
            client.end(Ending.RESET)

    def stop(self) -> None:
        """End every stream and admit nobody else; clients resume on the process that comes next."""
        self._stopping = True
        for client in tuple(self._open):
            client.end(Ending.STOPPING)
