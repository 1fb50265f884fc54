"""What is known of how listeners fare: from their reports to events, answers and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import REGISTRY, generate_latest

from contracts.media import v1
from libs.ids import new_id
from tests.integration.gateway.conftest import running_gateway
from tests.integration.media.stage import Stage, person, set_stage
from tests.support.nats import NatsServer
from tests.support.waiting import eventually
from tests.support.webrtc import Ear, ear, opus_tone, speaker

ADA, BOB = person("Ada"), person("Bob")
DELAY: Final = 0.08
LOSES_EVERY: Final = 4


@pytest.fixture
async def stage(nats_server: NatsServer) -> AsyncIterator[Stage]:
    """A media service that tells twice a second."""
    async with set_stage(nats_server, {"ROSTRUM_MEDIA_QUALITY_SECONDS": "0.5"}) as stage:
        yield stage


def worsen(listener: Ear) -> None:
    """From now on every fourth packet is lost on the way, and sender reports take a while."""
    for transceiver in listener.pc.getTransceivers():
        receiver: Any = transceiver.receiver
        take_packet, take_report = receiver._handle_rtp_packet, receiver._handle_rtcp_packet

        async def packet(packet: Any, arrival_time_ms: int, take: Any = take_packet) -> None:
            if packet.sequence_number % LOSES_EVERY:
                await take(packet, arrival_time_ms)

        async def report(report: Any, take: Any = take_report) -> None:
            asyncio.get_running_loop().call_later(DELAY, lambda: asyncio.ensure_future(take(report)))

        receiver._handle_rtp_packet, receiver._handle_rtcp_packet = packet, report


async def test_loss_and_delay_of_a_real_client_are_told_counted_and_answered(
    stage: Stage, nats_server: NatsServer, tmp_path: Path
) -> None:
    space = stage.room.live(ADA)
    bad_id, session_id = new_id(), new_id()
    partitions = stage.bus.settings.partitions
    async with (
        ear(stage.whep(space, BOB, bad_id), decode=True) as bad,
        ear(stage.whep(space, session_id=session_id), decode=True),
        speaker(stage.whip(space, ADA), opus_tone(440, 60)),
    ):
        worsen(bad)

        def fits(e: v1.SpaceQuality) -> bool:
            """Whether it tells what was done to the listener; on a busy machine a report may be of few packets."""
            lost, ms = spread(e.fraction_lost).worst, spread(e.round_trip_ms).worst
            as_lost = lost == pytest.approx(1 / LOSES_EVERY, abs=0.12)
            return e.space_id == space.id and e.reporting == 2 and as_lost and 0 < ms - DELAY * 1000 < 500

        told = await stage.facts.until(v1.SpaceQuality, fits)
        assert told.listeners == 2
        assert spread(told.fraction_lost).p50 <= spread(told.fraction_lost).worst
        poor = await stage.facts.until(v1.Quality, lambda e: e.space_id == space.id and e.round_trip_ms is not None)
        assert (poor.session_id, poor.person_id, poor.direction) == (bad_id, None, "subscribe")

        query = v1.SpaceQualityQuery(space_id=space.id)

        async def three_with_the_bad_one_first() -> bool:
            """The speaker is one of them."""
            answer = (await stage.bus.ask(query, route=stage.service.settings.name)).result
            worst = [one.session_id for one in answer.worst]
            return answer.summary.listeners == 2 and len(worst) == 3 and worst[0] == bad_id

        await eventually(three_with_the_bad_one_first)
        elsewhere = v1.SpaceQualityQuery(space_id=new_id())
        assert not (await stage.bus.ask(elsewhere, route=stage.service.settings.name)).result.worst

        async with running_gateway(nats_server.url, tmp_path, partitions=partitions) as gateway:
            path = f"/v1/ops/spaces/{space.id}/quality"
            async with gateway.client(new_id(), operator=True) as operator, gateway.client(ADA.id) as ada:

                async def the_bad_one_is_told() -> bool:
                    (node,) = (await operator.http.get(path)).json()
                    assert node["summary"]["node_id"] == stage.service.settings.name
                    return bool(node["worst"][0]["session_id"] == bad_id)

                await eventually(the_bad_one_is_told)
                assert (await ada.http.get(path)).status_code == 403

        def sums() -> tuple[int, int]:
            """Packets, and those of them that were lost."""
            events = [event for event in stage.facts.of(v1.SpaceQuality) if event.space_id == space.id]
            return sum(event.packets for event in events), sum(event.lost for event in events)

        await eventually(lambda: sums()[1] > 20)

    for name in ("loss_ratio", "jitter_seconds", "round_trip_seconds"):
        assert REGISTRY.get_sample_value(f"rostrum_media_{name}_count", {"direction": "subscribe"})
    assert space.id not in generate_latest().decode(), "no label names a Space"
    packets, lost = sums()
    assert lost / packets < 1 / LOSES_EVERY, "half of the listeners lose a quarter"


def spread(told: v1.Spread | None) -> v1.Spread:
    """What was told, or nothing of note."""
    return told or v1.Spread(p50=0, p95=0, worst=0)


async def test_nothing_is_told_of_a_space_in_which_nobody_listens(stage: Stage) -> None:
    silent, heard = stage.room.live(ADA), stage.room.live(BOB)
    async with (
        speaker(stage.whip(silent, ADA), opus_tone(440, 30)),
        speaker(stage.whip(heard, BOB), opus_tone(440, 30)),
        ear(stage.whep(heard), decode=True),
    ):
        told = await stage.facts.until(v1.SpaceQuality, lambda e: e.space_id == heard.id and e.jitter_ms is not None)
        assert told.jitter_ms is not None
    assert {event.space_id for event in stage.facts.of(v1.SpaceQuality)} == {heard.id}
