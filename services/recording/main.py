"""Recording's composition root."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from contracts import subjects
from contracts.room import v1 as room
from libs.bus import each
from libs.eventstore import open_store
from libs.relay import Relay
from libs.service import CannotStart, Service, run
from services.recording.adapters.backlog import Backlog
from services.recording.adapters.objects import Objects, ObjectsError
from services.recording.adapters.spool import Spool, SpoolTakenError
from services.recording.app import Finishing, Intake, Keeping, Limits, Recordings
from services.recording.domain import Recording, Terms
from services.recording.handlers import (
    REPORT_EVENTS,
    ROOM_EVENTS,
    Captured,
    ReportEvents,
    RoomEvents,
    handlers,
)
from services.recording.projection import Kept
from services.recording.relay import translate
from services.recording.settings import Settings

ROOM_CONSUMER = "recording-room"
CAPTURE_CONSUMER = "recording-capture"
REPORT_CONSUMER = "recording-reports"


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

    def now() -> datetime:
        return datetime.now(UTC)

    kept = await service.enter(Kept(settings.kept_path))
    terms = Terms(
        None if settings.replay_days is None else timedelta(days=settings.replay_days),
        timedelta(days=settings.safety_days),
        timedelta(days=settings.reported_days),
    )
    keeping = Keeping(store, recordings, kept, objects, terms, now)

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
    await service.enter(
        bus.consume(REPORT_CONSUMER, each(ReportEvents(recordings, keeping)), filters=REPORT_EVENTS, exclusive=True)
    )
    service.spawn("finish replays", finishing.run())
    service.spawn("keep replays", keeping.run(settings.keep_look_seconds))
    await service.enter(bus.serve(handlers(recordings, now)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
