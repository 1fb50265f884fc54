"""FFmpeg's `whip` muxer, as PyAV carries it, is a client like any other."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from contracts.media import v1
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.media.stage import Stage, person
from tests.support.ffmpeg_whip import RATE
from tests.support.nats import NatsServer
from tests.support.webrtc import ear

ADA = person("Ada")
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def gateway(stage: Stage, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Running]:
    """The HTTP side, in front of the stage's media service."""
    async with running_gateway(nats_server.url, tmp_path, partitions=stage.bus.settings.partitions) as made:
        yield made


@asynccontextmanager
async def ffmpeg(url: str, token: str, hertz: int, *options: str) -> AsyncIterator[set[bytes]]:
    """FFmpeg publishing a tone inside; at the end it has said goodbye, and the set holds what it sent."""
    sent: set[bytes] = set()
    program = (sys.executable, "-m", "tests.support.ffmpeg_whip", url, str(hertz), f"authorization={token}", *options)
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        ending = asyncio.create_task(process.communicate())
        yield sent
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(15):
            out, err = await ending
        assert process.returncode == 0, err.decode()[-2000:]
        sent |= {bytes.fromhex(line) for line in out.decode().split()}
    finally:
        if process.returncode is None:
            process.kill()
            print((await ending)[1].decode()[-2000:], file=sys.stderr)


def pitch(payloads: Sequence[bytes]) -> float:
    """The loudest frequency in Opus packets, in hertz."""
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = RATE
    decoder.layout = "stereo"
    frames = [frame for payload in payloads for frame in decoder.decode(av.Packet(payload))]
    samples = np.concatenate([frame.to_ndarray().astype(float).reshape(-1, 2)[:, 0] for frame in frames[5:]])
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()])


@pytest.mark.timeout(90)
@pytest.mark.parametrize("options", [(), ("whip_flags=dtls_active",)], ids=["waits for DTLS", "begins DTLS"])
async def test_ffmpeg_speaks_and_everybody_hears_it(stage: Stage, gateway: Running, options: tuple[str, ...]) -> None:
    space = stage.room.live(ADA)
    url = f"{gateway.base}/v1/spaces/{space.id}/whip"
    async with ear(stage.whep(space)) as listener:
        async with ffmpeg(url, gateway.identity.mint(ADA.id), 440, *options) as sent:
            await listener.until(lambda it: len(it.heard) >= 60, within=30)
        heard = [packet.payload for packet in listener.heard if len(packet.payload) > 1]
        assert set(heard) <= sent
        assert abs(pitch(heard) - 440) < 5
        up = await stage.facts.until(v1.Connected, lambda e: (e.space_id, e.direction) == (space.id, "publish"))
        assert up.person_id == ADA.id
        # The muxer's trailer is a DELETE of what Location said.
        gone = await stage.facts.until(v1.Disconnected, lambda e: e.session_id == up.session_id)
        assert (gone.reason, gone.lost) == ("closed", 0)
        assert gone.packets >= len(heard)
