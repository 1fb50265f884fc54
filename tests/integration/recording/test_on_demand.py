"""A Space that is not recorded, played over HLS: mixed while somebody plays it, from a speaker's own WebRTC client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import av
import httpx
import m3u8
import numpy as np
import psutil
import pytest

from infra.launcher import System
from tests.support.clients import Endpoint
from tests.support.tones import pitch
from tests.support.waiting import LIMIT, eventually, standstill
from tests.support.webrtc import opus_tone, speaker
from tests.unit.recording.sounds import RATE, Audio

HZ = 440
FIRST_SOUND = 3.0


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    services = ("room", "people", "media", "recording", "gateway")
    async with System(tmp_path / "var", gateway_port=0, services=services) as running:
        yield running


async def test_it_is_mixed_while_it_is_played_and_nothing_is_kept(system: System) -> None:
    async with httpx.AsyncClient(base_url=system.url, timeout=LIMIT, trust_env=False) as http:
        host = (await http.post("/v1/people", json={"handle": "host", "name": "Host"})).json()
        as_host = {"authorization": f"Bearer {host['token']}"}
        space = (await http.post("/v1/spaces", json={"title": "Tea"}, headers=as_host)).json()
        at = f"/v1/spaces/{space['id']}"
        url = f"{system.url}{at}/hls/index.m3u8"
        whip = Endpoint(f"{system.url}{at}/whip", host["token"])
        async with speaker(whip.negotiate) as talking, standstill() as stood:
            await http.post(f"{at}/stage/{host['person']['id']}/unmute", headers=as_host)
            talking.track.say(opus_tone(HZ, 60.0))
            assert not mixers(system)

            asked = time.monotonic()
            heard = await asyncio.to_thread(_until_sound, url)
            assert pitch(heard.astype(np.float64)) == pytest.approx(HZ, abs=5)
            assert time.monotonic() - asked < FIRST_SOUND + stood()

            answer = await http.get(url)
            assert answer.headers["cache-control"] == "no-store"
            playlist = m3u8.loads(answer.text, uri=url)
            for address in (playlist.segments[-1].uri, playlist.segments[-1].parts[-1].uri, "init.mp4"):
                key = playlist.segments[-1].uri.partition("?")[2]
                file = await http.get(urljoin(url, address if "?" in address else f"{address}?{key}"))
                assert (file.status_code, file.headers["cache-control"]) == (200, "no-store")
            assert len(mixers(system)) == 1
            spool = system.var_dir / "spool"
            assert not [path for path in spool.rglob("*") if path.is_file() and "lock" not in path.name]

            # Another process mixes it when the first is killed.
            mixers(system)[0].kill()
            again = await eventually(lambda: _playing(http, url, after=playlist))
            assert again.media_sequence > playlist.media_sequence

            await http.post(f"{at}/end", headers=as_host)

        async def over() -> bool:
            return "#EXT-X-ENDLIST" in (await http.get(url)).text

        await eventually(over)


def mixers(system: System) -> list[psutil.Process]:
    """The processes in which recording mixes."""
    children = psutil.Process(system.pid("recording")).children(recursive=True)
    return [child for child in children if any("live_mixer" in part for part in child.cmdline())]


def _until_sound(url: str) -> Audio:
    """A second of sound, as FFmpeg's own player hears it from the first request on."""
    pieces: list[Audio] = []
    with av.open(url, "r") as container:
        for frame in container.decode(audio=0):
            piece = frame.to_ndarray().reshape(-1).astype(np.float32)
            if pieces or float(np.abs(piece).max()) > 0.01:
                pieces.append(piece)
            if sum(map(len, pieces)) >= RATE // 2:
                break
    return np.concatenate(pieces)


async def _playing(http: httpx.AsyncClient, url: str, after: Any) -> m3u8.M3U8 | None:
    answer = await http.get(url)
    if answer.status_code != 200:
        return None
    found = m3u8.loads(answer.text, uri=url)
    return found if found.segments and found.media_sequence > after.media_sequence else None
