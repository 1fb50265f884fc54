"""The mix of a recorded Space while it runs: made as people speak, kept part by part, and continued after kill -9."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import av
import numpy as np
import psutil
import pytest
from nats.aio.msg import Msg

from contracts import live_audio, object_names, subjects
from contracts.envelope import PersonRef
from contracts.recording import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.keyring.client import open_keyring
from libs.refusal import Refusal
from libs.service import Service
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, person
from tests.integration.recording.test_erasing import erase
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually, pace
from tests.unit.recording.sounds import RATE, Audio, Sent, encode, shift, speech, stream


@pytest.fixture
async def stage(bus: Bus) -> AsyncIterator[Stage]:
    stage = Stage(bus, ago=0.5)
    async with stage.room_answers(), open_keyring(bus, "media-1") as stage.keyring:
        yield stage


async def test_what_is_said_is_played_while_it_is_said_and_who_does_not_consent_is_not(
    stage: Stage, bus: Bus, service: Service[Settings]
) -> None:
    heard: dict[int, bytes] = {}
    whole = asyncio.Event()

    async def hear(message: Msg) -> None:
        number, part = live_audio.decode(message.data)
        heard[number] = part
        if not part:
            whole.set()

    await bus.listen(subjects.live_audio(stage.space_id), hear)
    silent = person("Nora")
    await stage.start()
    await stage.join(silent, consents=False)
    said, unheard = speech("awb", 6), speech("rms", 6)
    spoken, unrecorded = encode(said), encode(unheard)
    at = now(stage) + 0.5
    await asyncio.gather(
        speak(stage, stage.host, stream(spoken, at=at)), speak(stage, silent, stream(unrecorded, at=at))
    )
    far = await _far(stage)
    assert not far.over
    assert far.began_at == stage.started_at
    await stage.end()
    await asyncio.wait_for(whole.wait(), LIMIT)

    numbers = sorted(heard)
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "every part is told, once"
    audio = _decoded(b64decode(far.header), [heard[n] for n in numbers if heard[n]])
    late, likeness = _in_it(said[: 4 * RATE], at, audio, far)
    assert abs(late) < 0.1
    assert likeness > 0.6  # also where this loop stood still, and so some came too late for the mix
    assert abs(_in_it(unheard[: 4 * RATE], at, audio, far)[1]) < 0.3
    event = await stage.ready()
    assert event.seconds > 5

    async def gone() -> bool:
        try:
            await _far(stage)
        except Refusal as no:
            return no.reason == "not_live"
        return False

    await eventually(gone)


async def test_killed_in_mid_sentence_it_goes_on_with_the_next_part_and_changes_none(
    stage: Stage, service: Service[Settings]
) -> None:
    await stage.start()
    said = speech("slt", 8)
    spoken, at = encode(said), now(stage) + 1
    speaking = asyncio.create_task(speak(stage, stage.host, stream(spoken, at=at)))
    await eventually(lambda: _until(stage, at + 2))
    before = await _parts(stage)
    (mixer,) = [
        child for child in psutil.Process().children() if "services.recording.replay.live_mixer" in child.cmdline()
    ]
    os.kill(mixer.pid, signal.SIGKILL)
    await speaking
    far = await eventually(lambda: _until(stage, at + 5))
    after = await _parts(stage)
    assert after[: len(before)] == before
    audio = _decoded(b64decode(far.header), after)
    late, likeness = _in_it(said[: 4 * RATE], at, audio, far)
    assert abs(late) < 0.1
    assert likeness > 0.6  # also where this loop stood still, and so some came too late for the mix


async def test_where_somebody_is_erased_what_was_mixed_with_them_is_destroyed_and_the_mix_begins_anew(
    stage: Stage, bus: Bus, service: Service[Settings]
) -> None:
    await stage.start()
    guest = person("Gus")
    await stage.join(guest)
    spoken, at = encode(speech("rms", 2)), now(stage) + 1
    await speak(stage, guest, stream(spoken, at=at))
    before = await eventually(lambda: _until(stage, at + 1))
    folder = service.settings.spool_path / stage.space_id
    (sealed,) = [path.read_bytes() for path in folder.glob("live/*")]
    await erase(bus, f"person:{guest.id}")

    async def anew() -> v1.LiveMix | None:
        far = await _until(stage, 0)
        return far if far is not None and far.first > before.first and far.next > far.first else None

    far = await eventually(anew)
    assert far.first >= before.next, "no number is given to another part"
    (kept,) = [path.read_bytes() for path in folder.glob("live/*")]
    assert kept[:1000] != sealed[:1000]
    seal = object_names.of_live(stage.space_id, before.first)
    async with open_keyring(bus, "test") as keyring:
        assert not (await keyring.lock(*seal.subjects)).has(seal.unit)


async def test_a_recorder_that_was_killed_goes_on_with_the_next_part(
    stage: Stage, env: dict[str, str], people: None
) -> None:
    await stage.start()
    said = speech("slt", 8)
    async with ServiceProcess("recording", env) as recorder:
        spoken, at = encode(said), now(stage) + 1
        speaking = asyncio.create_task(speak(stage, stage.host, stream(spoken, at=at)))
        await eventually(lambda: _until(stage, at + 2))
        before = await _parts(stage)
        recorder.kill()
        await recorder.start()
        await speaking
        far = await eventually(lambda: _until(stage, at + 5))
        after = await _parts(stage)
    assert after[: len(before)] == before
    audio = _decoded(b64decode(far.header), after)
    late, likeness = _in_it(said[: 4 * RATE], at, audio, far)
    assert abs(late) < 0.1
    assert likeness > 0.6  # also where this loop stood still, and so some came too late for the mix


def now(stage: Stage) -> float:
    """Seconds after the start."""
    return (datetime.now(UTC) - stage.started_at).total_seconds()


async def speak(stage: Stage, who: PersonRef, said: list[Sent]) -> None:
    """Say something when it is due, a tenth of a second at once."""
    started, session = time.monotonic() - now(stage), new_id()
    for n in range(0, len(said), 5):
        await pace(started + said[n].arrival + 0.1)
        await stage.say(who, said[n : n + 5], session=session)


def _in_it(said: Audio, at: float, audio: Audio, far: v1.LiveMix) -> tuple[float, float]:
    """(seconds by which something is late in the mix, likeness)."""
    begin = int(at * RATE) - far.first * live_audio.PART_SAMPLES
    return shift(said, audio[begin : begin + len(said) + RATE // 2], within=0.5)


async def _far(stage: Stage) -> v1.LiveMix:
    return (await stage.bus.ask(v1.LiveMixQuery(space_id=stage.space_id))).result


async def _until(stage: Stage, moment: float) -> v1.LiveMix | None:
    """How far the mix is, once it is as far as a moment after the start."""
    try:
        far = await _far(stage)
    except Refusal:
        return None
    return far if far.next * live_audio.PART_SECONDS >= moment else None


async def _parts(stage: Stage) -> list[bytes]:
    far = await _far(stage)
    found: list[bytes] = []
    while far.first + len(found) < far.next:
        query = v1.LivePartsQuery(space_id=stage.space_id, first=far.first + len(found), count=6)
        found += [b64decode(part) for part in (await stage.bus.ask(query)).result.parts]
    return found[: far.next - far.first]


def _decoded(header: bytes, parts: list[bytes]) -> Audio:
    with av.open(io.BytesIO(header + b"".join(parts)), "r") as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
