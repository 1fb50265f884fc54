"""Recording's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from contracts import subjects
from contracts.room import v1 as room
from libs.bus import each
from libs.eventstore import open_store
from libs.relay import Relay
from libs.service import CannotStart, Service, run
from services.recording.adapters.backlog import Backlog
from services.recording.adapters.objects import Objects, ObjectsError
from services.recording.adapters.spool import Spool, SpoolTakenError
from services.recording.app import Finishing, Intake, Limits, Recordings
from services.recording.domain import Recording
from services.recording.handlers import ROOM_EVENTS, Captured, RoomEvents, handlers
from services.recording.relay import translate
from services.recording.settings import Settings

ROOM_CONSUMER = "recording-room"
CAPTURE_CONSUMER = "recording-capture"


async def compose(service: Service[Settings]) -> None:
    """Take in what is captured, finish what is over, answer what is asked."""
    settings, bus = service.settings, service.bus
    try:
        objects = Objects(settings.objects_url)
    except ObjectsError as error:
        raise CannotStart(f"ROSTRUM_RECORDINGS_URL: {error}") from error
    store = await service.enter(open_store(settings.store_place, Recording, cached=1_000))
    service.ready_when("store", store.trouble)
    relay = Relay(bus, store, translate, context="recording")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)

    spool = Spool(settings.spool_path)
    try:
        spool.lock()
    except SpoolTakenError as error:
        raise CannotStart(f"ROSTRUM_SPOOL: {error}") from error
    recordings = Recordings(store, spool)
    intake = Intake(recordings, spool)
    limits = Limits(
        grace=timedelta(seconds=settings.grace_seconds),
        builds=settings.builds,
        give_up=timedelta(hours=settings.give_up_hours),
    )
    finishing = Finishing(recordings, spool, objects, Backlog(bus, CAPTURE_CONSUMER).drained, limits)
    service.ready_when("spool", intake.trouble)
    service.ready_when("replays", finishing.trouble)

    async def snapshot(space_id: str) -> room.Space:
        return (await bus.ask(room.SpaceQuery(space_id=space_id, follower=True))).result

    captured = Captured(intake, recordings, snapshot)
    await service.enter(
        bus.consume(ROOM_CONSUMER, each(RoomEvents(recordings, intake, finishing)), filters=ROOM_EVENTS, exclusive=True)
    )
    await service.enter(
        bus.consume_raw(
            CAPTURE_CONSUMER,
            captured,
            stream=subjects.CAPTURE_STREAM,
            filters=[subjects.CAPTURE_SUBJECTS],
            exclusive=True,
        )
    )
    service.spawn("finish replays", finishing.run())
    await service.enter(bus.serve(handlers(recordings)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
