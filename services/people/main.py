"""People's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from libs.eventstore import open_store
from libs.relay import Relay
from libs.service import Service, run
from services.people.app import People
from services.people.domain import Person
from services.people.handlers import handlers
from services.people.projection import Follows
from services.people.relay import translate
from services.people.settings import Settings


async def compose(service: Service[Settings]) -> None:
    """Open the store, publish what it commits, answer commands and queries."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_path, Person))
    service.ready_when("store", store.trouble)
    follows = await service.enter(Follows(settings.read_model_path))
    await follows.catch_up(store)
    relay = Relay(bus, store, translate, context="people")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    people = People(store, follows, max_following=settings.max_following)
    await service.enter(bus.serve(handlers(people, lambda: datetime.now(UTC))))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
