"""Nothing that was recorded of somebody is left once they are erased, nor of a Space; everybody else is heard on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import av
import pytest

from contracts import object_names, subjects
from contracts.named import with_names
from contracts.people import v1 as people
from contracts.recording import v1
from libs.bus import Bus
from libs.eventstore import Fact, Order, open_store
from libs.ids import new_id
from libs.keyring import Destroyed
from libs.keyring.client import open_keyring
from libs.object_store import StoredObjects
from libs.service import Service, running
from services.recording.adapters.spool import Spool
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.builds import Building, Builds, KeysDroppedError
from services.recording.domain import facts
from services.recording.domain.recording import Recording
from services.recording.main import compose
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, opened, person
from tests.integration.recording.test_keeping import OPERATOR, report, told
from tests.support.at_rest import named
from tests.support.matrix import answer_to
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually
from tests.unit.recording.sounds import RATE, Audio, encode, load, noise, shift, stream
from tests.unit.recording.test_ogg import write

SAID, UNSAID = noise(1.0, 1), noise(1.0, 2)


async def erase(bus: Bus, *subjects: str) -> None:
    await bus.ask(people.DestroySubjects(command_id=new_id(), subjects=subjects))


async def two_spoke(stage: Stage) -> v1.ReplayReady:
    """The host from second 1 on, the guest, who is second on stage, from second 3 on."""
    guest = person("Guest")
    await stage.start()
    await stage.join(guest)
    await stage.say(stage.host, stream(encode(SAID), at=1))
    await stage.say(guest, stream(encode(UNSAID), at=3))
    await stage.end()
    return await stage.ready()


async def made_again(stage: Stage) -> v1.Replay:
    """The replay, once its mix is another one."""

    async def there() -> v1.Replay | None:
        replay = await stage.replay()
        assert replay.state in (v1.ReplayState.READY, v1.ReplayState.PROCESSING)
        return replay if replay.mix == object_names.mix(stage.space_id, 2) else None

    return await eventually(there)


async def told_again(bus: Bus, space_id: str) -> v1.ReplayReady:
    """The second event that says that there is a replay."""
    found: list[v1.ReplayReady] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.event("recording", space_id, v1.ReplayReady.name)]):
            found += [received.event for received in batch if isinstance(received.event, v1.ReplayReady)]
            if len(found) == 2:
                break
    return found[1]


def heard(data: bytes, folder: Path) -> Audio:
    path = folder / f"{new_id()}.m4a"
    path.write_bytes(data)
    return load(path)


def stored(var: Path, stage: Stage) -> set[str]:
    """Names of what is stored of a Space."""
    root = var / "recordings"
    return {str(path.relative_to(root)) for path in named(root / "spaces" / stage.space_id, "*")}


async def test_an_erased_voice_is_in_no_mix_any_more_and_everybody_else_is(
    bus: Bus, stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    var = Settings.read(env).var
    again = var / "recordings" / object_names.mix(stage.space_id, 2)
    async with ServiceProcess("recording", env) as recorder:
        ready = await two_spoke(stage)
        (guest,) = (track for track in ready.tracks if track.person != stage.host)
        (kept,) = (track for track in ready.tracks if track.person == stage.host)
        copies = {name: (var / "recordings" / name).read_bytes() for name in (ready.mix, guest.object)}
        (again / "taken").mkdir(parents=True)  # the mix cannot be stored again yet
        await erase(bus, f"person:{guest.person.id}")
        await eventually(lambda: stored(var, stage) == {kept.object})
        await stage.comes_to(v1.ReplayState.PROCESSING)
        recorder.kill()
        for name, copy in copies.items():
            (var / "recordings" / name).write_bytes(copy)  # from a backup, say
            with pytest.raises(Destroyed):
                await opened(bus, var, name)
            (var / "recordings" / name).unlink()
        (again / "taken").rmdir()
        again.rmdir()
        await recorder.start()  # what is owed is taken up
        replay = await made_again(stage)
        assert replay.tracks == (kept,)
        assert stored(var, stage) == {kept.object, replay.mix}
        mixed = await asyncio.to_thread(heard, await opened(bus, var, replay.mix or ""), tmp_path)
        late, likeness = shift(SAID, mixed[RATE : 2 * RATE], within=0.2)
        assert abs(late) < 0.02
        assert likeness > 0.75
        assert replay.seconds == pytest.approx(2, abs=0.1)
        assert len(mixed) / RATE == pytest.approx(2, abs=0.1), "the guest began at second 3"
        again_ready = await told_again(bus, stage.space_id)
        assert (again_ready.mix, with_names(again_ready, stage.called).tracks) == (replay.mix, (kept,))
    assert not list((var / "spool").glob(".again-*"))


async def test_where_nobody_else_spoke_nothing_is_left(bus: Bus, stage: Stage, service: Service[Settings]) -> None:
    await stage.start()
    await stage.say(stage.host, stream(encode(SAID), at=1))
    await stage.end()
    await stage.ready()
    await erase(bus, f"person:{stage.host.id}")
    events = await told(bus, stage.space_id, v1.SafetyCopyDestroyed)
    assert [event.reason for event in events if isinstance(event, v1.ReplayDeleted)] == ["platform"]
    assert stored(service.settings.var, stage) == set()
    assert (await stage.replay()).state is v1.ReplayState.NONE


async def test_a_safety_copy_loses_an_erased_voice_too_and_nobody_is_told_of_a_replay(
    bus: Bus, stage: Stage, service: Service[Settings]
) -> None:
    ready = await two_spoke(stage)
    (guest,) = (track.person for track in ready.tracks if track.person != stage.host)
    await bus.ask(v1.DeleteReplay(command_id=new_id(), actor=stage.host.id, space_id=stage.space_id))
    last, complaint = report(stage.space_id), report(stage.space_id)
    for one in (last, complaint):
        await bus.publish_event(one)
    await erase(bus, f"person:{guest.id}")

    def hear(report_id: str) -> v1.HearSafetyCopy:
        return v1.HearSafetyCopy(
            command_id=new_id(), actor=OPERATOR, operator=True, space_id=stage.space_id, report_id=report_id
        )

    async def heard_again() -> bool:
        look = hear(complaint.report_id)
        if await answer_to(lambda: bus.ask(look)) != "ok":
            return False
        copy = (await bus.ask(look)).result
        return copy.mix == object_names.mix(stage.space_id, 2) and len(copy.tracks) == 1

    await eventually(heard_again)
    assert (await stage.replay()).state is v1.ReplayState.NONE
    await bus.ask(hear(last.report_id))
    events = await told(bus, stage.space_id, lambda event: getattr(event, "report_id", None) == last.report_id)
    assert len([event for event in events if isinstance(event, v1.ReplayReady)]) == 1


async def test_a_replay_of_an_earlier_version_loses_an_erased_voice_too(
    bus: Bus, stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    settings, space, guest = Settings.read(env), stage.space_id, person("Guest")
    folder = settings.var / "recordings" / "spaces" / space
    names = {who.id: f"spaces/{space}/tracks/{who.id}.ogg" for who in (stage.host, guest)}
    tracks = tuple(
        facts.Track(person_id=id, object=name, offset_seconds=1, seconds=1, bytes=9) for id, name in names.items()
    )
    at = datetime.now(UTC)
    happened: list[Fact] = [
        facts.Began(started_at=at, title="On rivers"),
        facts.SpeakerNoted(person_id=stage.host.id, consents=True, since=at),
        facts.Ended(ended_at=at),
        facts.Finished(began_at=at, seconds=4, bytes=9, mix=f"spaces/{space}/replay.m4a", tracks=tracks),
    ]

    def store_files() -> None:
        (folder / "tracks").mkdir(parents=True)
        (folder / "replay.m4a").write_bytes(b"both")
        for id, audio in ((stage.host.id, SAID), (guest.id, UNSAID)):
            write(folder / "tracks" / f"{id}.ogg", encode(audio))

    await asyncio.to_thread(store_files)
    async with open_store(settings.store_place, Recording) as store:
        await store.execute(space, Order(id="1", actor=None, at=at), lambda _: happened, lambda _: None)
    await stage.introduce(stage.host)
    async with running(settings, compose) as service:
        await eventually(lambda: not service.missing())  # what people are called
        await erase(bus, f"person:{guest.id}")
        replay = await made_again(stage)
        assert stored(settings.var, stage) == {names[stage.host.id], replay.mix}
        data = await opened(bus, settings.var, replay.mix or "")
        with av.open(BytesIO(data), "r") as container:
            assert (container.duration or 0) / 1e6 == pytest.approx(2, abs=0.1)


async def test_an_erased_space_leaves_nothing_and_what_waits_of_an_erased_person_goes_at_once(
    bus: Bus, stage: Stage, service: Service[Settings]
) -> None:
    guest = person("Guest")
    going_on = Stage(bus)
    spool = service.settings.spool_path / going_on.space_id
    async with going_on.room_answers():
        await going_on.start()
        await going_on.join(guest)
        await going_on.say(guest, stream(encode(UNSAID), at=1))
        await going_on.say(going_on.host, stream(encode(SAID), at=1))
        await eventually(lambda: (spool / guest.id).exists() and (spool / going_on.host.id).exists())
    await two_spoke(stage)
    await erase(bus, f"space:{stage.space_id}", f"person:{guest.id}")
    await told(bus, stage.space_id, v1.SafetyCopyDestroyed)
    await eventually(lambda: not (spool / guest.id).exists())
    assert (spool / going_on.host.id).exists()
    assert stored(service.settings.var, stage) == set()
    assert (await stage.replay()).state is v1.ReplayState.NONE


async def test_a_build_that_heard_nothing_of_an_erasure_is_not_confirmed(
    bus: Bus, stage: Stage, tmp_path: Path
) -> None:
    async def nothing(*_: object) -> dict[str, str]:
        raise AssertionError("nothing is built nor destroyed")

    async with open_keyring(bus, "recording-cut-off") as keyring:
        audio_keys = AudioKeys(keyring, nothing)
        builds = Builds(audio_keys, Spool(tmp_path), StoredObjects(tmp_path.as_uri()), nothing)
        going_on = Building(frozenset({f"space:{stage.space_id}", f"person:{stage.host.id}|space:{stage.space_id}"}))
        await builds.confirm(going_on)
        await erase(bus, f"person:{stage.host.id}")
        await eventually(lambda: keyring.cached(f"person:{stage.host.id}", f"space:{stage.space_id}") is None)
        assert going_on.holds
        with pytest.raises(KeysDroppedError):
            await builds.confirm(going_on)
