"""Networks that lose packets: in-band FEC and redundant audio (RFC 2198) reach those who agreed to them as sent."""

from __future__ import annotations

import asyncio
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.integration.media.stage import Stage, person
from tests.support.browser import LISTEN, TALK, chromium
from tests.support.waiting import eventually
from tests.support.webrtc import Negotiate, ear, has_fec, opus_with_fec, speaker

ADA = person("Ada")
_UDP: Final = re.compile(r"^(a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1) (\d+)(.*)$", re.MULTILINE)
_TCP: Final = re.compile(r"^a=candidate:\S+ 1 tcp .*\r\n", re.MULTILINE)
RTCP: Final = range(64, 96)
RECEIVED: Final = """async (name) => [...(await window[name].getStats()).values()]
    .filter(({ type, packetsReceived }) => type === 'inbound-rtp' && packetsReceived)[0]"""


@dataclass(eq=False)
class _Lossy(asyncio.DatagramProtocol):
    """Between a client and the server; every fifth packet of audio to the client is lost."""

    server: int
    transport: Any = None
    _clients: dict[Any, socket.socket] = field(default_factory=dict)
    _audio: int = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if addr not in self._clients:
            way = self._clients[addr] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            way.setblocking(False)
            way.connect(("127.0.0.1", self.server))
            asyncio.get_running_loop().add_reader(way, self._answered, way, addr)
        self._clients[addr].send(data)

    def _answered(self, way: socket.socket, client: Any) -> None:
        data = way.recv(2048)
        if data[0] >> 6 == 2 and data[1] & 0x7F not in RTCP:
            self._audio += 1
            if self._audio % 5 == 0:
                return
        self.transport.sendto(data, client)

    def close(self) -> None:
        """Ends the path."""
        for way in self._clients.values():
            asyncio.get_running_loop().remove_reader(way)
            way.close()
        self.transport.close()


@asynccontextmanager
async def losing(negotiate: Negotiate) -> AsyncIterator[Negotiate]:
    """Negotiates paths that lose packets."""
    paths: list[_Lossy] = []

    async def negotiated(offer: str) -> str:
        answer = _TCP.sub("", await negotiate(offer))
        found = _UDP.search(answer)
        assert found is not None
        path = _Lossy(int(found[2]))
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: path, local_addr=("127.0.0.1", 0))
        paths.append(path)
        return _UDP.sub(rf"\1 {path.transport.get_extra_info('sockname')[1]}\3", answer)

    try:
        yield negotiated
    finally:
        for path in paths:
            path.close()


async def test_in_band_fec_arrives_byte_for_byte(stage: Stage) -> None:
    space = stage.room.live(ADA)
    words = opus_with_fec(0.8)
    assert sum(map(has_fec, words)) > len(words) / 2
    async with ear(stage.whep(space)) as listener, speaker(stage.whip(space, ADA), words) as ada:
        await listener.until(lambda listener: listener.payloads() >= Counter(words))
        for side in (listener.pc, ada.pc):
            assert "useinbandfec=1" in side.remoteDescription.sdp
        assert [packet.payload for packet in listener.heard][: len(words)] == words


@pytest.mark.browser
async def test_redundant_audio_fills_the_gaps_of_who_agreed_to_it_and_others_get_the_packets_alone(
    stage: Stage,
) -> None:
    space = stage.room.live(ADA)
    async with (
        chromium() as browser,
        ear(stage.whep(space), slots=1, decode=True) as plain,
        losing(stage.whep(space)) as whep,
    ):
        page = await browser.new_page()
        await page.mouse.click(1, 1)  # without it, pages make no sound
        answer = await stage.whip(space, ADA)(await page.evaluate(TALK, "audio/red"))
        await page.evaluate("(sdp) => talks.setRemoteDescription({ type: 'answer', sdp })", answer)
        for name in ("with_red", "without"):
            offer = await page.evaluate(LISTEN)
            answer = await whep(offer if name == "with_red" else offer.replace("SAVPF 111 63", "SAVPF 111"))
            await page.evaluate(f"window.{name} = pc")
            # Packets that are late on a busy machine are not lost ones.
            await page.evaluate("pc.getReceivers().forEach((receiver) => receiver.jitterBufferTarget = 1000)")
            await page.evaluate("(sdp) => pc.setRemoteDescription({ type: 'answer', sdp })", answer)

        async def received(name: str, packets: int) -> dict[str, Any]:
            """What a connection has received, once it is so much."""

            async def enough() -> dict[str, Any] | None:
                stats: dict[str, Any] | None = await page.evaluate(RECEIVED, name)
                return stats if stats is not None and stats["packetsReceived"] >= packets else None

            return await eventually(enough)

        made_up, size = [], []
        for before, name in [(await received(name, 60), name) for name in ("with_red", "without")]:
            after = await received(name, before["packetsReceived"] + 80)
            assert after["packetsLost"] - before["packetsLost"] > 10
            assert after["totalAudioEnergy"] > before["totalAudioEnergy"]
            samples = after["totalSamplesReceived"] - before["totalSamplesReceived"]
            made_up.append((after["concealedSamples"] - before["concealedSamples"]) / samples)
            size.append(after["bytesReceived"] / after["packetsReceived"])
        assert made_up[0] < made_up[1] / 2, "copies of what was lost came with the next packets"
        assert size[0] > 1.5 * size[1]
        await plain.until(lambda listener: len(listener.heard) > 50)
        assert sum(len(packet.payload) for packet in plain.heard) / len(plain.heard) == pytest.approx(size[1], rel=0.2)
