"""All Spaces with captions: each is transcribed until its transcript is complete."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from prometheus_client import Counter, Gauge

from libs.bus import Bus
from libs.keyring.client import Fetch
from services.transcription.adapters.worker_pool import WorkerPool
from services.transcription.app.languages import understood
from services.transcription.app.transcriber import Patience, Transcriber
from services.transcription.app.transcripts import Transcripts
from services.transcription.projection.stages import CaptionedSpace, Stages

_log = logging.getLogger(__name__)

LISTENING: Final = Gauge("rostrum_transcription_spaces", "Spaces listened to")
INTERRUPTED: Final = Counter("rostrum_transcription_interrupted_total", "Times a Space was listened to anew")
_PAUSE_FIRST: Final = 0.2
_PAUSE_LAST: Final = 10.0


class Captioning:
    """Starts to transcribe a Space with captions when it starts, or when this service does."""

    def __init__(
        self,
        bus: Bus,
        fetch: Fetch,
        stages: Stages,
        transcripts: Transcripts,
        pool: WorkerPool,
        pace: Patience,
        languages: Collection[str],
    ) -> None:
        """`fetch` gets keys; `languages` are the primary subtags (BCP 47) that the recogniser knows."""
        self._bus = bus
        self._fetch = fetch
        self._stages = stages
        self._transcripts = transcripts
        self._pool = pool
        self._pace = pace
        self._languages = frozenset(languages)
        self._known: set[str] = set()

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._stages.news.clear()
                open_now = self._stages.open()
                self._known &= {space.id for space in open_now}
                for space in open_now:
                    if space.id not in self._known:
                        self._known.add(space.id)
                        tasks.create_task(self._tend(space), name=f"captions of {space.id}")
                await self._stages.news.wait()

    async def _tend(self, space: CaptionedSpace) -> None:
        if not self._understands(space):
            _log.warning("Space %s has no captions", space.id, extra={"why": f"nothing here understands {space.lang}"})
            # Until then a restart may bring a model that does, or somebody may speak something else.
            await self._stages.until(lambda: self._understands(space) or self._stages.has_ended(space.id))
            if not self._understands(space):
                self._stages.forget(space.id)
                return
        pause = _PAUSE_FIRST
        with LISTENING.track_inprogress():
            while True:
                try:
                    if await self._transcripts.open(space.id, space.lang, space.started_at):
                        await Transcriber(
                            self._bus,
                            self._fetch,
                            space,
                            self._stages,
                            self._transcripts,
                            self._pool,
                            self._pace,
                            self._languages,
                        ).run()
                    else:
                        # A stream that was filled again tells that it is complete before it tells of its start.
                        self._stages.forget(space.id)
                    return
                except Exception as error:  # noqa: BLE001 (trouble with one Space must not end the others; it is tried for ever)
                    INTERRUPTED.inc()
                    _log.warning("Space %s is transcribed anew in %.1f s", space.id, pause, exc_info=error)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _PAUSE_LAST)

    def _understands(self, space: CaptionedSpace) -> bool:
        """Whether anybody there speaks what the recogniser knows."""
        return understood(self._stages.languages(space.id), self._languages)
