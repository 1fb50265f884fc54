"""One speaking session, as far as it was read, recognised and shown, and the captions of what was said in it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from services.transcription.adapters.captured import CapturedMessage
from services.transcription.adapters.messages import FinalResult, PartialResult
from services.transcription.app.languages import SpaceLanguages
from services.transcription.domain.facts import Captioned, Word
from services.transcription.projection.stages import KnownSpeaker

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_QUEUE: Final = 64
"""Bundles of one session read ahead: about six seconds."""
_NONE: Final[Mapping[str, int]] = {}
"""Accounted for."""


@dataclass(slots=True, eq=False)
class Session:
    """One speaking session."""

    id: str
    speaker: KnownSpeaker
    queue: asyncio.Queue[CapturedMessage] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    pending: deque[int] = field(default_factory=deque)
    """Bundles that were read and are not recognised yet."""
    partial: PartialResult | None = None
    """What is to be shown next."""
    to_show: asyncio.Event = field(default_factory=asyncio.Event)
    publishing: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: int | None = None
    """The bundle from which it is recognised again after a crash, as far as it was."""
    speaking: bool = False
    """What was recognised ends in the middle of speech."""
    heard: deque[CapturedMessage] = field(default_factory=deque)
    """Bundles that were recognised and are still needed."""
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

    def keep_needed(self) -> None:
        """Let go of the bundles that were recognised and are not needed any more."""
        while self.heard and (self.held is None or self.heard[0].sequence < self.held):
            self.heard.popleft()

    def caption_id(self, began_ns: int) -> str:
        """The id of the caption of what began then."""
        return _caption_id(self.id, began_ns)


def caption_of(
    session_id: str,
    speaker: KnownSpeaker,
    languages: SpaceLanguages,
    final: FinalResult,
    *,
    epoch: str,
    sequence: int = 0,
    resume: int = 0,
    others: Mapping[str, int] = _NONE,
) -> Captioned:
    """The caption of an utterance. What else is given says up to where the capture stream is accounted for by it."""
    return Captioned(
        caption_id=_caption_id(session_id, final.began_ns),
        session_id=session_id,
        person_id=speaker.person_id,
        lang=languages.of(speaker.person_id, final.start_ns).of_final(final.lang),
        text=final.text,
        start_at=moment(final.start_ns),
        end_at=moment(final.end_ns),
        epoch=epoch,
        sequence=sequence,
        resume=resume,
        words=tuple(Word(w.text, w.start_s, w.end_s, w.confidence) for w in final.words),
        detected=final.detected,
        others=dict(others),
    )


def _caption_id(session_id: str, began_ns: int) -> str:
    return f"{session_id}-{began_ns // 1_000_000}"


def moment(ns: int) -> datetime:
    """A moment in ns since the Unix epoch, to the microsecond below."""
    return _EPOCH + timedelta(microseconds=ns // 1000)
