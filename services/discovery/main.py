"""Discovery's composition root."""

from __future__ import annotations

from collections.abc import Mapping

from libs.service import Service, run
from services.discovery.app import LiveBars
from services.discovery.handlers import handlers
from services.discovery.projection import Search, SpaceDirectory
from services.discovery.settings import Settings


async def compose(service: Service[Settings]) -> None:
    """Fill the read model, tell the watchers, answer the queries."""
    settings, bus = service.settings, service.bus
    directory = await service.enter(SpaceDirectory(settings.read_model_path, settings.official_hosts))
    search = await service.enter(
        Search(settings.read_model_path, seconds=settings.search_seconds, on_damage=directory.met_damage)
    )
    bars = LiveBars(
        directory,
        bus.publish_events,
        watch_seconds=settings.watch_seconds,
        max_watchers=settings.max_watchers,
    )
    directory.on_applied.append(bars.changed)
    service.ready_when("read model", directory.lack)
    service.spawn("follow the stream", directory.run(bus))

    async def tell() -> None:
        await directory.until(lambda: directory.lack() is None)
        await bars.tell()

    service.spawn("tell the watchers", tell())
    await service.enter(bus.serve(handlers(directory, search, bars)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
