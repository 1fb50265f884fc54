"""Clients that are not ours speak and listen over WHIP and WHEP; each is judged by the tone that is decoded.

Everybody on stage has a tone of their own, and nobody hears themselves.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.media import v1
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.media.stage import Stage, person
from tests.support.clients import (
    Aiortc,
    Browser,
    Client,
    Endpoint,
    FFmpegMuxer,
    Raw,
    Tones,
    a_chromium,
    a_firefox,
    last_tone,
    without_a_program,
)
from tests.support.nats import NatsServer
from tests.support.waiting import eventually
from tests.support.webrtc import Ear, ear, opus_tone, speaker

ADA, BOB, CYD = person("Ada"), person("Bob"), person("Cyd")
OTHERS: Final = {ADA: 1000, CYD: 1300}
"""Who else speaks, with aiortc, and their tones in hertz; they stand in the first two slots."""
NEAR: Final = 8.0
"""Hertz; tones are at least a hundred apart."""

CLIENTS: Final = [
    pytest.param(a_firefox, 700, id="firefox", marks=pytest.mark.firefox),
    pytest.param(a_chromium, 500, id="chromium", marks=pytest.mark.browser),
    pytest.param(without_a_program(FFmpegMuxer()), 440, id="ffmpeg"),
    pytest.param(without_a_program(Aiortc()), 600, id="aiortc"),
    pytest.param(without_a_program(Raw()), 800, id="raw"),
]


@pytest.fixture
async def gateway(stage: Stage, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Running]:
    """The HTTP side, in front of the stage's media service."""
    async with running_gateway(nats_server.url, tmp_path, partitions=stage.bus.settings.partitions) as made:
        yield made


async def hears(tones: Tones, wanted: Collection[float], at_least: int) -> None:
    """Waits until so many of these are heard at once."""
    decoded: list[Sequence[float]] = []

    async def now() -> bool:
        decoded.append(await tones())
        return sum(any(abs(tone - hz) < NEAR for tone in decoded[-1]) for hz in wanted) >= at_least

    try:
        await eventually(now)
    except AssertionError:
        raise AssertionError(f"{at_least} of {wanted} Hz were not heard; the last tones: {decoded[-3:]}") from None


def hears_more(known: int, listener: Ear) -> bool:
    """Whether more slots than these have been heard."""
    return len({packet.slot for packet in listener.heard}) > known


def is_about(session_id: str, event: v1.Disconnected) -> bool:
    """Whether it is."""
    return event.session_id == session_id


@pytest.mark.parametrize(("start", "his"), CLIENTS)
async def test_each_client_speaks_and_hears(
    stage: Stage, gateway: Running, tmp_path: Path, start: Callable[..., Any], his: int
) -> None:
    space = stage.room.live(*OTHERS, BOB)
    whip, whep = (
        Endpoint(f"{gateway.base}/v1/spaces/{space.id}/{kind}", gateway.identity.mint(BOB.id))
        for kind in ("whip", "whep")
    )
    async with AsyncExitStack() as stack:
        client: Client = await stack.enter_async_context(start(f"{gateway.base}/healthz", his, tmp_path))
        audience = await stack.enter_async_context(ear(stage.whep(space)))
        for who, hz in OTHERS.items():
            known = len({packet.slot for packet in audience.heard})
            await stack.enter_async_context(speaker(stage.whip(space, who), opus_tone(hz, 1.0) * 60))
            await audience.until(functools.partial(hears_more, known))

        async def tones(since: int) -> Sequence[float]:
            heard = audience.heard[since:]
            return [last_tone([packet.payload for packet in heard if packet.slot == slot]) for slot in range(3)]

        if client.slots:
            listening = await stack.enter_async_context(client.listens(whep))
            await hears(listening, OTHERS.values(), min(client.slots, len(OTHERS)))
        async with client.speaks(whip, his):
            await hears(functools.partial(tones, 0), (his, *OTHERS.values()), 3)
        for first in ("camera", "data") if isinstance(client, Browser) else ():
            assert isinstance(client, Browser)
            async with client.speaks(whip, his, first=first):
                await hears(functools.partial(tones, len(audience.heard)), (his,), 1)
    connected = [event.session_id for event in stage.facts.of(v1.Connected) if event.person_id == BOB.id]
    for session_id in connected:
        gone = await stage.facts.until(v1.Disconnected, functools.partial(is_about, session_id))
        assert gone.reason == "closed"
