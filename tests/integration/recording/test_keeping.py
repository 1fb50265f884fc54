"""What is kept of a Space after it: for the host, for everybody, and for reports alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from contracts import subjects
from contracts.envelope import Event
from contracts.people import v1 as people
from contracts.recording import v1
from contracts.room import v1 as room
from libs.bus import Bus
from libs.ids import new_id
from libs.keyring import Destroyed
from libs.service import running
from services.recording.main import compose
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, opened, person
from tests.support.at_rest import named
from tests.support.matrix import answer_to
from tests.support.waiting import LIMIT, eventually
from tests.unit.recording.sounds import encode, noise, stream

OPERATOR = new_id()


async def a_replay(stage: Stage) -> None:
    """One second of noise, said by the host."""
    await stage.start()
    await stage.say(stage.host, stream(encode(noise(1.0)), at=1.0))
    await stage.end()
    await stage.ready()


async def told(bus: Bus, space_id: str, last: type[Event] | Callable[[Event], bool]) -> list[Event]:
    """What recording said of a Space, up to an event of a kind, or to one that is so."""
    is_last = (lambda event: isinstance(event, last)) if isinstance(last, type) else last
    found: list[Event] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.event("recording", space_id, "*")]):
            found += [received.event for received in batch]
            if any(map(is_last, found)):
                break
    return found


def report(space_id: str | None, version: int = 1, **fields: object) -> people.Reported:
    made = {"report_id": new_id(), "at": datetime.now(UTC), "reporter_id": new_id(), "reason": "hate"}
    return people.Reported.model_validate({**made, "version": version, "space_id": space_id, **fields})


async def test_the_host_of_the_moment_deletes_it_and_a_report_keeps_it_from_being_destroyed(
    bus: Bus, stage: Stage, env: dict[str, str]
) -> None:
    successor = person("Sofia")
    keep = {"ROSTRUM_RECORDING_SAFETY_DAYS": "0", "ROSTRUM_RECORDING_KEEP_LOOK_SECONDS": "0.1"}
    settings = Settings.read({**env, **keep})
    async with running(settings, compose):
        await stage.start()
        await stage.join(successor)
        await stage.say(stage.host, stream(encode(noise(1.0)), at=1.0))
        await stage.hand_over(successor)
        await stage.end()
        ready = await stage.ready()
        # Of a moment in it, as evidence against somebody.
        moment = {"kind": "moment", "space_id": stage.space_id, "from_seconds": 1}
        complaint = report(None, person_id=stage.host.id, evidence=[moment])
        await bus.publish_event(complaint)
        hear = v1.HearSafetyCopy(
            command_id="once", actor=OPERATOR, operator=True, space_id=stage.space_id, report_id=complaint.report_id
        )

        async def heard_of() -> bool:
            return await answer_to(lambda: bus.ask(hear)) == "ok"

        await eventually(heard_of)

        def delete(who: str) -> v1.DeleteReplay:
            return v1.DeleteReplay(command_id=new_id(), actor=who, space_id=stage.space_id)

        assert await answer_to(lambda: bus.ask(delete(stage.host.id))) == "not_host"
        assert await answer_to(lambda: bus.ask(delete(successor.id))) == "ok"
        assert (await stage.replay()) == v1.Replay(space_id=stage.space_id, state=v1.ReplayState.NONE, deleted=True)
        kept = (await bus.ask(hear)).result  # the same look, asked for again
        assert (kept.state, kept.mix) == (v1.ReplayState.READY, ready.mix)
        names = [ready.mix, *(track.object for track in ready.tracks)]
        files = [settings.var / "recordings" / name for name in names]
        await asyncio.sleep(0.3)  # three looks
        assert await opened(bus, settings.var, ready.mix), "the report is open"
        copies = [file.read_bytes() for file in files]
        closed = people.ReportClosed(
            report_id=complaint.report_id, version=2, at=datetime.now(UTC), outcome=people.ReportState.ACTED
        )
        await bus.publish_event(closed)
        events = await told(bus, stage.space_id, v1.SafetyCopyDestroyed)
        for name, file, copy in zip(names, files, copies, strict=True):
            assert not file.exists()
            file.write_bytes(copy)  # from a backup, say
            with pytest.raises(Destroyed):
                await opened(bus, settings.var, name)
        assert [type(event) for event in events if isinstance(event, v1.ReplayDeleted | v1.SafetyCopyHeard)] == [
            v1.SafetyCopyHeard,
            v1.ReplayDeleted,
        ]
        (heard,) = (event for event in events if isinstance(event, v1.SafetyCopyHeard))
        assert (heard.actor_id, heard.report_id) == (OPERATOR, complaint.report_id)


async def test_of_a_deleted_space_nobody_is_shown_a_replay_and_the_safety_copy_stays_sealed_for_its_time(
    bus: Bus, stage: Stage, env: dict[str, str]
) -> None:
    settings = Settings.read(env)
    async with running(settings, compose):
        await stage.start()
        await stage.say(stage.host, stream(encode(noise(1.0)), at=1.0))
        await stage.end()
        # At once: its replay is still to be made.
        await bus.publish_event(
            room.SpaceDeleted(space_id=stage.space_id, version=99, at=datetime.now(UTC), actor=stage.host.id)
        )
        *_, deleted = await told(bus, stage.space_id, v1.ReplayDeleted)
        assert isinstance(deleted, v1.ReplayDeleted)
        assert deleted.reason == "host"
        assert (await stage.replay()).state is v1.ReplayState.NONE
        assert named(settings.var / "recordings", "*.m4a.sealed"), "a safety copy is left"


async def test_a_replay_is_deleted_when_its_time_is_over(bus: Bus, stage: Stage, env: dict[str, str]) -> None:
    days = {"ROSTRUM_RECORDING_REPLAY_DAYS": str(timedelta(seconds=3) / timedelta(days=1))}
    settings = Settings.read({**env, **days, "ROSTRUM_RECORDING_KEEP_LOOK_SECONDS": "0.1"})
    async with running(settings, compose):
        await a_replay(stage)
        *_, deleted = await told(bus, stage.space_id, v1.ReplayDeleted)
        assert isinstance(deleted, v1.ReplayDeleted)
        assert deleted.reason == "expired"
        assert (await stage.replay()).state is v1.ReplayState.NONE
        assert named(settings.var / "recordings", "*.m4a.sealed"), "a safety copy is left"


async def test_where_the_replay_failed_what_was_said_in_words_goes_when_a_replay_would(
    bus: Bus, stage: Stage, env: dict[str, str]
) -> None:
    days = {"ROSTRUM_RECORDING_REPLAY_DAYS": str(timedelta(seconds=3) / timedelta(days=1))}
    settings = Settings.read({**env, **days, "ROSTRUM_RECORDING_KEEP_LOOK_SECONDS": "0.1"})
    async with running(settings, compose):
        await stage.start()
        await stage.end()  # nobody said anything
        events = await told(bus, stage.space_id, v1.ReplayDeleted)
        assert [event.reason for event in events if isinstance(event, v1.Failed | v1.ReplayDeleted)] == [
            "nothing_captured",
            "expired",
        ]
        assert (await stage.replay()).state is v1.ReplayState.NONE


@pytest.mark.parametrize("by", ["host", "expired"])
async def test_the_sound_of_a_recording_that_failed_goes_when_a_replay_would(
    bus: Bus, stage: Stage, env: dict[str, str], by: str
) -> None:
    keep = {
        "ROSTRUM_RECORDING_GIVE_UP_HOURS": "1e-9",
        "ROSTRUM_RECORDING_REPLAY_DAYS": "30" if by == "host" else "1e-9",
        "ROSTRUM_RECORDING_KEEP_LOOK_SECONDS": "0.1",
    }
    settings = Settings.read({**env, **keep})
    aside = settings.spool_path / ".failed" / stage.space_id
    # The mix, which is stored last, finds its place taken.
    (settings.var / "recordings" / "spaces" / stage.space_id / "replay.1.m4a.sealed" / "taken").mkdir(parents=True)
    await stage.start()
    await stage.say(stage.host, stream(encode(noise(1.0)), at=1.0))
    await stage.end()
    async with running(settings, compose):
        assert isinstance(await stage.outcome(), v1.Failed)
        if by == "host":
            await eventually(aside.exists)
            delete = v1.DeleteReplay(command_id=new_id(), actor=stage.host.id, space_id=stage.space_id)
            assert await answer_to(lambda: bus.ask(delete)) == "ok"
        *_, deleted = await told(bus, stage.space_id, v1.ReplayDeleted)
        assert isinstance(deleted, v1.ReplayDeleted)
        assert deleted.reason == by
        await eventually(lambda: not aside.exists() and not (settings.spool_path / stage.space_id).exists())
