"""People's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from libs.eventstore import open_store
from libs.relay import Relay
from libs.service import Service, run
from services.people import domain
from services.people.app import Codes, Hosting, Lapsing, Moderators, People, Reminding
from services.people.handlers import handlers
from services.people.projection import Follows, Moderation, Spaces, Wanted
from services.people.relay import translate
from services.people.settings import Settings


def now() -> datetime:
    """The time (UTC)."""
    return datetime.now(UTC)


async def compose(service: Service[Settings]) -> None:
    """Open the store, publish what it commits, answer commands and queries."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_place, domain.new))
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
    wanted = await service.enter(Wanted(settings.var / "stores" / "people-wanted.db"))
    reminding = Reminding(
        store,
        spaces,
        wanted,
        now=now,
        soon=timedelta(minutes=settings.remind_host_minutes),
        space_wait=settings.space_wait,
    )
    service.spawn("reminders", reminding.run())
    service.spawn("suspensions", Lapsing(store, moderation, moderators.suspended, now).run())
    table = handlers(people, hosting, moderators, codes, reminding, now)
    await service.enter(bus.serve(table))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
