"""Discovery's composition root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.discovery.v1 import BarChanged, BarsChanged
from libs.keyring.client import open_keyring
from libs.keyring.opening import Opener
from libs.service import Service, run
from services.discovery.app import LiveBars
from services.discovery.handlers import handlers
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from services.discovery.settings import Settings
from services.discovery.translation import on_the_stream


async def compose(service: Service[Settings]) -> None:
    """Fill the read model, tell the watchers, answer the queries."""
    settings, bus = service.settings, service.bus
    directory = await service.enter(SpaceDirectory(settings.read_model_path, settings.official_hosts))
    search = await service.enter(
        Search(settings.read_model_path, seconds=settings.search_seconds, on_damage=directory.met_damage)
    )

    async def publish(events: Sequence[tuple[BarChanged | BarsChanged, str]]) -> None:
        await bus.publish_events(
            [(on_the_stream(event, directory.title_box(event.space_id)), id) for event, id in events]
        )

    bars = LiveBars(
        directory,
        publish,
        watch_seconds=settings.watch_seconds,
        max_watchers=settings.max_watchers,
    )
    directory.on_applied.append(bars.changed)
    service.ready_when("read model", directory.lack)
    words = Opener((await service.enter(open_keyring(bus, settings.name))).locks)
    service.spawn("follow the stream", directory.run(bus, words))

    async def tell() -> None:
        await directory.until(lambda: directory.lack() is None)
        await bars.tell()

    service.spawn("tell the watchers", tell())
    await service.enter(bus.serve(handlers(directory, search, bars)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
