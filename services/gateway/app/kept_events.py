"""Events of the stream as they are kept in memory for clients: with the names that people have now, and without words
once those were erased."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final
from weakref import WeakSet

from contracts.discovery.v1 import BarsChanged
from contracts.envelope import Event, PersonRef, without_words
from contracts.named import people_in, with_names
from contracts.people.v1 import Erased, Forgotten, ProfileChanged, Registered
from libs.bus import Bus, Received
from libs.keyring import ErasureTarget
from libs.keyring.opening import is_touched
from libs.names import Names
from services.gateway.app.frames import Frame, Position, frame_of
from services.gateway.app.visibility import Viewer, told_to

_log = logging.getLogger(__name__)
_HOLDS_NAMES: Final = (Registered, ProfileChanged)
"""The events that say what somebody is called: the stream has it nowhere else."""
_TELLS_NAMES: Final = (*_HOLDS_NAMES, Erased, Forgotten)


class Naming:
    """What the people in events are called now."""

    def __init__(self, bus: Bus, names: Names) -> None:
        self._bus = bus
        self._names = names
        self.changes = 0
        """Rises with every name that is another one."""

    def hear(self, event: Event) -> None:
        """Take in an event of the stream: whoever shows what follows it is to know the names that it tells."""
        if isinstance(event, _TELLS_NAMES):
            self._names.hear(event)
            self.changes += 1

    def called(self, person: PersonRef) -> PersonRef:
        """Somebody as they are called now; of whom nobody told, an event of an earlier version may know the name."""
        known = self._names.find(person.id)
        return person if known is None else known.instead_of(person)

    async def know(self, events: Iterable[Event]) -> None:
        """Have the names of everybody in these events, or know that they have none, however long that takes."""
        unknown = {id for event in events for id in self._unknown(event)}
        while unknown:
            try:
                await self._names.settle(self._bus, unknown)
                return
            except TimeoutError as error:
                _log.warning("names are not known yet, trying again", extra={"why": str(error)})

    def _unknown(self, event: Event) -> list[str]:
        return [id for id in people_in(event) if self._names.find(id) is None and not _plain(event, id)]


def _plain(event: Event, person_id: str) -> bool:
    """Whether an event tells what somebody is called, as those of earlier versions do."""
    found: list[bool] = []

    def look(person: PersonRef) -> PersonRef:
        found.append(bool(person.handle) or person.id != person_id)
        return person

    with_names(event, look)
    return all(found)


class KeptEvent:
    """One event, encoded once for all who are told it."""

    __slots__ = (
        "__weakref__",
        "_changes",
        "_frame",
        "_frames",
        "_naming",
        "_position",
        "boxes",
        "event",
        "gone",
        "size",
    )

    def __init__(self, epoch: str, received: Received, naming: Naming) -> None:
        self.event: Event = received.event
        self.size = received.size
        self.boxes = received.boxes or {}
        self.gone = False
        """Whether it is told to nobody any more, since its words were erased."""
        self._naming = naming
        self._position = Position(epoch, received.sequence)
        self._frame: Frame | None = None
        self._changes = -1
        self._frames: WeakSet[Frame] = WeakSet()

    @property
    def has_words(self) -> bool:
        """Whether there is something in it that can be erased."""
        return bool(self.boxes) or isinstance(self.event, _HOLDS_NAMES)

    @property
    def sequence(self) -> int:
        return self._position.sequence

    @property
    def frame(self) -> Frame:
        """For everybody who is told all of it."""
        if self._frame is None or self._changes != self._naming.changes:
            self._frame, self._changes = self._made(self.event), self._naming.changes
        return self._frame

    def frame_for(self, viewer: Viewer) -> Frame:
        """What this viewer is told of it."""
        told = told_to(self.event, viewer)
        return self.frame if told is self.event else self._made(told)

    def frame_to(self, person_id: str) -> Frame:
        """What one of the many people is told that it is for."""
        assert isinstance(self.event, BarsChanged)
        return self._made(self.event.to(person_id))

    def _made(self, event: Event) -> Frame:
        frame = frame_of(self._position, with_names(event, self._naming.called))
        if self.has_words:
            self._frames.add(frame)
        return frame

    def forget(self, erased: ErasureTarget) -> bool:
        """Forget the words that were erased, names too; whether there were any."""
        if isinstance(self.event, _HOLDS_NAMES) and (erased.what, erased.unit) == (
            f"person:{self.event.person_id}",
            None,
        ):
            self._void()
            self.gone = True
            return True
        paths = [path for path, box in self.boxes.items() if is_touched(box, erased)]
        if not paths:
            return False
        self._void()
        event = without_words(self.event, paths)
        if event is None:
            self.gone = True
        else:
            self.event = event
        return True

    def _void(self) -> None:
        for frame in self._frames:
            frame.void()
        self._frame = None


class Keeping:
    """Makes what is kept, and knows all of it."""

    def __init__(self, naming: Naming) -> None:
        self.naming = naming
        self._worded: WeakSet[KeptEvent] = WeakSet()

    async def keep(self, epoch: str, batch: Sequence[Received]) -> list[KeptEvent]:
        """Events of a stream that were just read, once it is known what everybody in them is called."""
        every = [KeptEvent(epoch, received, self.naming) for received in batch]
        self._worded.update(kept for kept in every if kept.has_words)
        await self.naming.know(kept.event for kept in every)
        return every

    def forget(self, erased: ErasureTarget) -> None:
        """Keep no words any more that were erased."""
        for kept in self._worded:
            kept.forget(erased)


Keep = Callable[[str, Sequence[Received]], Awaitable[list[KeptEvent]]]
"""`Keeping.keep`."""
