"""Recording's composition root."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import partial

from contracts import consumers
from contracts.room import v1 as room
from libs.bus import each
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.names import PeopleNames
from libs.relay import Relay
from libs.service import CannotStart, Reserve, Service, run
from services.recording.adapters.backlog import Backlog
from services.recording.adapters.object_store import ObjectStoreError, StoredObjects
from services.recording.adapters.spool import Spool, SpoolTakenError
from services.recording.app import Finishing, Intake, Limits, Recordings, Retention
from services.recording.domain import Recording, Terms
from services.recording.handlers import (
    Captured,
    ReportEvents,
    RoomEvents,
    handlers,
    ordered,
)
from services.recording.projection import Kept
from services.recording.settings import Settings
from services.recording.translation import named_in, translate

CAPTURE_CONSUMER = consumers.RECORDING_CAPTURE.name


async def compose(service: Service[Settings]) -> None:
    """Take in what is captured, finish what is over, answer what is asked."""
    settings, bus = service.settings, service.bus
    try:
        objects = StoredObjects(settings.objects_url)
    except ObjectStoreError as error:
        raise CannotStart(f"ROSTRUM_RECORDINGS_URL: {error}") from error
    store = await service.enter(open_store(settings.store_place, Recording, cached=1_000))
    service.ready_when("store", store.trouble)
    people = await service.enter(PeopleNames(settings.var / "stores" / "recording-people.db"))
    service.spawn("people", people.run(bus))
    service.ready_when("people", people.lack)
    who = people.names
    service.spawn("names", who.run(bus))

    async def called(person_ids: Collection[str]) -> dict[str, str]:
        await who.settle(bus, person_ids)
        return {person_id: who(person_id).name for person_id in person_ids}

    relay = Relay(bus, store, partial(translate, who=who), context="recording", prepare=who.before(bus, named_in))
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)

    spool = Spool(settings.spool_path, Reserve(settings.spool_path, settings.disk_reserve_mb).lack)
    try:
        spool.lock()
    except SpoolTakenError as error:
        raise CannotStart(f"ROSTRUM_SPOOL: {error}") from error
    executor = Executor(store, utc_now, ordered)
    recordings = Recordings(store, executor, spool)
    intake = Intake(recordings, spool)
    limits = Limits(
        grace=timedelta(seconds=settings.grace_seconds),
        builds=settings.builds,
        give_up=timedelta(hours=settings.give_up_hours),
    )
    finishing = Finishing(recordings, executor, spool, objects, Backlog(bus, CAPTURE_CONSUMER).drained, called, limits)
    service.ready_when("spool", intake.trouble)
    service.ready_when("replays", finishing.trouble)

    kept = await service.enter(Kept(settings.kept_path))
    terms = Terms(
        None if settings.replay_days is None else timedelta(days=settings.replay_days),
        timedelta(days=settings.safety_days),
        timedelta(days=settings.reported_days),
    )
    retention = Retention(store, executor, kept, objects, spool, terms, utc_now)

    async def snapshot(space_id: str) -> room.Space:
        return (await bus.ask(room.SpaceQuery(space_id=space_id, follower=True))).result

    room_events = RoomEvents(recordings, executor, intake, finishing)
    captured = Captured(intake, recordings, executor, snapshot)
    await service.enter(
        bus.consume(
            consumers.RECORDING_ROOM.name,
            each(room_events),
            filters=consumers.RECORDING_ROOM.filters,
            exclusive=True,
        )
    )
    await service.enter(
        bus.consume_raw(
            CAPTURE_CONSUMER,
            captured,
            stream=consumers.RECORDING_CAPTURE.stream,
            filters=consumers.RECORDING_CAPTURE.filters,
            exclusive=True,
        )
    )
    await service.enter(
        bus.consume(
            consumers.RECORDING_REPORTS.name,
            each(ReportEvents(executor, retention)),
            filters=consumers.RECORDING_REPORTS.filters,
            exclusive=True,
        )
    )
    service.spawn("finish replays", finishing.run())
    service.spawn("keep replays", retention.run(settings.keep_look_seconds))
    await service.enter(bus.serve(handlers(executor, recordings, who)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
