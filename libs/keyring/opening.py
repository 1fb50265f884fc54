"""Opening the words of events that are read from the stream."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from contracts.sealed import Box, Texts
from libs.bus import Unavailable
from libs.keyring.client import Fetch
from libs.keyring.errors import Expired
from libs.keyring.holders import touches
from libs.keyring.lock import Lock
from libs.keyring.names import segments_of
from libs.keyring.rows import ErasureTarget
from libs.keyring.sealing import Sealed
from libs.refusal import Refusal

_ATTEMPTS: Final = 8
_sealed: Final = msgspec.json.Decoder(Sealed)


class Opener:
    """Opens words for readers of events (`libs.bus.opening.Opening`)."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.trouble: str | None = None

    async def texts(self, boxes: Collection[Box]) -> Texts:
        """What is in these boxes; None where it was erased. Raises Unavailable."""
        names = {name for box in boxes for name in box.locks}
        for _ in range(_ATTEMPTS):
            try:
                locks = await self._fetch(names)
                return {box: open_box(box, locks.__getitem__) for box in boxes}
            except Expired:
                continue
            except Refusal as no:
                raise Unavailable(no.detail) from no
        raise Unavailable("keys are destroyed faster than they can be asked for")

    def lack(self) -> str | None:
        """For readiness: None while no reader waits for keys."""
        return self.trouble


def box_of(words: Sealed, *locks: str) -> Box:
    """Sealed words as an event carries them. `locks` are named from the outside in."""
    fields = msgspec.to_builtins(words)
    return Box(locks=locks, unit=fields["unit"], box=fields["box"])


def is_touched(box: Box, erased: ErasureTarget) -> bool:
    """Whether what is in a box cannot be read any more once something is destroyed."""
    if not any(touches(erased, lock) for lock in box.locks):
        return False
    if not erased.unit:
        return True
    gone, unit = segments_of(erased.unit), segments_of(box.unit)
    return unit[: len(gone)] == gone


def sealed_of(box: Box) -> Sealed:
    """What an event carries, as facts hold it."""
    return msgspec.convert({"unit": box.unit, "box": box.box}, Sealed)


def open_box(box: Box, lock: Callable[[str], Lock]) -> str | None:
    """What is in a box, opened with locks by name; None where it was erased. Raises Expired, and what `lock` raises."""
    words = sealed_of(box)
    *outer, innermost = box.locks
    for name in outer:
        inner = lock(name).legible(words, box.unit)
        if inner is None:
            return None
        words = _sealed.decode(inner)
    return lock(innermost).legible(words, box.unit)
