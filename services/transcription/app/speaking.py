"""One speaking session, as far as it was read, recognised and shown."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from services.transcription.adapters.captured import CapturedMessage
from services.transcription.adapters.messages import PartialResult
from services.transcription.projection import Speaker

_QUEUE: Final = 64
"""Bundles of one session read ahead: about six seconds."""


@dataclass(slots=True, eq=False)
class Session:
    """One speaking session."""

    id: str
    speaker: Speaker
    queue: asyncio.Queue[CapturedMessage] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    pending: deque[int] = field(default_factory=deque)
    """Bundles that were read and are not recognised yet."""
    partial: PartialResult | None = None
    """What is to be shown next."""
    to_show: asyncio.Event = field(default_factory=asyncio.Event)
    publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: int | None = None
    """The bundle from which it is recognised again after a crash, as far as it was."""
    done: int = 0
    """The newest bundle that was recognised."""
    left_out: str = ""
    """Why nothing of it is recognised at the moment."""
    task: asyncio.Task[None] | None = None
    showing: asyncio.Task[None] | None = None

    def show(self, partial: PartialResult) -> None:
        """Have it shown instead of what was to be shown before."""
        self.partial = partial
        self.to_show.set()

    @property
    def needed(self) -> int | None:
        """The oldest bundle that must be recognised again after a crash; None where none must."""
        return self.held if self.held is not None else self.pending[0] if self.pending else None

    @property
    def accounted(self) -> int:
        """Up to where nothing must be recognised again."""
        return self.done if self.needed is None else self.needed - 1

    def caption_id(self, began_ns: int) -> str:
        """The id of the caption of what began then."""
        return f"{self.id}-{began_ns // 1_000_000}"
