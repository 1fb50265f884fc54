"""A recorded Space that runs, as players of HLS get it from a gateway: FFmpeg's, and a reader of playlists."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import av
import httpx
import m3u8
import numpy as np
import pytest

from contracts import live_audio
from libs.bus import Bus
from libs.identity import DevelopmentIdentity
from libs.keyring.client import open_keyring
from libs.service import Service, running
from services.gateway.main import compose as compose_gateway
from services.gateway.settings import GatewaySettings
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, person
from tests.integration.recording.test_live import now, speak
from tests.support.nats import NatsServer, free_port
from tests.support.waiting import LIMIT, eventually, standstill
from tests.unit.recording.sounds import RATE, Audio, encode, speech, stream


@pytest.fixture
async def stage(bus: Bus) -> AsyncIterator[Stage]:
    stage = Stage(bus, ago=0.5)
    async with stage.room_answers(), open_keyring(bus, "media-1") as stage.keyring:
        yield stage


@pytest.fixture
async def at(nats: NatsServer, service: Service[Settings]) -> AsyncIterator[str]:
    """Where the gateway is."""
    port = free_port()
    env = {**nats.env, "ROSTRUM_GATEWAY_PORT": str(port)}
    async with running(GatewaySettings.read(env), compose_gateway):
        yield f"http://127.0.0.1:{port}"


async def test_players_hear_what_is_said_two_seconds_later_and_whoever_is_removed_hears_no_more(
    stage: Stage, at: str, service: Service[Settings]
) -> None:
    listener = person("Lea")
    await stage.start()
    await stage.introduce(listener)
    token = DevelopmentIdentity(service.settings.var / "keys").mint(listener.id)
    url = f"{at}/v1/spaces/{stage.space_id}/hls/index.m3u8"
    said = speech("awb", 10)
    spoken, begins = encode(said), now(stage) + 1
    speaking = asyncio.create_task(speak(stage, stage.host, stream(spoken, at=begins)))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=LIMIT) as client, standstill() as stood:

        async def listed() -> m3u8.M3U8 | None:
            answer = await client.get(url)
            return m3u8.loads(answer.text, uri=url) if answer.status_code == 200 and "EXTINF" in answer.text else None

        first = await eventually(listed)
        assert first.target_duration == 2
        assert first.server_control.can_block_reload == "YES"
        assert float(first.part_inf.part_target) == pytest.approx(live_audio.PART_SECONDS, abs=1e-4)
        assert first.segments[0].program_date_time == stage.started_at.replace(
            microsecond=stage.started_at.microsecond // 1000 * 1000
        )

        # A player that asks for what is made next is answered when it is, with that part in the list.
        late: list[float] = []
        seen: dict[str, bytes] = {}
        number = first.media_sequence + len(first.segments) + 1
        for part in range(live_audio.SEGMENT_PARTS):
            answer = await client.get(url, params={"_HLS_msn": number, "_HLS_part": part})
            assert answer.status_code == 200, answer.text
            ends = (number * live_audio.SEGMENT_PARTS + part + 1) * live_audio.PART_SECONDS
            late.append(now(stage) - ends)
            playlist = m3u8.loads(answer.text, uri=url)
            for one in playlist.segments[-1].parts:
                name = one.uri.partition("?")[0]
                body = (await client.get(urljoin(url, one.uri))).content
                assert seen.setdefault(name, body) == body, "a part never changes"
        assert min(late) < 2.5 + stood()

        hint = playlist.preload_hint
        waited = await client.get(urljoin(url, hint.uri))
        assert waited.status_code == 200
        assert waited.headers["cache-control"].startswith("public, max-age=")
        await speaking

        link = (await client.post(f"{at}/v1/links", json={"address": httpx.URL(url).path})).json()["url"]
        audio = await asyncio.to_thread(_played, f"{at}{link}", 4.0)
        assert float(np.abs(audio).max()) > 0.1

        skipping = m3u8.loads((await client.get(url, params={"_HLS_skip": "YES"})).text, uri=url)
        assert len(skipping.segments) <= 8
        for wrong in ({"_HLS_part": 1}, {"_HLS_msn": 10_000}):
            assert (await client.get(url, params=wrong)).json()["reason"] == "invalid"
        segment = urljoin(url, first.segments[0].uri)
        assert (await client.get(segment)).status_code == 200
        assert (await client.get(segment[:-1] + ("A" if segment[-1] != "A" else "B"))).status_code == 401

        stage.removed.add(listener.id)
        removed_at = time.monotonic()
        answer = await client.get(url)
        assert (answer.status_code, answer.json()["reason"]) == (403, "removed")
        assert time.monotonic() - removed_at < 1 + stood()

    await stage.end()
    async with httpx.AsyncClient(timeout=LIMIT) as anonymous:

        async def over() -> bool:
            return "#EXT-X-ENDLIST" in (await anonymous.get(url)).text

        await eventually(over)


def _played(url: str, seconds: float) -> Audio:
    """What FFmpeg's own player of HLS hears of a running Space."""
    pieces: list[Audio] = []
    with av.open(url, "r", options={"live_start_index": "-3"}) as container:
        for frame in container.decode(audio=0):
            pieces.append(frame.to_ndarray().reshape(-1).astype(np.float32))
            if sum(map(len, pieces)) >= seconds * RATE:
                break
    return np.concatenate(pieces)
