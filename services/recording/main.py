"""Recording's composition root."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import partial

from contracts import consumers
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import each
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.ids import new_id
from libs.keyring.client import open_keyring
from libs.names import PeopleNames
from libs.relay import Relay
from libs.service import CannotStart, Reserve, Service, run
from services.recording.adapters.backlog import Backlog
from services.recording.adapters.object_store import ObjectStoreError, StoredObjects
from services.recording.adapters.spool import Spool, SpoolTakenError
from services.recording.app import Builds, Erasing, Finishing, Intake, Limits, Recordings, Retention, Vault
from services.recording.domain import Recording, Terms
from services.recording.handlers import (
    Captured,
    ForgottenEvents,
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
    names = await service.enter(PeopleNames(settings.var / "stores" / "recording-people.db"))
    service.spawn("people", names.run(bus))
    service.ready_when("people", names.lack)
    who = names.names
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

    async def destroy(lock: str, unit: str) -> None:
        await bus.ask(people.DestroyUnits(command_id=new_id(), lock=lock, units=(unit,)))

    vault = Vault(await service.enter(open_keyring(bus, settings.name)), destroy)
    recordings = Recordings(store, executor, vault, spool)
    intake = Intake(recordings, vault, spool)
    limits = Limits(
        grace=timedelta(seconds=settings.grace_seconds),
        builds=settings.builds,
        give_up=timedelta(hours=settings.give_up_hours),
    )
    builds = Builds(vault, spool, objects, called)
    finishing = Finishing(recordings, executor, spool, objects, Backlog(bus, CAPTURE_CONSUMER).drained, builds, limits)
    service.ready_when("spool", intake.trouble)
    service.ready_when("replays", finishing.trouble)

    kept = await service.enter(Kept(settings.kept_path))
    terms = Terms(
        None if settings.replay_days is None else timedelta(days=settings.replay_days),
        timedelta(days=settings.safety_days),
        timedelta(days=settings.reported_days),
    )
    erasing = Erasing(store, executor, kept, objects, spool, vault, builds)
    service.ready_when("mixes", erasing.trouble)
    retention = Retention(store, executor, kept, objects, spool, vault, terms, utc_now)

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
    await service.enter(
        bus.consume(
            consumers.RECORDING_FORGOTTEN.name,
            each(ForgottenEvents(erasing)),
            filters=consumers.RECORDING_FORGOTTEN.filters,
            exclusive=True,
        )
    )
    service.spawn("mix again", erasing.run())
    service.spawn("finish replays", finishing.run())
    service.spawn("keep replays", retention.run(settings.keep_look_seconds))
    await service.enter(bus.serve(handlers(executor, recordings, who)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
