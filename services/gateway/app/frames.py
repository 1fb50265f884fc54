"""One event as clients get it, encoded once for all of them: server-sent, or as a WebSocket message."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from contracts.envelope import Event

RETRY: Final = b"retry: 500\n\n"
"""How soon, in milliseconds, a reader of server-sent events comes back."""
KEEP_ALIVE: Final = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the EVENTS stream of one epoch; written `<epoch>-<sequence>`."""

    epoch: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"

    @classmethod
    def read(cls, text: str) -> Position | None:
        """The place a client says it is at; None for what is no place."""
        epoch, _, sequence = text.rpartition("-")
        if not epoch or not sequence.isascii() or not sequence.isdigit() or len(sequence) > 18:
            return None
        return cls(epoch, int(sequence))


class Frame:
    """What a client is told at once. `data` is JSON in one line; without a position it is no event of the stream."""

    def __init__(self, position: Position | None, name: str, data: str) -> None:
        self._position = position
        self._name = name
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    @property
    def is_void(self) -> bool:
        """Whether nobody is told it any more."""
        return not self._data

    def void(self) -> None:
        """Forget what it says, wherever it waits: its words were erased."""
        self._data = ""
        vars(self).pop("sent", None)
        vars(self).pop("message", None)

    @cached_property
    def sent(self) -> bytes:
        """As a server-sent event (HTML, section 9.2.6)."""
        place = f"id: {self._position}\n" if self._position else ""
        return f"{place}event: {self._name}\ndata: {self._data}\n\n".encode()

    @cached_property
    def message(self) -> str:
        """As a text message: `{"id", "event", "data"}`; the id is missing where there is none."""
        place = f'"id":"{self._position}",' if self._position else ""
        return f'{{{place}"event":"{self._name}","data":{self._data}}}'


def frame_of(position: Position | None, event: Event) -> Frame:
    """A contract event as its clients get it; without an id where it has no position."""
    return Frame(position, f"{event.context}.{event.name}", event.model_dump_json())
