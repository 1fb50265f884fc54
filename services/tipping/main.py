"""Tipping's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from libs.eventstore import open_store
from libs.relay import Relay
from libs.service import Service, run
from services.tipping.app import Tipping, new
from services.tipping.handlers import handlers
from services.tipping.projection import Stages, TipsBySpace
from services.tipping.relay import translate
from services.tipping.settings import Settings


async def compose(service: Service[Settings]) -> None:
    """Open the store, publish what it commits, watch the stages, answer commands and queries."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_place, new))
    service.ready_when("store", store.trouble)
    tips = await service.enter(TipsBySpace(settings.tips_path))
    await tips.catch_up(store)
    relay = Relay(bus, store, translate, context="tipping")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    stages = await service.enter(Stages(settings.stages_path))
    service.spawn("follow the stream", stages.run(bus))
    service.ready_when("stages", stages.lack)
    tipping = Tipping(store, stages, tips, news_within=settings.news_within)
    await service.enter(bus.serve(handlers(tipping, lambda: datetime.now(UTC))))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
