"""Composition root of the room service."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from contracts import subjects
from contracts.room import v1
from libs.bus import Leases
from libs.eventstore import StoredFact, history, open_recorder, open_store, rebuild
from libs.relay import Relay
from libs.service import Service, run
from services.room.app import Presence, Spaces
from services.room.domain import Limits, Space
from services.room.handlers import Audience, Keeper, anywhere, handlers
from services.room.projection import Agenda, People
from services.room.relay import translate, wire_space
from services.room.settings import Settings


def now() -> datetime:
    """The time (UTC)."""
    return datetime.now(UTC)


async def compose(service: Service[Settings]) -> None:
    """Store, relay, people, audience, and the partitions this process owns."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_place, Space, cached=settings.cached_spaces))
    service.ready_when("store", store.trouble)
    relay = Relay(bus, store, translate, context="room")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)

    people = await service.enter(People(settings.var / "stores" / "room-people.db"))
    service.spawn("people", people.run(bus))
    service.ready_when("people", people.lack)

    spaces = Spaces(store, people, _limits(settings), person_wait=settings.person_wait)
    audience = Audience(
        bus,
        spaces,
        Presence(settings.lease_seconds),
        reactions=settings.reactions,
        count_interval=settings.count_interval,
        reaction_interval=settings.reaction_interval,
        now=now,
    )
    service.spawn("audience", audience.run())
    service.on_stop(audience.flush)

    agenda = await service.enter(Agenda(settings.var / "stores" / f"{settings.name}-agenda.db"))
    keeper = Keeper(store, spaces, agenda, audience, now)
    people.on_applied.append(keeper.saw)
    service.spawn("keeper", keeper.run())

    table = handlers(spaces, audience, now)
    served: dict[int, AsyncExitStack] = {}

    async def gained(partition: int) -> None:
        # Another process may have written these Spaces since we last read them.
        store.forget(lambda id: subjects.partition_of(id, settings.partitions) == partition)
        await audience.gain(partition)
        keeper.gain(partition)
        served[partition] = AsyncExitStack()
        await served[partition].enter_async_context(bus.serve(table, route=str(partition), hot=True))

    async def lost(partition: int) -> None:
        await served.pop(partition).aclose()
        await audience.lose(partition)

    await service.enter(bus.serve(anywhere(settings.topics)))
    leases = await service.enter(Leases(bus, "room", settings.name, settings.partitions, gained, lost))
    service.ready_when("partitions", leases.lack)


def _limits(settings: Settings) -> Limits:
    return Limits(
        stage=settings.stage_limit,
        speakers=settings.speaker_limit,
        cohosts=settings.cohost_limit,
        conversation=settings.conversation_limit,
        schedule_ahead=timedelta(days=settings.schedule_ahead_days),
        scheduled=settings.scheduled_limit,
        grace=timedelta(seconds=settings.grace_seconds),
        invitation=timedelta(seconds=settings.invitation_seconds),
        pins=settings.pin_limit,
        topics=frozenset(settings.topics) or None,
    )


def main(env: Mapping[str, str]) -> int:
    """Run the room service; its exit code."""
    return run(Settings, compose, env)


def inspect(env: Mapping[str, str], space_id: str, *, at: int | None = None) -> v1.Space | None:
    """A Space rebuilt from its stored events alone, up to version `at`; None where there is none.

    Reads the store of a running service without disturbing it. Raises BadSettings, OSError where there is no store.
    """
    settings = Settings.read(env)
    recorder = open_recorder(settings.store_place, read_only=True)
    try:
        space = rebuild(recorder, space_id, Space, at=at)
    finally:
        recorder.close()
    return wire_space(space, all=True) if space.version else None


def stored_facts(env: Mapping[str, str], space_id: str) -> list[StoredFact]:
    """Every stored event of a Space, in order. Raises as `inspect` does."""
    recorder = open_recorder(Settings.read(env).store_place, read_only=True)
    try:
        return history(recorder, space_id)
    finally:
        recorder.close()
