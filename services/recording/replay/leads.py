"""Who leads the talk: in each window of time, whoever is heard in most of it. Imports numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from libs.audio.opus import RATE
from services.recording.replay.loudness import HOP, Audio

HOPS: Final = 10 * RATE // HOP
"""Hops in a window of 10 s."""
WINDOW: Final = HOPS * HOP / RATE
"""Seconds."""
_HEARD: Final = 10 ** (-45 / 10)
"""Mean square of a hop in which somebody speaks, full scale being 1: -45 dB."""
_LEAST: Final = 0.2
"""Of a window in which somebody who leads it is heard."""


class Leaders:
    """Counts, hop by hop, in how many somebody is heard."""

    def __init__(self) -> None:
        self._heard: dict[str, int] = {}
        self._hops = 0
        self._leaders: list[str | None] = []

    def hop(self, hops: Mapping[str, Audio]) -> None:
        """The next hop of everybody who has a track there, by whose it is."""
        for who, audio in hops.items():
            if float(np.dot(audio, audio)) > _HEARD * len(audio):
                self._heard[who] = self._heard.get(who, 0) + 1
        self._hops += 1
        if self._hops == HOPS:
            self._close()

    def _close(self) -> None:
        who = max(self._heard, key=lambda one: (self._heard[one], one), default=None)
        leads = who is not None and self._heard[who] >= _LEAST * self._hops
        self._leaders.append(who if leads else None)
        self._heard, self._hops = {}, 0

    def all(self) -> list[str | None]:
        """Who led each window, the last one begun included."""
        if self._hops:
            self._close()
        return self._leaders
