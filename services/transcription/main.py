"""Composition root of transcription."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from contracts import consumers
from libs.bus import each
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.keyring.client import open_keyring
from libs.keyring.opening import Opener
from libs.migration import Migration
from libs.personal_data import Concerned
from libs.relay import Relay
from libs.service import CannotStart, Service, run
from services.transcription import engines
from services.transcription.adapters.messages import Tuning
from services.transcription.adapters.worker_pool import WorkerPool
from services.transcription.app.audio_dead_letters import Letters
from services.transcription.app.caption_sealer import CaptionSealer
from services.transcription.app.captioning import Captioning
from services.transcription.app.forgetting import Destroyer
from services.transcription.app.migration import today
from services.transcription.app.personal_data import held, people_of
from services.transcription.app.transcriber import Patience
from services.transcription.app.transcripts import Transcripts
from services.transcription.domain.facts import CaptionCorrected, CaptionDeleted, CaptionRestored, Deleted
from services.transcription.domain.transcript import Transcript
from services.transcription.engines import choosing
from services.transcription.handlers import Deletions, RoomEvents, handlers, ordered
from services.transcription.projection.stages import Stages
from services.transcription.projection.unwanted import Unwanted
from services.transcription.settings import Settings
from services.transcription.translation import translate

_CACHED = 200
"""Transcripts in memory; the open ones are always there."""


async def compose(service: Service[Settings]) -> None:
    """Store, relay, recognition workers, what is known of stages, captions, queries."""
    settings, bus = service.settings, service.bus
    try:
        # In a thread: the first time, hundreds of megabytes are verified.
        engine, model = await asyncio.to_thread(choosing.find, settings.engine, settings.model, settings.var)
    except choosing.EngineUnknownError as error:
        raise CannotStart(f"ROSTRUM_TRANSCRIPTION_ENGINE: {error}") from error
    except engines.ModelError as error:
        raise CannotStart(f"ROSTRUM_TRANSCRIPTION_MODEL: {error}") from error
    service.uses["engine"] = engine
    languages = model.languages if settings.languages is None else settings.languages
    store = await service.enter(open_store(settings.store_place, Transcript, cached=_CACHED))
    service.ready_when("store", store.trouble)
    stages = await service.enter(Stages(settings.var / "stores" / "transcription-stages.db"))
    keyring = await service.enter(open_keyring(bus, settings.name))
    service.spawn("follow stages", stages.run(bus, Opener(keyring.locks)))
    service.ready_when("stages", stages.lack)
    who = stages.names
    service.spawn("names", who.run(bus))
    sealer = CaptionSealer(keyring.locks)
    keyring.on_drop(sealer.drop)
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
    # Nothing waits for all workers here: captured speech stays in its stream, and queries are answered meanwhile.
    pool = await service.enter(
        WorkerPool(settings.workers, engine, settings.model, settings.var, settings.decoders, tuning)
    )
    if settings.model is not None:
        # Nobody has verified it: whether all of it is there shows when it is loaded.
        try:
            await pool.try_model()
        except engines.ModelError as error:
            raise CannotStart(f"ROSTRUM_TRANSCRIPTION_MODEL: {error}") from error
    service.spawn("workers", pool.run())
    unwanted = await service.enter(Unwanted(settings.var / "stores" / "transcription-unwanted.db"))
    migration = Migration(bus, store, today, keyring.locks, context="transcription", models=[unwanted])
    service.spawn("migration", migration.run())
    destroyer = Destroyer(bus, store, unwanted, lambda: relay.position)
    service.spawn("destroy unwanted words", destroyer.run())
    executor = Executor(
        store,
        utc_now,
        ordered,
        consequences=dict.fromkeys((CaptionCorrected, CaptionDeleted, CaptionRestored, Deleted), destroyer.look),
    )
    transcripts = Transcripts(store, executor, sealer)
    pace = Patience(flush_after=settings.flush_after, settle=settings.settle)
    captioning = Captioning(bus, keyring.locks, stages, transcripts, pool, pace, languages)
    service.spawn("captions", captioning.run())
    await service.enter(Letters(bus, keyring.locks, stages, transcripts, pool, pace.flush_after, languages))
    for durable, handle in (
        (consumers.TRANSCRIPTION_DELETIONS, Deletions(executor)),
        (consumers.TRANSCRIPTION_ROOM, RoomEvents(executor)),
    ):
        await service.enter(bus.consume(durable.name, each(handle), filters=durable.filters, exclusive=True))
    concerned = await service.enter(Concerned(settings.var / "stores" / "transcription-concerned.db", people_of))
    service.spawn("what concerns whom", concerned.run(store))
    table = handlers(
        executor,
        transcripts,
        who,
        sealer,
        languages,
        held=held(store, transcripts, concerned, sealer),
        must_be_complete=stages.must_be_complete,
    )
    await service.enter(bus.serve(table))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
