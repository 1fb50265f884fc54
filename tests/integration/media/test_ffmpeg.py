"""FFmpeg's `whip` muxer, as PyAV carries it, is a client like any other."""

from __future__ import annotations

import logging
import shlex
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from contracts.media import v1
from contracts.room.v1 import Space
from tests.integration.gateway.conftest import Running, running_gateway
from tests.integration.media.stage import Stage, person
from tests.support.ffmpeg_whip import certificate, ffmpeg
from tests.support.nats import NatsServer
from tests.support.tones import decode_opus, pitch
from tests.support.waiting import eventually
from tests.support.webrtc import ear

ADA = person("Ada")
README: Final = Path(__file__).parents[3] / "README.md"


@pytest.fixture
async def gateway(stage: Stage, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Running]:
    """The HTTP side, in front of the stage's media service."""
    async with running_gateway(nats_server.url, tmp_path, partitions=stage.bus.settings.partitions) as made:
        yield made


def whip(gateway: Running, space: Space) -> tuple[str, str]:
    """Where ADA publishes, and with which token."""
    return f"{gateway.base}/v1/spaces/{space.id}/whip", gateway.identity.mint(ADA.id)


either_side = pytest.mark.parametrize(
    "flags", [{}, {"whip_flags": "dtls_active"}], ids=["waits for DTLS", "begins DTLS"]
)


@either_side
async def test_ffmpeg_speaks_and_everybody_hears_it(
    stage: Stage, gateway: Running, tmp_path: Path, flags: dict[str, str]
) -> None:
    space = stage.room.live(ADA)
    async with ear(stage.whep(space)) as listener:
        async with ffmpeg(*whip(gateway, space), 440, {**certificate(tmp_path), **flags}) as publisher:
            await listener.until(lambda it: len(it.heard) >= 60)
            await publisher.stop()
        heard = [packet.payload for packet in listener.heard if len(packet.payload) > 1]
        assert set(heard) <= publisher.sent
        assert abs(pitch(decode_opus(heard)[4800:]) - 440) < 5
        up = await stage.facts.until(v1.Connected, lambda e: (e.space_id, e.direction) == (space.id, "publish"))
        assert up.person_id == ADA.id
        # The muxer's trailer is a DELETE of what Location said.
        gone = await stage.facts.until(v1.Disconnected, lambda e: e.session_id == up.session_id)
        assert (gone.reason, gone.lost) == ("closed", 0)
        assert gone.packets >= len(heard)


@either_side
async def test_the_certificate_that_ffmpeg_makes_is_refused_with_what_to_do(
    stage: Stage, gateway: Running, caplog: pytest.LogCaptureFixture, flags: dict[str, str]
) -> None:
    space = stage.room.live(ADA)
    caplog.set_level(logging.INFO, "services.media")
    async with ffmpeg(*whip(gateway, space), 440, flags) as publisher:
        words = await publisher.failed()
    gone = await stage.facts.until(v1.Disconnected, lambda e: e.space_id == space.id)
    assert gone.reason == "failed", words

    def failures() -> list[str]:
        return [record.__dict__["why"] for record in caplog.records if record.message == "a handshake failed"]

    (why,) = await eventually(failures)
    assert "secp224r1" in why
    assert "cert_file" in why


async def test_what_the_readme_tells_ffmpeg_works(stage: Stage, gateway: Running, tmp_path: Path) -> None:
    (command,) = (line for line in README.read_text().splitlines() if line.startswith("ffmpeg "))
    words = shlex.split(command)
    given = dict(pairwise(words))  # an option is followed by its value
    assert {option: given[option] for option in ("-f", "-c:a", "-ar", "-ac")} == {
        "-f": "whip", "-c:a": "libopus", "-ar": "48000", "-ac": "2",
    }  # fmt: skip
    space = stage.room.live(ADA)
    url, token = whip(gateway, space)
    files = certificate(tmp_path)
    values = {"$TOKEN": token, "cert.pem": files["cert_file"], "key.pem": files["key_file"]}
    muxers = words[words.index("whip") + 1 : -1]
    options = {name.removeprefix("-"): values[value] for name, value in zip(muxers[::2], muxers[1::2], strict=True)}
    assert words[-1].replace("http://127.0.0.1:8080", gateway.base).replace("$SPACE", space.id) == url
    async with (
        ear(stage.whep(space)) as listener,
        ffmpeg(url, options.pop("authorization"), 440, options) as publisher,
    ):
        await listener.until(lambda it: len(it.heard) >= 20)
        await publisher.stop()
