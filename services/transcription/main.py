"""Composition root of transcription."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from libs.bus import each
from libs.eventstore import open_store
from libs.relay import Relay
from libs.service import CannotStart, Service, run
from services.transcription.adapters import model
from services.transcription.adapters.messages import Tuning
from services.transcription.adapters.workers import Workers
from services.transcription.app import Captioning, Pace, Transcripts
from services.transcription.domain import Transcript
from services.transcription.handlers import DELETIONS, Deletions, handlers
from services.transcription.projection import Stages
from services.transcription.relay import translate
from services.transcription.settings import Settings

_DELETIONS = "transcription-deletions"
_CACHED = 200
"""Transcripts in memory; the open ones are always there."""


def _now() -> datetime:
    return datetime.now(UTC)


async def compose(service: Service[Settings]) -> None:
    """Store, relay, workers, what is known of stages, listening, queries."""
    settings, bus = service.settings, service.bus
    if settings.model is not None:
        try:
            model.check(settings.model)
        except ValueError as error:
            raise CannotStart(f"ROSTRUM_TRANSCRIPTION_MODEL: {error}") from error
    store = await service.enter(open_store(settings.store_place, Transcript, cached=_CACHED))
    service.ready_when("store", store.trouble)
    relay = Relay(bus, store, translate, context="transcription")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    tuning = Tuning(
        silence_s=settings.silence,
        long_s=settings.longest * 2 / 3,
        longest_s=settings.longest,
        partial_every_s=settings.partial_every,
    )
    # Not waited for: captured speech waits by itself, and questions can be answered meanwhile.
    workers = await service.enter(Workers(settings.workers, settings.decoders, settings.model, tuning))
    service.spawn("workers", workers.run())
    stages = await service.enter(Stages(settings.var / "stores" / "transcription-stages.db"))
    service.spawn("follow stages", stages.run(bus))
    service.ready_when("stages", stages.lack)
    transcripts = Transcripts(store, _now)
    pace = Pace(flush_after=settings.flush_after, settle=settings.settle)
    captioning = Captioning(bus, stages, transcripts, workers, pace, settings.languages)
    service.spawn("captions", captioning.run())
    await service.enter(bus.consume(_DELETIONS, each(Deletions(transcripts)), filters=DELETIONS, exclusive=True))
    await service.enter(bus.serve(handlers(transcripts)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
