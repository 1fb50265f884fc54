"""Sound of what was reported is kept under a key of the report, wherever it is, and outlives all else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from contracts import object_names
from contracts.people import v1 as people
from contracts.recording import v1
from contracts.room import v1 as room
from libs.bus import Bus
from libs.ids import new_id
from libs.keyring import Destroyed
from libs.service import running
from services.recording.main import compose
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, opened, opened_with, person
from tests.integration.recording.test_erasing import erase, heard
from tests.integration.recording.test_keeping import OPERATOR
from tests.support.at_rest import named
from tests.support.matrix import answer_to
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually
from tests.unit.recording.sounds import RATE, encode, noise, shift, stream

SAID, BESIDES = noise(1.0, 1), noise(1.0, 2)
FIRST, LAST, LONG = 1.5, 5.5, 4.0
"""The stretch, in seconds after the Space's start, and how long it is: SAID begins at its second 1, BESIDES at 3."""
LEFT_OUT: Final = 12.0
"""When something is said that the stretch has not."""


def copied(stage: Stage, report: str | None = None, piece: int = 0) -> people.ReportCopied:
    since, until = (stage.started_at + timedelta(seconds=seconds) for seconds in (FIRST, LAST))
    return people.ReportCopied(
        report_id=report or new_id(), version=2, at=datetime.now(UTC), piece=piece, space_id=stage.space_id,
        sound_since=since, sound_until=until,
    )  # fmt: skip


async def sounds(bus: Bus, report: str) -> tuple[v1.ReportedSound, ...]:
    query = v1.ReportedSoundsQuery(actor=OPERATOR, operator=True, report_id=report)
    return (await bus.ask(query, timeout=LIMIT)).result.sounds


async def settled(bus: Bus, report: str) -> v1.ReportedSound:
    """The one sound of a report, once it is kept or known not to be there."""

    async def there() -> v1.ReportedSound | None:
        found = await sounds(bus, report)
        return found[0] if found and found[0].state is not v1.SoundState.AWAITED else None

    return await eventually(there)


async def two_speak(stage: Stage) -> None:
    """The host within the stretch and long after it, and a guest within it."""
    guest = person("Guest")
    await stage.start()
    await stage.join(guest)
    await stage.say(stage.host, stream(encode(SAID), at=FIRST + 1))
    await stage.say(guest, stream(encode(BESIDES), at=FIRST + 3))
    await stage.say(stage.host, stream(encode(noise(1.0, 3)), at=LEFT_OUT))


async def is_right(stage: Stage, var: Path, sound: v1.ReportedSound, folder: Path) -> None:
    assert stage.keyring is not None
    assert (sound.state, len(sound.people)) == (v1.SoundState.KEPT, 2), sound
    audio = await asyncio.to_thread(heard, await opened_with(stage.keyring, var, sound.object or ""), folder)
    assert len(audio) / RATE == pytest.approx(LONG, abs=0.1)
    assert sound.seconds == pytest.approx(LONG, abs=0.01)
    for said, at in ((SAID, 1), (BESIDES, 3)):
        late, likeness = shift(said, audio[at * RATE : (at + 1) * RATE], within=0.2)
        assert abs(late) < 0.05
        assert likeness > 0.7
    quiet = audio[2 * RATE + RATE // 4 : 3 * RATE - RATE // 4]
    assert float(abs(quiet).max()) < 0.02


async def running_space(stage: Stage) -> None:
    await two_speak(stage)


async def stored_space(stage: Stage) -> None:
    await two_speak(stage)
    await stage.end()
    await stage.ready()


async def deleted_space(stage: Stage) -> None:
    await stored_space(stage)
    delete = v1.DeleteReplay(command_id=new_id(), actor=stage.host.id, space_id=stage.space_id)
    assert await answer_to(lambda: stage.bus.ask(delete)) == "ok"


@pytest.mark.parametrize("come_to", [running_space, stored_space, deleted_space])
async def test_sound_is_kept_while_it_runs_and_of_the_replay_and_of_the_safety_copy_and_outlives_them_and_who_spoke(
    bus: Bus, stage: Stage, env: dict[str, str], tmp_path: Path, come_to: Callable[[Stage], Awaitable[None]]
) -> None:
    var = Settings.read(env).var
    async with running(Settings.read(env), compose):
        await come_to(stage)
        event = copied(stage)
        await bus.publish_event(event)
        sound = await settled(bus, event.report_id)
        assert sound.object == object_names.reported(event.report_id, 0)
        await is_right(stage, var, sound, tmp_path)

        speakers = [one.id for one in sound.people]
        await erase(bus, *(f"person:{id}" for id in speakers), f"space:{stage.space_id}")
        await eventually(lambda: not named(var / "recordings" / "spaces", "*.sealed"))
        (kept,) = await sounds(bus, event.report_id)
        await is_right(stage, var, kept, tmp_path)

        file = var / "recordings" / (sound.object or "")
        copy = file.read_bytes()
        await erase(bus, f"report:{event.report_id}")
        await eventually(lambda: not file.exists())

        async def nothing_is_told() -> bool:
            return await sounds(bus, event.report_id) == ()

        await eventually(nothing_is_told)
        file.write_bytes(copy)  # from a backup, say
        with pytest.raises(Destroyed):
            await opened(bus, var, sound.object or "")
    assert not list((var / "spool").glob(".cut-*"))


async def test_where_only_captions_were_captured_sound_is_kept_from_the_stream(
    bus: Bus, stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    live_only = Stage(bus, recorded=False)
    live_only.keyring = stage.keyring
    async with live_only.room_answers(), running(Settings.read(env), compose):
        # The stream is read by when it took a message, so it was said just now.
        now = datetime.now(UTC)
        live_only.started_at = now - timedelta(seconds=LAST + 1)
        live_only.base_ns = round(live_only.started_at.timestamp() * 1e9)
        await two_speak(live_only)
        event = copied(live_only)
        await bus.publish_event(event)
        sound = await settled(bus, event.report_id)
        await is_right(live_only, Settings.read(env).var, sound, tmp_path)
        late = copied(live_only)
        await bus.ask(
            people.DestroyUnits(
                command_id=new_id(),
                lock="|".join(sorted((f"person:{live_only.host.id}", f"space:{live_only.space_id}"))),
                units=("transcript",),
            )
        )
        await bus.publish_event(late)
        sound = await settled(bus, late.report_id)
        assert [one.name for one in sound.people] == ["Guest"], "the words of the host were destroyed before"


async def test_of_what_nobody_captured_there_is_none(bus: Bus, stage: Stage, env: dict[str, str]) -> None:
    async with running(Settings.read(env), compose):
        await stage.start()
        await stage.say(stage.host, stream(encode(SAID), at=LEFT_OUT))
        event = copied(stage)
        await bus.publish_event(event)
        assert (await settled(bus, event.report_id)).state is v1.SoundState.NONE


async def test_what_cannot_be_cut_out_is_given_up_and_keeps_nothing_from_being_ready(
    bus: Bus, stage: Stage, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.recording.app.sounds._PAUSE", 0.1)
    settings = Settings.read(env)
    async with running(settings, compose) as service:
        await stored_space(stage)
        for file in named(settings.var / "recordings", "*.ogg.sealed"):
            file.write_bytes(file.read_bytes()[:-1])
        event = copied(stage)
        await bus.publish_event(event)
        assert (await settled(bus, event.report_id)).state is v1.SoundState.GIVEN_UP
        assert "reported sound" not in service.missing()


async def test_what_was_reported_while_nobody_recorded_or_a_build_was_killed_is_kept_all_the_same(
    bus: Bus, stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    settings = Settings.read(env)
    event = copied(stage)
    taken = settings.var / "recordings" / object_names.reported(event.report_id, 0) / "taken"
    taken.mkdir(parents=True)  # it cannot be stored yet
    async with ServiceProcess("recording", env) as recorder:
        await stored_space(stage)
        recorder.kill()
        await bus.publish_event(event)  # while it is away
        await recorder.start()

        async def known() -> bool:
            return any(one.state is v1.SoundState.AWAITED for one in await sounds(bus, event.report_id))

        await eventually(known)
        recorder.kill()  # between two steps
        await recorder.start()
        delete = v1.DeleteReplay(command_id=new_id(), actor=stage.host.id, space_id=stage.space_id)
        assert await answer_to(lambda: bus.ask(delete)) == "ok"
        recorder.kill()
        taken.rmdir()
        taken.parent.rmdir()
        await recorder.start()
        await is_right(stage, settings.var, await settled(bus, event.report_id), tmp_path)
    assert not list((settings.var / "spool").glob(".cut-*"))


async def told(bus: Bus, report: people.FileReport) -> bool:
    """Whether people has taken a report, which it does once it has heard of the Space."""
    return await answer_to(lambda: bus.ask(report)) == "ok"


async def test_whose_sound_was_reported_while_nobody_recorded_is_erased_once_it_is_kept(
    bus: Bus, stage: Stage, env: dict[str, str]
) -> None:
    reporter = person("Rita")
    await stage.introduce(reporter)
    await stage.introduce(stage.host)
    await stage.tell(
        room.Created(
            space_id=stage.space_id, version=1, at=stage.started_at, host=stage.host, settings=stage.settings
        )
    )  # fmt: skip
    await two_speak(stage)  # nobody takes it out of the stream
    filed = people.FileReport(
        command_id=new_id(), actor=reporter.id, report_id=new_id(), space_id=stage.space_id, reason="hate",
        evidence=(people.Evidence(kind=people.EvidenceKind.MOMENT, space_id=stage.space_id, from_seconds=FIRST),),
    )  # fmt: skip
    await eventually(lambda: told(bus, filed))
    host = stage.host.id
    await bus.ask(people.ErasePerson(command_id=new_id(), operator=True, person_id=host, confirmation=host))

    async def forgotten() -> bool:
        return (await bus.ask(people.ErasureQuery(operator=True, person_id=host))).result.forgotten_at is not None

    async with running(Settings.read(env), compose):
        sound = await settled(bus, filed.report_id)
        assert (sound.state, len(sound.people)) == (v1.SoundState.KEPT, 2), sound
        await eventually(forgotten)


async def test_nobody_but_operators_is_told_what_sound_is_kept(bus: Bus, stage: Stage, env: dict[str, str]) -> None:
    async with running(Settings.read(env), compose):
        report = new_id()
        for actor, operator, answer in (
            (OPERATOR, True, "ok"),
            (stage.host.id, False, "not_allowed"),
            (None, False, "unauthenticated"),
        ):
            query = v1.ReportedSoundsQuery(actor=actor, operator=operator, report_id=report)
            assert await answer_to(lambda query=query: bus.ask(query)) == answer  # type: ignore[misc]
