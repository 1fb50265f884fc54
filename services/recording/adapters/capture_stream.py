"""What was captured for captions alone, read from the stream while it is there."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError

from contracts import capture, subjects
from libs.bus import Bus, Unavailable
from libs.bus.stored import Interrupted, Stored, StreamAway, StreamReader
from libs.ids import is_id
from services.recording.adapters.spool import Spool, SpoolEntry

_BEFORE: Final = timedelta(seconds=5)
"""A bundle is published soon after it was captured; the clocks of a media node and of NATS may differ by so much."""
_AFTER: Final = timedelta(seconds=30)
_PAGE: Final = 1000


class CaptureStream:
    """The CAPTURE stream."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def spool(self, space_id: str, since: datetime, until: datetime, into: Spool) -> None:
        """Spool what was captured for captions in a Space in some time, and about it, sealed as it is.

        Raises Unavailable, StorageFullError and OSError. Bundles of earlier versions, which are not sealed, are left
        out.
        """
        start: datetime | int = since - _BEFORE
        try:
            async with StreamReader(self._bus.nc, subjects.CAPTURE_STREAM) as reader:
                while True:
                    page = await reader.page(start, subjects.capture_of(space_id), _PAGE)
                    entries = [entry for message in page.messages if (entry := _entry(space_id, message)) is not None]
                    if entries:
                        await asyncio.to_thread(into.append, entries)
                    if not page.messages or not page.left or page.messages[-1].published_at > until + _AFTER:
                        return
                    start = page.messages[-1].sequence + 1
        except (Interrupted, StreamAway, JetStreamError, nats.errors.Error, TimeoutError) as error:
            raise Unavailable(f"captured audio cannot be read: {error}") from error


def _entry(space_id: str, message: Stored) -> SpoolEntry | None:
    person_id = message.headers.get(subjects.HEADER_PERSON, "")
    session_id = message.subject.rpartition(".")[2]
    sealed = message.headers.get(subjects.HEADER_UNIT) == capture.UNRECORDED
    if not message.published or not sealed or not is_id(person_id) or not is_id(session_id):
        return None
    return SpoolEntry(space_id, person_id, session_id, message.sequence, message.data)
