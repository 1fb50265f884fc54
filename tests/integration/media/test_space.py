"""What people in a Space hear, see and keep, through the media service as it runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy
from prometheus_client import REGISTRY

from contracts import capture, subjects
from contracts.media import v1
from contracts.people import v1 as people
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.media.stage import Stage, bundle_of, person, set_stage
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually, standstill
from tests.support.webrtc import ear, opus_tone, speaker

ADA, BOB = person("Ada"), person("Bob")


async def test_every_listener_hears_every_byte_and_the_speaker_hears_nothing_of_it(stage: Stage) -> None:
    space = stage.room.live(ADA, BOB)
    tone = opus_tone(440, 1.0)
    async with (
        ear(stage.whep(space)) as one,
        ear(stage.whep(space), slots=1) as two,
        ear(stage.whep(space, BOB), decode=True) as three,
        ear(stage.whep(space, ADA)) as herself,
        speaker(stage.whip(space, ADA), tone) as ada,
    ):
        for listener in (one, two, three):
            await listener.until(lambda listener: len(listener.heard) > len(tone))
        assert ada.sent == tone
        for listener in (one, two, three):
            payloads = [packet.payload for packet in listener.heard]
            assert payloads[: len(tone)] == tone
            assert [len(payload) for payload in payloads[len(tone) :]] == [1], "one frame lets the slot fall silent"
            sequences = [packet.sequence for packet in listener.heard]
            assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
            assert sequences[0] < 1 << 15
            assert [packet.marker for packet in listener.heard] == [True] + [False] * len(tone)
            assert len({packet.sources for packet in listener.heard}) == 1
        assert herself.heard == []


async def test_two_at_once_stand_in_two_slots_and_a_single_track_gets_one(stage: Stage) -> None:
    space = stage.room.live(ADA, BOB)
    high, low = opus_tone(880, 1.0), opus_tone(220, 1.0)
    async with (
        ear(stage.whep(space)) as everyone,
        ear(stage.whep(space), slots=1) as single,
        ear(stage.whep(space, ADA)) as ada_hears,
        standstill() as stood_still,
        speaker(stage.whip(space, ADA), high),
        speaker(stage.whip(space, BOB), low),
    ):
        await everyone.until(lambda listener: len(listener.heard) >= len(high) + len(low) + 2)
        by_source: dict[tuple[int, ...], list[bytes]] = {}
        for packet in everyone.heard:
            if len(packet.payload) > 1:
                by_source.setdefault(packet.sources, []).append(packet.payload)
        assert sorted(by_source.values()) == sorted([high, low])
        for slot in range(3):
            sequences = [packet.sequence for packet in everyone.in_slot(slot)]
            assert not sequences or sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        await single.until(lambda listener: len(listener.heard) >= len(high) // 2)
        assert {packet.slot for packet in single.heard} == {0}
        await ada_hears.until(lambda listener: listener.payloads() >= Counter(low))
        assert {p.payload for p in ada_hears.heard if len(p.payload) > 1} == set(low)
        both = await stage.facts.until(v1.Speaking, lambda e: len(e.person_ids) == 2 and e.space_id == space.id)
        assert set(both.person_ids) == {ADA.id, BOB.id}
        await stage.facts.until(v1.Speaking, lambda e: not e.person_ids and e.space_id == space.id)
        talked = await stage.facts.until(v1.Talked, lambda e: e.space_id == space.id and e.person_id == ADA.id)
        assert talked.seconds == pytest.approx(1.0, abs=0.3 + stood_still())


async def test_nothing_of_a_muted_person_leaves_the_server_or_is_captured(stage: Stage) -> None:
    space = stage.room.live(ADA, recorded=True)
    before, during, after = opus_tone(300, 0.6), opus_tone(500, 0.8), opus_tone(700, 0.6)
    probes = opus_tone(1000, 8.0)
    secret = set(during) - set(before) - set(after) - set(probes)
    async with ear(stage.whep(space)) as listener, speaker(stage.whip(space, ADA)) as ada:
        ada.track.say(before)
        await listener.until(lambda listener: listener.payloads() >= Counter(before))
        already = counted("muted")
        ada.track.say(probes[:150])
        await stage.room.muted(space, ADA)
        await eventually(lambda: counted("muted") > already)
        await ada.track.said()
        ada.track.say(during)
        await ada.track.said()
        # Its last packets may be on their way; once so many more were dropped, they are among those.
        dropped = counted("muted")
        ada.track.say(probes[150:])
        await eventually(lambda: counted("muted") >= dropped + len(during))
        heard = len(listener.heard)
        await stage.room.unmuted(space, ADA)
        await listener.until(lambda listener: len(listener.heard) > heard)
        ada.track.say(after)
        await listener.until(lambda listener: listener.payloads() >= Counter(before + after))
        assert not secret & {packet.payload for packet in listener.heard}
    kept = await captured(stage, space.id)
    assert kept[: len(before)] == before
    assert kept[-len(after) :] == after
    assert not secret & set(kept)


async def test_a_removed_person_is_cut_off_at_once_in_both_directions(stage: Stage) -> None:
    space = stage.room.live(ADA, BOB)
    async with (
        ear(stage.whep(space)) as listener,
        ear(stage.whep(space, BOB)) as bob_hears,
        speaker(stage.whip(space, BOB)) as bob,
        speaker(stage.whip(space, ADA)) as ada,
    ):
        bob.track.say(first := opus_tone(300, 0.4))
        await listener.until(lambda listener: len(listener.heard) > 5)
        bob.hear_no_goodbye()
        await stage.room.removed(space, BOB)
        for _ in range(2):
            gone = await stage.facts.until(v1.Disconnected, lambda e: e.space_id == space.id and e.reason == "removed")
            stage.facts.all.remove(gone)
        second, words = opus_tone(600, 0.4), opus_tone(900, 1.0)
        bob.track.say(second)
        ada.track.say(words)
        await bob.track.said()
        await listener.until(lambda listener: listener.payloads() >= Counter(words))
        assert not set(listener.payloads()) & (set(second) - set(first) - set(words)), "nothing of his second sentence"
        assert not set(bob_hears.payloads()) & set(words)
        with pytest.raises(Refusal, match="removed"):
            async with ear(stage.whep(space, BOB), wait=False):
                pass


async def test_who_steps_down_stops_speaking_and_goes_on_listening(stage: Stage) -> None:
    space = stage.room.live(ADA, BOB)
    words = opus_tone(400, 0.4)
    async with (
        ear(stage.whep(space, BOB)) as bob_hears,
        speaker(stage.whip(space, BOB)),
        speaker(stage.whip(space, ADA)) as ada,
    ):
        await stage.room.stage_left(space, BOB)
        await stage.facts.until(v1.Disconnected, lambda e: e.person_id == BOB.id and e.direction == "publish")
        ada.track.say(words)
        await bob_hears.until(lambda listener: listener.payloads() >= Counter(words))
        with pytest.raises(Refusal, match="not_on_stage"):
            async with speaker(stage.whip(space, BOB), wait=False):
                pass


async def test_the_end_of_a_space_closes_its_connections_and_no_other(stage: Stage) -> None:
    space, other = stage.room.live(ADA), stage.room.live(BOB)
    words = opus_tone(400, 0.4)
    async with (
        ear(stage.whep(space)),
        speaker(stage.whip(space, ADA)),
        ear(stage.whep(other)) as elsewhere,
        speaker(stage.whip(other, BOB)) as bob,
    ):
        await stage.room.ended(space)
        for direction in ("publish", "subscribe"):
            await stage.facts.until(
                v1.Disconnected,
                lambda e, direction=direction: (e.space_id, e.direction, e.reason) == (space.id, direction, "ended"),  # type: ignore[misc]
            )
        bob.track.say(words)
        await elsewhere.until(lambda listener: listener.payloads() >= Counter(words))
        with pytest.raises(Refusal, match="not_live"):
            async with ear(stage.whep(space), wait=False):
                pass


async def test_a_person_who_speaks_from_a_second_client_replaces_the_first(stage: Stage) -> None:
    space = stage.room.live(ADA)
    words = opus_tone(400, 0.4)
    async with (
        ear(stage.whep(space)) as listener,
        speaker(stage.whip(space, ADA)),
        speaker(stage.whip(space, ADA)) as again,
    ):
        await stage.facts.until(v1.Disconnected, lambda e: e.space_id == space.id and e.reason == "replaced")
        again.track.say(words)
        await listener.until(lambda listener: listener.payloads() >= Counter(words))


async def test_what_is_captured_is_what_was_said_with_its_times(stage: Stage) -> None:
    space = stage.room.live(ADA, recorded=True)
    words = opus_tone(400, 1.0)
    session_id = new_id()
    async with standstill() as stood_still, speaker(stage.whip(space, ADA, session_id), words) as ada:
        await ada.track.said()
        most = 0.2 + stood_still()
        await stage.facts.until(v1.Speaking, lambda e: e.space_id == space.id and not e.person_ids)
        await stage.disconnect(session_id)
        gone = await stage.facts.until(v1.Disconnected, lambda e: e.session_id == session_id)
        assert (gone.reason, gone.packets, gone.lost) == ("closed", len(words), 0)
        with pytest.raises(Refusal, match="session_unknown"):
            await stage.disconnect(session_id)
    bundles = await bundles_of(stage, space.id)
    packets = [packet for bundle in bundles for packet in bundle.packets]
    assert [packet.payload for packet in packets] == words
    assert [packet.sequence for packet in packets] == [(packets[0].sequence + n) % 65536 for n in range(len(packets))]
    assert {(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(packets)} == {960}
    assert 8 - 10 * most <= len(bundles) <= 14 + 10 * most, "about ten a second"
    assert [bundle.last for bundle in bundles] == [False] * (len(bundles) - 1) + [True]
    arrivals = [bundle.base_ns / 1e9 + packet.arrival_us / 1e6 for bundle in bundles for packet in bundle.packets]
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] - arrivals[0] == pytest.approx(0.98, abs=most)


async def test_a_connection_that_has_the_id_of_an_earlier_one_is_captured_as_one_of_its_own(stage: Stage) -> None:
    space = stage.room.live(ADA, recorded=True)
    words, session_id = opus_tone(400, 1.0), new_id()
    gone: set[int] = set()
    for times in (1, 2):
        async with ear(stage.whep(space)) as listener, speaker(stage.whip(space, ADA, session_id)) as ada:
            ada.track.say(words)
            await listener.until(lambda listener: listener.payloads() >= Counter(words))
            await stage.disconnect(session_id)
            last = await stage.facts.until(
                v1.Disconnected, lambda e: e.session_id == session_id and e.number not in gone
            )
            gone.add(last.number)
        assert await captured(stage, space.id, sessions=times) == words * times


async def test_nothing_is_captured_of_what_was_erased(stage: Stage) -> None:
    space, other = stage.room.live(ADA, recorded=True), stage.room.live(ADA, recorded=True)
    await stage.keys.destroy_subjects(people.DestroySubjects(command_id=new_id(), subjects=(f"space:{space.id}",)))
    words = opus_tone(400, 0.4)
    for one in (space, other):  # what is captured is stored in order
        async with speaker(stage.whip(one, ADA), words) as ada:
            await ada.track.said()
    assert await bundles_of(stage, other.id)
    stored = await stage.bus.js.stream_info(subjects.CAPTURE_STREAM, subjects_filter=subjects.capture_of(space.id))
    assert not stored.state.subjects


async def test_nobody_who_does_not_consent_is_captured(stage: Stage) -> None:
    space = stage.room.live(ADA, recorded=True, consents=False)
    words = opus_tone(400, 0.4)
    async with ear(stage.whep(space)) as listener, speaker(stage.whip(space, ADA), words):
        await listener.until(lambda listener: listener.payloads() >= Counter(words))
    # What she says afterwards where she does consent is stored after whatever would have been.
    other = stage.room.live(ADA, recorded=True)
    async with speaker(stage.whip(other, ADA), words) as ada:
        await ada.track.said()
    assert await bundles_of(stage, other.id)
    stored = await stage.bus.js.stream_info(subjects.CAPTURE_STREAM, subjects_filter=subjects.capture_of(space.id))
    assert not stored.state.subjects


async def test_a_dead_jetstream_delays_no_live_packet_and_the_capture_arrives_later(stage: Stage) -> None:
    space = stage.room.live(ADA, recorded=True)
    words = opus_tone(400, 1.5)
    async with (
        ear(stage.whep(space)) as listener,
        speaker(stage.whip(space, ADA)) as ada,
        standstill() as stood_still,
    ):
        stage.server.kill()
        try:
            ada.track.say(words)
            await listener.until(lambda listener: listener.payloads() >= Counter(words))
            gaps = [b.at - a.at for a, b in pairwise(listener.heard)]
            assert max(gaps[: len(words) - 2]) < 0.25 + stood_still()
        finally:
            await asyncio.to_thread(stage.server.start)
    # What waited is stored when JetStream is back, with no hole.
    assert await captured(stage, space.id) == words


async def test_captured_audio_that_finds_no_room_is_counted_and_said(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    words = opus_tone(400, 1.5)
    async with set_stage(nats_server, {"ROSTRUM_MEDIA_CAPTURE_WAITING": "5"}) as stage:
        space = stage.room.live(ADA, recorded=True)
        before = REGISTRY.get_sample_value("rostrum_capture_packets_lost_total") or 0
        async with ear(stage.whep(space)) as listener, speaker(stage.whip(space, ADA)) as ada:
            nats_server.kill()
            try:
                ada.track.say(words)
                await listener.until(lambda listener: listener.payloads() >= Counter(words))
                await eventually(
                    lambda: (REGISTRY.get_sample_value("rostrum_capture_packets_lost_total") or 0) > before + 20
                )
            finally:
                await asyncio.to_thread(nats_server.start)
    assert "captured audio is lost" in caplog.text


async def captured(stage: Stage, space_id: str, sessions: int = 1) -> list[bytes]:
    """Payloads in the capture stream, in order."""
    return [packet.payload for bundle in await bundles_of(stage, space_id, sessions) for packet in bundle.packets]


async def bundles_of(stage: Stage, space_id: str, sessions: int = 1) -> list[capture.Bundle]:
    """A Space's bundles, once the last one of each session is there. Raises TimeoutError."""
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, mem_storage=True, inactive_threshold=30)
    found: list[capture.Bundle] = []
    subscription = await stage.bus.js.subscribe(
        subjects.capture_of(space_id), stream=subjects.CAPTURE_STREAM, ordered_consumer=True, config=config
    )
    try:
        while sum(bundle.last for bundle in found) < sessions:
            message = await subscription.next_msg(timeout=LIMIT)
            found.append(bundle_of(stage.keys, message))
            assert message.headers is not None
            assert message.headers[subjects.HEADER_PERSON] == ADA.id
            assert ADA.name not in message.headers.values()
            assert not any(packet.payload in message.data for packet in found[-1].packets)
    finally:
        await subscription.unsubscribe()
    return found


def counted(what: str) -> int:
    """A counter of the forwarder, as /metrics shows it."""
    return round(REGISTRY.get_sample_value("rostrum_forwarder_events_total", {"what": what}) or 0)
