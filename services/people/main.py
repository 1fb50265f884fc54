"""People's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from libs.eventstore import open_store
from libs.relay import Relay
from libs.service import Service, run
from services.people import domain
from services.people.app import Codes, Hosting, Moderators, People
from services.people.handlers import handlers
from services.people.projection import Follows, Moderation, Spaces
from services.people.relay import translate
from services.people.settings import Settings


async def compose(service: Service[Settings]) -> None:
    """Open the store, publish what it commits, answer commands and queries."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_path, domain.new))
    service.ready_when("store", store.trouble)
    follows = await service.enter(Follows(settings.read_model_path))
    await follows.catch_up(store)
    moderation = await service.enter(Moderation(settings.var / "stores" / "people-moderation.db"))
    await moderation.catch_up(store)
    spaces = await service.enter(Spaces(settings.var / "stores" / "people-spaces.db"))
    service.spawn("spaces", spaces.run(bus))
    service.ready_when("spaces", spaces.lack)
    relay = Relay(bus, store, translate, context="people")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    codes = Codes(store)
    people = People(store, follows, codes, invite_only=settings.invite_only, max_following=settings.max_following)
    hosting = Hosting(store, follows, spaces)
    moderators = Moderators(store, moderation, spaces, reasons=settings.report_reasons, space_wait=settings.space_wait)
    table = handlers(people, hosting, moderators, codes, lambda: datetime.now(UTC))
    await service.enter(bus.serve(table))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
