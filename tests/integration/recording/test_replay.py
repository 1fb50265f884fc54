"""What is said in a Space is in its replay: all of it, nothing else, and when it was said."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from contracts.people import v1 as people
from contracts.recording import v1
from libs.ids import new_id
from libs.service import Service
from services.recording.replay import mix
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, opened, payloads, person
from tests.support.at_rest import entries
from tests.support.personal_data import held
from tests.support.waiting import eventually
from tests.unit.recording.sounds import RATE, encode, load, noise, shift, speech, stream


async def test_the_mix_is_what_three_people_said(stage: Stage, service: Service[Settings], tmp_path: Path) -> None:
    rng = random.Random(7)
    speakers = {"slt": stage.host, "rms": person("Rob"), "awb": person("Anna")}
    starts = {"slt": 2.0, "rms": 7.5, "awb": 12.02}
    await stage.start()
    sent, spoken = {}, {}
    for n, (voice, who) in enumerate(speakers.items()):
        spoken[voice] = speech(voice, 6)
        sent[voice] = encode(spoken[voice], bit_rate=64_000)
        if n:
            await stage.join(who, at=1)
        packets = stream(sent[voice], at=starts[voice], timestamp=rng.getrandbits(32), sequence=rng.getrandbits(16))
        await stage.say(who, [replace(p, arrival=p.arrival + rng.expovariate(1 / 0.015)) for p in packets])
    await stage.end()
    event = await stage.ready()

    replay = await stage.replay()
    assert replay.state is v1.ReplayState.READY
    assert (replay.seconds, replay.mix, replay.tracks) == (event.seconds, event.mix, event.tracks)
    assert replay.began_at == stage.started_at
    assert replay.mix is not None
    data = await opened(stage.bus, service.settings.var, replay.mix)
    file = tmp_path / "replay.m4a"
    file.write_bytes(data)
    assert replay.bytes == len(data)
    with av.open(str(file)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.audio[0].rate == RATE
        assert (container.duration or 0) / 1e6 == pytest.approx(replay.seconds, abs=0.002)
    assert data.index(b"moov") < data.index(b"mdat")
    mixed = load(file)
    assert len(mixed) / RATE == pytest.approx(replay.seconds, abs=0.03)

    expected = np.zeros(len(mixed), np.float32)
    by_person = {track.person.id: track for track in replay.tracks}
    assert [track.person.name for track in replay.tracks] == ["Hanna", "Rob", "Anna"]
    for voice, who in speakers.items():
        track = by_person[who.id]
        assert await payloads(stage, track, service.settings.var) == sent[voice]
        said = await opened(stage.bus, service.settings.var, track.object)
        assert track.bytes == len(said)
        assert track.offset_seconds == pytest.approx(starts[voice], abs=0.02)
        assert track.seconds == pytest.approx(len(sent[voice]) * 0.02, abs=0.02)
        # In the mix: their words, at the time they were said.
        begin, end = int((starts[voice] + 1) * RATE), int((starts[voice] + 5) * RATE)
        late, likeness = shift(spoken[voice][RATE : 5 * RATE], mixed[begin:end], within=0.5)
        assert abs(late) < 0.02
        assert likeness > 0.75  # libopus shifts phases; what it made of the words itself is compared below
        alone = np.concatenate(list(mix.decode(partial(BytesIO, said))))
        at = round(track.offset_seconds * RATE)
        expected[at : at + len(alone)] += alone[: len(expected) - at]
    late, likeness = shift(expected, mixed)
    assert abs(late) < 0.02
    assert likeness > 0.9  # each of them is levelled on their own

    rob = speakers["rms"]
    (record,) = await held(stage.bus, v1.HeldQuery, rob.id)
    assert (record.fields["space_id"], record.fields["host"]) == (stage.space_id, False)
    assert record.file is not None
    assert record.file.object == by_person[rob.id].object
    assert await held(stage.bus, v1.HeldQuery, new_id()) == []


async def test_sessions_and_mutes_of_one_person_are_one_track(stage: Stage, service: Service[Settings]) -> None:
    sent = encode(noise(6))
    await stage.start()
    first = stream(sent[:150], at=5)
    muted = [p for n, p in enumerate(first) if not 50 <= n < 100]
    await stage.say(stage.host, muted, ssrc=1)
    await stage.say(stage.host, stream(sent[150:], at=60, timestamp=1, sequence=1), ssrc=2)
    await stage.end()
    (track,) = (await stage.ready()).tracks
    assert await payloads(stage, track, service.settings.var) == [p.payload for p in muted] + sent[150:]
    assert track.seconds == pytest.approx(55 + len(sent[150:]) * 0.02, abs=0.05)
    stored = await opened(stage.bus, service.settings.var, track.object)
    audio = np.concatenate(list(mix.decode(partial(BytesIO, stored))))
    said = noise(6)
    assert abs(shift(said[:RATE], audio[:RATE])[0]) < 0.02
    assert abs(shift(said[3 * RATE :], audio[55 * RATE :])[0]) < 0.02
    assert float(np.abs(audio[int(1.1 * RATE) : int(1.9 * RATE)]).max()) < 0.01
    assert float(np.abs(audio[4 * RATE : 54 * RATE]).max()) < 0.01


async def test_who_does_not_consent_is_in_no_recording(stage: Stage, service: Service[Settings]) -> None:
    shy, bold = person("Shy"), person("Bold")
    sent = encode(noise(1))
    await stage.start()
    await stage.join(shy, consents=False)
    await stage.join(bold, consents=True)
    await stage.join(bold, consents=False, at=50)
    await stage.say(shy, stream(sent, at=1))
    await stage.say(bold, stream(sent, at=2))
    await stage.say(bold, stream(sent, at=51))
    await stage.end()
    (track,) = (await stage.ready()).tracks
    assert track.person == bold
    assert await payloads(stage, track, service.settings.var) == sent
    spool = service.settings.var / "spool"
    await eventually(lambda: not [path for path, _ in entries(spool) if len(path.relative_to(spool).parts) == 2])


async def test_who_is_erased_before_the_end_is_in_no_replay(stage: Stage, service: Service[Settings]) -> None:
    gone, sent = person("Gone"), encode(noise(1))
    await stage.start()
    await stage.join(gone)
    await stage.say(gone, stream(sent, at=1))
    await stage.say(stage.host, stream(sent, at=3))
    spool = service.settings.var / "spool" / stage.space_id
    await eventually(lambda: (spool / gone.id).exists() and (spool / stage.host.id).exists())
    await stage.bus.ask(people.DestroySubjects(command_id=new_id(), subjects=(f"person:{gone.id}",)))
    await stage.say(gone, stream(sent, at=5))
    await stage.end()
    assert [track.person.id for track in (await stage.ready()).tracks] == [stage.host.id]
    assert await stage.dead_letters() == []


async def test_a_space_that_is_only_captioned_is_not_recorded(bus: object, service: Service[Settings]) -> None:
    stage = Stage(bus, recorded=False)  # type: ignore[arg-type]
    async with stage.room_answers():
        await stage.start()
        await stage.say(stage.host, stream(encode(noise(1)), at=1))
        await stage.end()
        recorded = Stage(stage.bus)
        async with recorded.room_answers():
            await recorded.start()
            await recorded.say(recorded.host, stream(encode(noise(1)), at=1))
            await recorded.end()
            await recorded.ready()
    assert stage.asked < 5, "not for each bundle"
    assert (await stage.replay()).state is v1.ReplayState.NONE
    assert not (service.settings.var / "spool" / stage.space_id).exists()


async def test_audio_that_is_faster_than_rooms_events_is_recorded(stage: Stage, service: Service[Settings]) -> None:
    guest = person("Guest")
    sent = encode(noise(1))
    await stage.join(guest, told=False)
    await stage.say(guest, stream(sent, at=1))
    await stage.say(stage.host, stream(sent, at=3))
    await stage.start()
    await stage.comes_to(v1.ReplayState.RECORDING)
    await stage.end()
    tracks = (await stage.ready()).tracks
    assert [track.person for track in tracks] == [guest, stage.host]
    for track in tracks:
        assert await payloads(stage, track, service.settings.var) == sent


async def test_a_space_in_which_nobody_spoke_has_no_replay(stage: Stage, service: Service[Settings]) -> None:
    await stage.start()
    await stage.end()
    event = await stage.outcome()
    assert isinstance(event, v1.Failed)
    assert event.reason == "nothing_captured"
    assert (await stage.replay()).state is v1.ReplayState.FAILED


async def test_hostile_bundles_become_dead_letters_and_harm_nothing(stage: Stage, service: Service[Settings]) -> None:
    sent = encode(noise(2))
    await stage.start()
    session = await stage.say(stage.host, stream(sent[:50], at=1))
    await stage.publish(stage.host, session, b"")
    await stage.publish(stage.host, session, b"\x02" + bytes(15))
    await stage.publish(stage.host, session, bytes([1, 0, 255, 255]) + bytes(400))
    await stage.publish(stage.host.model_copy(update={"id": "../../etc"}), session, b"x")
    stage.base_ns, honest = 0, stage.base_ns
    await stage.say(stage.host, stream(sent[:5]), session=session)
    stage.base_ns = honest + round(timedelta(days=9).total_seconds() * 1e9)
    await stage.say(stage.host, stream(sent[:5]), session=session)
    stage.base_ns = honest
    no_opus = [replace(p, payload=b"\x03") for p in stream(sent[50:60], at=2, sequence=150)]
    await stage.say(stage.host, no_opus, session=session)
    await stage.say(stage.host, stream(sent[60:], at=2.2, timestamp=7000 + 60 * 960, sequence=160), session=session)
    await stage.end()
    (track,) = (await stage.ready()).tracks
    assert await payloads(stage, track, service.settings.var) == sent[:50] + sent[60:]

    async def all_buried() -> list[str] | None:
        found = await stage.dead_letters()
        return found if len(found) >= 6 else None

    reasons = await eventually(all_buried)
    assert len(reasons) == 6
    assert [text for text in reasons if "clock says 1970" in text]
    assert [text for text in reasons if "is no person" in text]
