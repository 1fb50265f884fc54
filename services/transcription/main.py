"""Composition root of transcription."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from contracts import consumers
from libs.bus import each
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import Notification, open_store
from libs.keyring.client import open_keyring
from libs.relay import Relay
from libs.service import CannotStart, Service, run
from services.transcription import engines
from services.transcription.adapters.messages import Tuning
from services.transcription.adapters.worker_pool import WorkerPool
from services.transcription.app import Captioning, Destroyer, Letters, Pace, Transcripts
from services.transcription.app.vault import Vault
from services.transcription.domain import CaptionCorrected, CaptionRestored, Deleted, Transcript
from services.transcription.handlers import Deletions, RoomEvents, handlers, ordered
from services.transcription.projection import Stages, Unwanted
from services.transcription.settings import Settings
from services.transcription.translation import locked_in, named_in, translate

_CACHED = 200
"""Transcripts in memory; the open ones are always there."""


async def compose(service: Service[Settings]) -> None:
    """Store, relay, recognition workers, what is known of stages, captions, queries."""
    settings, bus = service.settings, service.bus
    try:
        # In a thread: the first time, hundreds of megabytes are verified.
        engine, model = await asyncio.to_thread(engines.find, settings.engine, settings.model, settings.var)
    except engines.EngineUnknownError as error:
        raise CannotStart(f"ROSTRUM_TRANSCRIPTION_ENGINE: {error}") from error
    except engines.ModelError as error:
        raise CannotStart(f"ROSTRUM_TRANSCRIPTION_MODEL: {error}") from error
    service.uses["engine"] = engine
    languages = model.languages if settings.languages is None else settings.languages
    store = await service.enter(open_store(settings.store_place, Transcript, cached=_CACHED))
    service.ready_when("store", store.trouble)
    stages = await service.enter(Stages(settings.var / "stores" / "transcription-stages.db"))
    service.spawn("follow stages", stages.run(bus))
    service.ready_when("stages", stages.lack)
    who = stages.names
    service.spawn("names", who.run(bus))
    keyring = await service.enter(open_keyring(bus, settings.name))
    vault = Vault(keyring.locks)
    keyring.on_drop(vault.drop)
    names_known = who.before(bus, named_in)

    async def prepare(notifications: Sequence[Notification]) -> None:
        await names_known(notifications)
        await vault.fetch(locked_in(notifications))

    relay = Relay(bus, store, partial(translate, who=who, vault=vault), context="transcription", prepare=prepare)
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
    destroyer = Destroyer(bus, store, unwanted, lambda: relay.position)
    service.spawn("destroy unwanted words", destroyer.run())
    executor = Executor(
        store,
        utc_now,
        ordered,
        consequences=dict.fromkeys((CaptionCorrected, CaptionRestored, Deleted), destroyer.look),
    )
    transcripts = Transcripts(store, executor, vault)
    pace = Pace(flush_after=settings.flush_after, settle=settings.settle)
    captioning = Captioning(bus, stages, transcripts, pool, pace, languages)
    service.spawn("captions", captioning.run())
    await service.enter(Letters(bus, stages, transcripts, pool, pace.flush_after, languages))
    for durable, handle in (
        (consumers.TRANSCRIPTION_DELETIONS, Deletions(executor)),
        (consumers.TRANSCRIPTION_ROOM, RoomEvents(executor)),
    ):
        await service.enter(bus.consume(durable.name, each(handle), filters=durable.filters, exclusive=True))
    await service.enter(
        bus.serve(handlers(executor, transcripts, who, vault, languages, must_be_complete=stages.must_be_complete))
    )


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
