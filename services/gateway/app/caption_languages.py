"""What languages there are captions in, as transcription said a while ago."""

from __future__ import annotations

import time
from typing import Final

from contracts.transcription.v1 import LanguagesQuery
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal

_KEPT_S: Final = 60.0
"""They change when transcription is started with another model."""
_WITHIN_S: Final = 0.5


class CaptionLanguages:
    """Asks for them when they are needed."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: tuple[str, ...] | None = None
        self._asked_at = float("-inf")

    async def known(self) -> tuple[str, ...] | None:
        """Primary subtags (BCP 47), in alphabetical order; None where transcription has not said any."""
        now = time.monotonic()
        if now - self._asked_at >= _KEPT_S:
            # Whoever comes meanwhile is told what is known, instead of asking too.
            self._asked_at = now
            try:
                self._known = (await self._bus.ask(LanguagesQuery(), timeout=_WITHIN_S)).result.languages
            except (Refusal, Unavailable):
                self._asked_at = float("-inf")
        return self._known
