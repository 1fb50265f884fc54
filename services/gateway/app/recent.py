"""The newest events of the stream, kept in memory for clients that come back: they mostly missed little."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import merge
from typing import Final

from contracts.discovery.v1 import BarsChanged
from contracts.envelope import Audience, Event
from contracts.people.v1 import ProfileChanged
from contracts.servers import told_to_servers
from services.gateway.app.frames import Position
from services.gateway.app.kept_events import KeptEvent
from services.gateway.app.visibility import concerns_space, told_wherever

STEP: Final = 1024
"""The window moves on by so many sequences at once, so that all who miss what lies before it miss the same."""
_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of JSON; as objects it takes about five times as much."""
BARS: Final = "bars"
OPERATORS: Final = "operators"
SERVERS: Final = "servers"
NAMES: Final = "names"
"""What people are called from then on, in whichever Spaces they are named."""


def bar_of(person_id: str) -> str:
    """The key of what is told to one person wherever they are."""
    return f"bar:{person_id}"


def keys_of(event: Event) -> list[str]:
    """What an event is looked for by: its Space, the person it is told to, those who run the instance, servers."""
    space_id = concerns_space(event)
    keys = [] if space_id is None else [space_id]
    if (person_id := told_wherever(event)) is not None:
        keys.append(bar_of(person_id))
    elif isinstance(event, BarsChanged):
        keys.append(BARS)
    elif isinstance(event, ProfileChanged):
        keys.append(NAMES)
    if Audience.OPERATORS in event.audience:
        keys.append(OPERATORS)
    if told_to_servers(event):
        keys.append(SERVERS)
    return keys


class Recent:
    """A window over the newest events: at most `most`, and those of the newest `STEP` sequences in any case."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: deque[KeptEvent] = deque()
        self._by_key: dict[str, deque[KeptEvent]] = {}
        self._bytes = 0
        self._after = 0
        self.epoch = ""
        """The stream that they are of."""

    def __len__(self) -> int:
        return len(self._all)

    @property
    def after(self) -> int:
        """Every event behind this sequence is here, up to the hub's position."""
        return self._after

    def begin(self, position: Position) -> None:
        """Begin anew, with what follows a place."""
        self._all.clear()
        self._by_key.clear()
        self._bytes, self._after, self.epoch = 0, position.sequence, position.epoch

    def add(self, kept: KeptEvent) -> None:
        """Take the next event in."""
        self._all.append(kept)
        self._bytes += kept.size
        for key in keys_of(kept.event):
            self._by_key.setdefault(key, deque()).append(kept)
        while (len(self._all) > self._most or self._bytes > _MOST_BYTES) and kept.sequence > self._next_step():
            self._move_on()

    def since(self, keys: Sequence[str], after: int, until: int) -> Iterable[KeptEvent]:
        """The events of these keys with `after` < sequence <= `until`, in order; `after` is not before the window."""
        found = [self._newest(key, after, until) for key in keys]
        return found[0] if len(found) == 1 else merge(*found, key=lambda kept: kept.sequence)

    def _newest(self, key: str, after: int, until: int) -> list[KeptEvent]:
        found: list[KeptEvent] = []
        for kept in reversed(self._by_key.get(key, ())):
            if kept.sequence <= after:
                break
            if kept.sequence <= until:
                found.append(kept)
        found.reverse()
        return found

    def _next_step(self) -> int:
        return (self._after // STEP + 1) * STEP

    def _move_on(self) -> None:
        self._after = self._next_step()
        while self._all and self._all[0].sequence <= self._after:
            gone = self._all.popleft()
            self._bytes -= gone.size
            for key in keys_of(gone.event):
                of_key = self._by_key[key]
                of_key.popleft()
                if not of_key:
                    del self._by_key[key]
