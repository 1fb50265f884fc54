"""People in networks without UDP, at the node's TCP port."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Page

from contracts.media import v1
from libs.ids import new_id
from libs.service import CannotStart, running
from services.media.main import compose
from services.media.settings import Settings
from tests.integration.media.stage import Stage, set_stage
from tests.integration.media.test_space import ADA, BOB, captured
from tests.support.browser import LISTEN, TALK, chromium
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually
from tests.support.webrtc import Negotiate, ear, opus_tone, speaker
from tests.support.without_udp import only_tcp, without_udp

FLOWS = """async (name) => {
    const all = await window[name].getStats(), of = (type) => [...all.values()].find((stat) => stat.type === type);
    const transport = of('transport');
    const pair = transport && all.get(transport.selectedCandidatePairId);
    return {
        protocol: pair ? all.get(pair.remoteCandidateId).protocol : null,
        energy: of('inbound-rtp')?.totalAudioEnergy ?? 0,
        sent: of('outbound-rtp')?.packetsSent ?? 0,
    };
}"""


async def until(page: Page, connection: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What flows on a connection of the page, once the condition holds."""

    async def flowing() -> dict[str, Any] | None:
        flows: dict[str, Any] = await page.evaluate(FLOWS, connection)
        return flows if condition(flows) else None

    return await eventually(flowing)


async def test_who_has_no_udp_speaks_hears_and_is_kept_like_everybody_else(stage: Stage) -> None:
    space = stage.room.live(ADA, BOB, recorded=True)
    words, more = opus_tone(400, 0.6), opus_tone(600, 0.4)
    async with (
        without_udp(stage.whep(space)) as listens,
        without_udp(stage.whip(space, ADA)) as speaks,
        ear(listens.negotiate) as over_tcp,
        ear(stage.whep(space)) as over_udp,
        speaker(speaks.negotiate, words) as ada,
    ):
        for listener in (over_tcp, over_udp):
            await listener.until(lambda listener: listener.payloads() >= Counter(words))
        await ada.track.said()
        await stage.room.removed(space, ADA)
        await asyncio.wait_for(speaks.closed.wait(), LIMIT)
        async with speaker(stage.whip(space, BOB), more):
            await over_tcp.until(lambda listener: listener.payloads() >= Counter(more))
        sequences = [packet.sequence for packet in over_tcp.in_slot(0)]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert await captured(stage, space.id) == words


async def test_a_connection_over_tcp_is_closed_with_its_session(stage: Stage) -> None:
    space = stage.room.live(ADA)
    session_id = new_id()
    async with without_udp(stage.whep(space, session_id=session_id)) as path, ear(path.negotiate, slots=1):
        await stage.disconnect(session_id)
        await stage.facts.until(v1.Disconnected, lambda e: e.session_id == session_id)
        await asyncio.wait_for(path.closed.wait(), LIMIT)


@pytest.mark.soak
async def test_whoever_is_cut_off_is_gone_after_thirty_seconds_and_said_to_be(stage: Stage) -> None:
    space = stage.room.live(ADA)
    session_id = new_id()
    async with without_udp(stage.whep(space, session_id=session_id)) as path, ear(path.negotiate, slots=1):
        await path.close()
        cut = time.monotonic()
        gone = await stage.facts.until(v1.Disconnected, lambda e: e.session_id == session_id)
        assert gone.reason == "expired"
        # The last check is up to six seconds older.
        assert time.monotonic() - cut > 30 - 6 - 1


@pytest.mark.parametrize("path", ["udp", "tcp"])
async def test_a_whole_connection_over_ipv6(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    # Clients look for addresses of network interfaces, of which ::1 is none; a machine may have no other.
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["::1"])
    async with set_stage(nats_server, {"ROSTRUM_MEDIA_HOST": "::1"}) as stage, AsyncExitStack() as stack:
        space = stage.room.live(ADA)
        words = opus_tone(400, 0.4)
        whip, whep = stage.whip(space, ADA), stage.whep(space)
        if path == "tcp":
            whip, whep = [(await stack.enter_async_context(without_udp(one))).negotiate for one in (whip, whep)]
        listener = await stack.enter_async_context(ear(whep))
        talker = await stack.enter_async_context(speaker(whip))
        talker.track.say(words)
        await listener.until(lambda listener: listener.payloads() >= Counter(words))


@pytest.mark.browser
async def test_chromium_speaks_and_hears_over_tcp_where_it_has_no_udp_and_over_udp_where_it_has(stage: Stage) -> None:
    space = stage.room.live(ADA)
    async with chromium() as browser:
        page = await browser.new_page()
        await page.mouse.click(1, 1)  # without it, pages make no sound

        async def connect(name: str, script: str, negotiate: Negotiate, *, udp: bool = False) -> None:
            answer = await negotiate(await page.evaluate(script))
            answer = answer if udp else only_tcp(answer)
            await page.evaluate(f"(sdp) => {name}.setRemoteDescription({{ type: 'answer', sdp }})", answer)

        await connect("talks", TALK, stage.whip(space, ADA))
        await connect("pc", LISTEN, stage.whep(space))
        speaks = await until(page, "talks", lambda flows: flows["sent"] > 10)
        hears = await until(page, "pc", lambda flows: flows["energy"] > 0.001)
        assert (speaks["protocol"], hears["protocol"]) == ("tcp", "tcp")
        await page.evaluate("pc.close()")
        await connect("pc", LISTEN, stage.whep(space), udp=True)
        hears = await until(page, "pc", lambda flows: flows["energy"] > 0.001)
        assert hears["protocol"] == "udp"


async def test_a_node_may_have_no_tcp_port(nats_server: NatsServer) -> None:
    async with set_stage(nats_server, {"ROSTRUM_MEDIA_TCP_PORT": "off"}) as stage:
        space = stage.room.live(ADA)
        told: list[str] = []

        async def negotiate(offer: str) -> str:
            told.append(await stage.whep(space)(offer))
            return told[0]

        async with ear(negotiate, slots=1):
            assert " tcp " not in told[0]


async def test_a_taken_tcp_port_is_named_in_one_line(nats_server: NatsServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings.read({**nats_server.env, "ROSTRUM_MEDIA_TCP_PORT": str(port)})
        with pytest.raises(CannotStart, match=rf"TCP 127\.0\.0\.1:{port}.*in use.*ROSTRUM_MEDIA_TCP_PORT"):
            async with running(settings, compose):
                pass
