"""Admit captured bundles to the spool, by the Space's settings and the speaker's consent."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from contracts import capture
from libs.keyring import Tampered
from services.recording.adapters.spool import Spool, SpoolEntry
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.recordings import Recordings
from services.recording.domain.recording import Phase

_LONGEST_BUNDLE_US: Final = 60_000_000
_REMEMBERED: Final = 10_000


class RejectedError(Exception):
    """The bundle can never be recorded: it is not what media sends."""


class NotAdmittedError(Exception):
    """Nothing is known (yet) of the Space, or of this person on its stage."""


@dataclass(frozen=True, slots=True)
class CapturedMessage:
    """A message of the capture stream: what decides on its place in the spool, and the bundle as it came."""

    space_id: str
    person_id: str
    session_id: str
    sequence: int
    """In the CAPTURE stream."""
    published_at: datetime
    body: bytes
    unit: str | None
    """The unit that the body is sealed for; None where it is not, since an earlier version captured it."""


class Admitted(NamedTuple):
    """What is recorded of a message."""

    entry: SpoolEntry
    plain: bytes
    """The bundle, opened."""


class Intake:
    """Decides by the Space's settings and the speaker's consent."""

    def __init__(self, recordings: Recordings, audio_keys: AudioKeys, spool: Spool) -> None:
        self._recordings = recordings
        self._audio_keys = audio_keys
        self._spool = spool
        self._unrecorded: OrderedDict[str, None] = OrderedDict()
        self._trouble: str | None = None

    def unrecorded(self, space_id: str) -> None:
        """This Space is not recorded, and never will be: that is chosen before the start."""
        self._unrecorded[space_id] = None
        if len(self._unrecorded) > _REMEMBERED:
            self._unrecorded.popitem(last=False)

    async def admit(self, message: CapturedMessage) -> Admitted | None:
        """What to spool; None for what is not recorded: no recording, no consent, over and done, or of somebody erased.

        Raises RejectedError, NotAdmittedError, and what `Recordings.get` and `AudioKeys` raise.
        """
        if message.space_id in self._unrecorded:
            return None
        recording = await self._recordings.get(message.space_id)
        if recording.phase is Phase.NONE or recording.started_at is None:
            raise NotAdmittedError(f"nothing is known of the Space {message.space_id}")
        if recording.phase not in (Phase.RECORDING, Phase.PROCESSING):
            return None
        opened = await self._open(message)
        if opened is None:
            return None
        plain, bundle = opened
        try:
            at = datetime.fromtimestamp(bundle.base_ns / 1e9, UTC)
        except (ValueError, OverflowError, OSError):
            raise RejectedError(f"its clock says {bundle.base_ns} ns") from None
        if not recording.started_at - capture.CLOCKS_DIFFER <= at <= message.published_at + capture.CLOCKS_DIFFER:
            raise RejectedError(f"its clock says {at:%Y-%m-%d %H:%M:%S}, which is not within the Space")
        longest_us = max((packet.arrival_us for packet in bundle.packets), default=0)
        if longest_us > _LONGEST_BUNDLE_US:
            raise RejectedError(f"it spans {longest_us / 1e6:.0f} s")
        speaker = recording.speakers.get(message.person_id)
        if speaker is None:
            raise NotAdmittedError(f"{message.person_id} is not known to have been on stage")
        if not speaker.consented(at):
            return None
        sealed = await self._audio_keys.to_spool(message.space_id, message.person_id, message.unit, message.body)
        if sealed is None:
            return None
        return Admitted(
            SpoolEntry(message.space_id, message.person_id, message.session_id, message.sequence, sealed), plain
        )

    async def _open(self, message: CapturedMessage) -> tuple[bytes, capture.Bundle] | None:
        """What was captured, as bytes too; None where its keys are destroyed."""
        try:
            body = await self._audio_keys.open_captured(message.space_id, message.person_id, message.unit, message.body)
            return None if body is None else (body, capture.decode(body))
        except (Tampered, ValueError) as error:
            raise RejectedError(str(error)) from error

    async def is_finished(self, space_id: str) -> bool:
        """Whether a replay was made, or given up, that nothing is added to any more."""
        return (await self._recordings.get(space_id)).phase in (Phase.READY, Phase.FAILED)

    async def store(self, entries: Iterable[SpoolEntry]) -> None:
        """Put bundles on the disk; they are there when it returns. Raises StorageFullError, OSError."""
        try:
            await asyncio.to_thread(self._spool.append, list(entries))
        except Exception as error:
            self._trouble = f"captured audio cannot be stored: {error}"
            raise
        self._trouble = None

    def trouble(self) -> str | None:
        """What keeps audio from being stored now, for a readiness check."""
        return self._trouble
