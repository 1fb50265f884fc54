"""Recording's composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta

from contracts import consumers, subjects
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Unavailable, each
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.ids import new_id
from libs.keyring.client import open_keyring
from libs.keyring.opening import Opener
from libs.migration import Migration
from libs.names import PeopleNames
from libs.object_store import ObjectStoreError, StoredObjects
from libs.personal_data import Concerned
from libs.relay import Relay
from libs.service import CannotStart, Reserve, Service, run
from services.recording.adapters.backlog import Backlog
from services.recording.adapters.capture_stream import CaptureStream
from services.recording.adapters.spool import Spool, SpoolTakenError
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.builds import Builds
from services.recording.app.chapters import ChaptersOfReplays
from services.recording.app.earlier_files import EarlierFiles
from services.recording.app.erasing import Erasing
from services.recording.app.finishing import Finishing, FinishingLimits
from services.recording.app.forms import FormsOfReplays
from services.recording.app.intake import Intake
from services.recording.app.live import Live
from services.recording.app.migration import today
from services.recording.app.on_demand import OnDemand
from services.recording.app.personal_data import held, people_of
from services.recording.app.recordings import Recordings
from services.recording.app.retention import Retention
from services.recording.app.sounds import Sounds
from services.recording.domain.forms import FormMade
from services.recording.domain.recording import OUTDATING, Recording, Terms
from services.recording.handlers import (
    BundleHandler,
    ForgottenEvents,
    ReportEvents,
    RoomEvents,
    handlers,
    ordered,
)
from services.recording.projection import KeptSpaces
from services.recording.settings import Settings
from services.recording.translation import translate

CAPTURE_CONSUMER = consumers.RECORDING_CAPTURE.name
_REPORTED_GRACE = timedelta(seconds=0.5)
"""How long the last audio of what is reported may still arrive: the sooner it is kept, the less is destroyed before."""


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

    relay = Relay(bus, store, translate, context="recording")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)

    spool = Spool(settings.spool_path, Reserve(settings.spool_path, settings.disk_reserve_mb).lack)
    try:
        spool.lock()
    except SpoolTakenError as error:
        raise CannotStart(f"ROSTRUM_SPOOL: {error}") from error
    outdated = asyncio.Event()  # when a form of a replay is
    executor = Executor(
        store, utc_now, ordered, consequences=dict.fromkeys((*OUTDATING, FormMade), lambda *_: outdated.set())
    )

    async def destroy(lock: str, unit: str) -> None:
        await bus.ask(people.DestroyUnits(command_id=new_id(), lock=lock, units=(unit,)))

    keyring = await service.enter(open_keyring(bus, settings.name))
    audio_keys = AudioKeys(keyring, destroy)
    one_at_a_time = asyncio.Lock()
    sealing = EarlierFiles(store, executor, objects, spool, audio_keys, one_at_a_time)
    migration = Migration(bus, store, today, keyring.locks, context="recording", objects=sealing.seal)
    service.spawn("migration", migration.run())
    recordings = Recordings(store, executor, audio_keys, spool)
    intake = Intake(recordings, audio_keys, spool)
    limits = FinishingLimits(
        grace=timedelta(seconds=settings.grace_seconds),
        builds=settings.builds,
        give_up=timedelta(hours=settings.give_up_hours),
    )
    builds = Builds(audio_keys, spool, objects, called)
    keyring.on_drop(builds.drop)
    backlog = Backlog(bus, CAPTURE_CONSUMER)

    async def say(space_id: str, body: bytes) -> None:
        if not bus.is_connected:
            raise Unavailable("not connected to NATS")  # the client would queue it
        await bus.say(subjects.live_audio(space_id), body)

    live = Live(recordings, audio_keys, spool, backlog.floor, say, limits.grace)
    keyring.on_drop(live.drop)
    finishing = Finishing(recordings, executor, spool, objects, backlog.drained, builds, limits, live.finish)
    service.ready_when("spool", intake.trouble)
    service.ready_when("replays", finishing.trouble)

    async def snapshot(space_id: str) -> room.Space:
        return (await bus.ask(room.SpaceQuery(space_id=space_id, follower=True))).result

    kept = await service.enter(KeptSpaces(settings.kept_path))
    terms = Terms(
        None if settings.replay_days is None else timedelta(days=settings.replay_days),
        timedelta(days=settings.safety_days),
        timedelta(days=settings.reported_days),
    )
    erasing = Erasing(store, executor, kept, objects, spool, audio_keys, builds, one_at_a_time)
    service.ready_when("mixes", erasing.trouble)
    chapters = ChaptersOfReplays(store, executor, audio_keys, snapshot)
    forms = FormsOfReplays(
        store, executor, kept, objects, spool, audio_keys, builds, lambda person_id: who(person_id).name,
        chapters.of, outdated,
    )  # fmt: skip
    service.ready_when("outdated downloads", forms.trouble)
    retention = Retention(store, executor, kept, objects, spool, audio_keys, terms, utc_now)

    on_demand = OnDemand(bus, snapshot, say, settings.unrecorded_mixes)
    keyring.on_drop(on_demand.drop)
    words = Opener(keyring.locks)
    service.ready_when("words", words.lack)
    sounds = Sounds(
        store,
        executor,
        kept,
        objects,
        spool,
        audio_keys,
        builds,
        backlog,
        CaptureStream(bus),
        snapshot,
        now=utc_now,
        grace=min(limits.grace, _REPORTED_GRACE),
    )
    service.ready_when("reported sound", sounds.trouble)

    room_events = RoomEvents(recordings, executor, intake, finishing, live, on_demand)
    captured = BundleHandler(intake, recordings, executor, snapshot, live)
    await service.enter(
        bus.consume(
            consumers.RECORDING_ROOM.name,
            each(room_events),
            filters=consumers.RECORDING_ROOM.filters,
            exclusive=True,
            opening=words,
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
            each(ReportEvents(executor, retention, sounds)),
            filters=consumers.RECORDING_REPORTS.filters,
            exclusive=True,
        )
    )
    await service.enter(
        bus.consume(
            consumers.RECORDING_FORGOTTEN.name,
            each(ForgottenEvents(erasing, sounds, live, forms)),
            filters=consumers.RECORDING_FORGOTTEN.filters,
            exclusive=True,
        )
    )
    service.spawn("live mixes", live.run())
    service.spawn("mixes on demand", on_demand.run())
    service.spawn("mix again", erasing.run())
    service.spawn("keep reported sound", sounds.run())
    service.spawn("finish replays", finishing.run())
    service.spawn("make downloads", forms.run())
    service.spawn("destroy outdated downloads", forms.destroy_outdated())
    service.spawn("keep replays", retention.run(settings.keep_look_seconds))
    concerned = await service.enter(Concerned(settings.var / "stores" / "recording-concerned.db", people_of))
    service.spawn("what concerns whom", concerned.run(store))
    of_people = held(store, concerned, chapters.of)
    answers = handlers(executor, recordings, sounds, live, on_demand, forms, chapters, of_people, who)
    await service.enter(bus.serve(answers))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
