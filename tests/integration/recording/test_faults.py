"""What a recorder survives: its own death at any moment, and a full disk."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts import subjects
from contracts.recording import v1
from libs.service import running
from services.recording.main import CAPTURE_CONSUMER, compose
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, payloads, person
from tests.support.at_rest import contents, entries, named
from tests.support.processes import family, gone
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually
from tests.unit.recording.sounds import bundles, encode, noise, stream


@pytest.fixture
async def recorder(env: dict[str, str]) -> AsyncIterator[ServiceProcess]:
    """Recording, not started yet."""
    recorder = ServiceProcess("recording", env)
    try:
        yield recorder
        if recorder.runs:
            assert await recorder.stop() == 0
    finally:
        recorder.close()


def spooled(env: dict[str, str]) -> int:
    """Bytes in the spool."""
    spool = Path(env["ROSTRUM_VAR"], "spool")
    files = ((path.relative_to(spool), status) for path, status in entries(spool))
    return sum(status.st_size for path, status in files if len(path.parts) == 3 and path.suffix == ".bundles")


def lying_about(env: dict[str, str]) -> bytes:
    """What all files have."""
    return b"".join(held for _, held in contents(Path(env["ROSTRUM_VAR"])))


def tear(env: dict[str, str]) -> None:
    """Leave the half of a record at the end of each file, as a crash of the machine does."""
    for path in Path(env["ROSTRUM_VAR"], "spool").glob("*/*/*.bundles"):
        with open(path, "ab") as file:
            file.write(b"\x40\x00\x00\x00torn")


async def acknowledged(stage: Stage) -> int:
    info = await stage.bus.js.consumer_info(subjects.CAPTURE_STREAM, CAPTURE_CONSUMER)
    assert info.ack_floor is not None
    return int(info.ack_floor.stream_seq)


async def test_a_recorder_killed_while_people_speak_leaves_no_hole_and_no_doubling(
    stage: Stage, recorder: ServiceProcess, env: dict[str, str]
) -> None:
    guest = person("Guest")
    sent = {stage.host.id: encode(noise(12, 1)), guest.id: encode(noise(12, 2))}
    sessions = {stage.host.id: "0" * 26, guest.id: "1" * 26}
    await stage.start()
    await stage.join(guest)
    await recorder.start()
    parts = {
        who: list(bundles(stream(sent[who.id], at=5), base_ns=stage.base_ns, ssrc=n))
        for n, who in enumerate((stage.host, guest))
    }
    deaths = 0
    for at in range(len(parts[guest])):
        for who, bodies in parts.items():
            await stage.publish(who, sessions[who.id], bodies[at])
        # Wherever it is: before it took this in, while it writes, between the disk and the acknowledgement.
        if at in (25, 65):
            await eventually(lambda: spooled(env) > 0)
            recorder.kill()
            deaths += 1
        elif at == 40:
            await recorder.start()
    assert deaths == 2
    tear(env)
    await stage.publish(guest, sessions[guest.id], parts[guest][-1])
    await stage.end()
    await recorder.start()
    event = await stage.ready()
    assert {track.person.id for track in event.tracks} == set(sent)
    for track in event.tracks:
        assert await payloads(stage, track, Path(env["ROSTRUM_VAR"])) == sent[track.person.id]
        assert track.offset_seconds == pytest.approx(5, abs=0.02)
        assert track.seconds == pytest.approx(len(sent[track.person.id]) * 0.02, abs=0.02)


MIX_WAITS = """
import sys, time
from pathlib import Path

if "services.recording.replay.build" in sys.orig_argv:
    from services.recording.replay import mix

    mixed = mix.mixed

    def mixed_later(*given):
        while Path(__file__).with_name("wait").exists():
            time.sleep(0.02)
        return mixed(*given)

    mix.mixed = mixed_later
"""
"""As `sitecustomize.py` Python runs it when a builder starts, which has tracks and no mix while `wait` is there."""


async def test_a_recorder_killed_while_it_builds_builds_again(
    stage: Stage, recorder: ServiceProcess, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(MIX_WAITS)
    (tmp_path / "wait").touch()
    recorder.env["PYTHONPATH"] = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    spool = Path(env["ROSTRUM_VAR"], "spool", stage.space_id)
    sent = encode(noise(3))
    await stage.start()
    await recorder.start()
    await stage.say(stage.host, stream(sent, at=5))
    await stage.end()
    await eventually(lambda: named(spool / "build", "*.ogg.sealed"))
    recorder_builder_and_mixer = family(recorder.pid)
    assert len(recorder_builder_and_mixer) == 3
    recorder.kill()
    await gone(recorder_builder_and_mixer)
    assert (spool / "build").exists()
    left = await asyncio.to_thread(lying_about, env)
    assert not [packet for packet in (*sent, b"On rivers") if packet in left], "what it left is sealed"
    (tmp_path / "wait").unlink()
    await recorder.start()
    (track,) = (await stage.ready()).tracks
    assert await payloads(stage, track, Path(env["ROSTRUM_VAR"])) == sent
    await eventually(lambda: not spool.exists())
    assert (await stage.replay()).state is v1.ReplayState.READY


async def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_room(
    stage: Stage, recorder: ServiceProcess, env: dict[str, str]
) -> None:
    # The kernel refuses to let a file grow beyond the limit: the error of a full disk, on any machine.
    sent = [bytes([0x78]) + bytes([n % 256]) * 1200 for n in range(600)]
    await stage.start()
    await recorder.start()
    before = resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE)
    await stage.say(stage.host, stream(sent[:100], at=5), session="0" * 26)
    last = (await stage.bus.js.stream_info(subjects.CAPTURE_STREAM)).state.last_seq
    await reached(stage, last)
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (400_000, before[1]))
    await stage.say(stage.host, stream(sent[100:], at=7, timestamp=7000 + 100 * 960, sequence=200), session="0" * 26)
    trouble = await unready(stage, recorder)
    assert "spool" in trouble["missing"]
    assert "File too large" in trouble["missing"]["spool"]
    assert recorder.runs
    acked, kept = await acknowledged(stage), spooled(env)
    assert acked < (await stage.bus.js.stream_info(subjects.CAPTURE_STREAM)).state.last_seq
    assert kept < 400_000
    await stage.end()
    await stage.comes_to(v1.ReplayState.PROCESSING)
    # An acknowledgement may have been on its way; what has no room is not acknowledged.
    assert acked <= await acknowledged(stage) < (await stage.bus.js.stream_info(subjects.CAPTURE_STREAM)).state.last_seq
    assert spooled(env) == kept

    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, before)
    (track,) = (await stage.ready()).tracks
    assert await payloads(stage, track, Path(env["ROSTRUM_VAR"])) == sent


async def test_a_disk_that_fills_while_building_delays_the_replay(
    stage: Stage, recorder: ServiceProcess, env: dict[str, str], tmp_path: Path
) -> None:
    sent = encode(noise(20))
    await stage.start()
    await recorder.start()
    before = resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE)
    await stage.say(stage.host, stream(sent, at=5))
    last = (await stage.bus.js.stream_info(subjects.CAPTURE_STREAM)).state.last_seq
    await reached(stage, last)
    # Room for the track, none for the mix, whose child process inherits the limit.
    limit = spooled(env) + 50_000
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    await stage.end()
    trouble = await unready(stage, recorder)
    assert "File too large" in trouble["missing"]["replays"]
    await stage.comes_to(v1.ReplayState.PROCESSING)
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, before)
    (track,) = (await stage.ready()).tracks
    assert await payloads(stage, track, Path(env["ROSTRUM_VAR"])) == sent


async def test_a_replay_that_is_given_up_leaves_nothing_where_replays_are_and_what_was_captured_aside(
    stage: Stage, env: dict[str, str]
) -> None:
    var = Path(env["ROSTRUM_VAR"])
    space = var / "recordings" / "spaces" / stage.space_id
    # The mix, which is stored last, finds its place taken.
    (space / "replay.1.m4a.sealed" / "taken").mkdir(parents=True)
    await stage.start()
    await stage.say(stage.host, stream(encode(noise(1)), at=5))
    await stage.end()
    async with running(Settings.read({**env, "ROSTRUM_RECORDING_GIVE_UP_HOURS": "1e-9"}), compose):
        event = await stage.outcome()
        assert isinstance(event, v1.Failed)
        assert (event.reason, event.detail) == ("storage", "The replay could not be stored.")
        await eventually(lambda: not (var / "spool" / stage.space_id).exists())
    assert named(space, "*.ogg.sealed") == []
    assert len(list((var / "spool" / ".failed" / stage.space_id).glob("*/*.bundles"))) == 1


async def reached(stage: Stage, sequence: int, within: float = LIMIT) -> None:
    """Wait until captured messages up to a sequence are acknowledged."""

    async def there() -> bool:
        return await acknowledged(stage) >= sequence

    await eventually(there, within=within)


async def unready(stage: Stage, recorder: ServiceProcess, within: float = LIMIT) -> dict[str, dict[str, str]]:
    """The first status in which the recorder says that something is missing."""
    subscription = await stage.bus.nc.subscribe(subjects.service_status("recording", "*"))
    try:
        async with asyncio.timeout(within):
            async for msg in subscription.messages:
                status: dict[str, dict[str, str]] = json.loads(msg.data)
                if set(status["missing"]) & {"spool", "replays"}:
                    return status
    finally:
        await subscription.unsubscribe()
    raise AssertionError("the subscription ended")
