"""Tipping's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.keyring.client import open_keyring
from libs.migration import Migration
from libs.relay import Relay
from libs.service import Service, run
from services.tipping.app import Tipping, new
from services.tipping.app.erasing import Erasing
from services.tipping.app.migration import today
from services.tipping.app.personal_data import held
from services.tipping.app.tip_sealer import TipSealer
from services.tipping.handlers import handlers, ordered
from services.tipping.projection import Stages, TipsBySpace
from services.tipping.settings import Settings
from services.tipping.translation import translate


async def compose(service: Service[Settings]) -> None:
    """Open the store, publish what it commits, watch the stages, answer commands and queries."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_place, new))
    service.ready_when("store", store.trouble)
    tips = await service.enter(TipsBySpace(settings.tips_path))
    await tips.catch_up(store)
    stages = await service.enter(Stages(settings.stages_path))
    service.spawn("follow the stream", stages.run(bus))
    service.ready_when("stages", stages.lack)
    keyring = await service.enter(open_keyring(bus, settings.name))
    sealer = TipSealer(keyring, stages.is_erased)
    relay = Relay(bus, store, partial(translate, is_gone=stages.is_erased), context="tipping")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    migration = Migration(bus, store, today, keyring.locks, context="tipping")
    service.spawn("migration", migration.run())
    executor = Executor(store, utc_now, ordered, sealing=sealer)
    tipping = Tipping(store, executor, stages, tips, sealer, news_within=settings.news_within)
    service.spawn("erasing", Erasing(bus, store, executor, stages, tips).run())
    await service.enter(bus.serve(handlers(executor, tipping, held(tipping))))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
