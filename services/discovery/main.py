"""Discovery's composition root."""

from __future__ import annotations

from collections.abc import Mapping

from libs.service import Service, run
from services.discovery.app import LiveBars
from services.discovery.handlers import handlers
from services.discovery.projection import Search, Spaces
from services.discovery.settings import Settings


async def compose(service: Service[Settings]) -> None:
    """Fill the read model, tell the watchers, answer the queries."""
    settings, bus = service.settings, service.bus
    spaces = await service.enter(Spaces(settings.read_model_path, settings.official_hosts))
    search = await service.enter(Search(settings.read_model_path, seconds=settings.search_seconds))
    bars = LiveBars(
        spaces,
        bus.publish_events,
        watch_seconds=settings.watch_seconds,
        max_watchers=settings.max_watchers,
    )
    spaces.on_applied.append(bars.changed)
    service.ready_when("read model", spaces.lack)
    service.spawn("follow the stream", spaces.run(bus))

    async def tell() -> None:
        await spaces.until(lambda: spaces.lack() is None)
        await bars.tell()

    service.spawn("tell the watchers", tell())
    await service.enter(bus.serve(handlers(spaces, search, bars)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
