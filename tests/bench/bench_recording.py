"""What it costs to mix a Space while it runs, beside PyAV alone decoding, summing and encoding the same packets."""

from __future__ import annotations

import time
from collections.abc import Callable

import av
import numpy as np

from libs.audio.decoder import opus_decoder
from services.recording.replay import fragments, mix
from services.recording.replay.live import LiveMix
from tests.bench.harness import Reference, Row
from tests.unit.recording.sounds import BASE_NS, FRAME, RATE, Audio, bundles, encode, speech, stream

MICROPHONES = 10
SECONDS = 20
TIMES = 3


async def measure() -> list[Row]:
    """Rows of this part."""
    voices = [speech(voice, SECONDS) for voice in ("awb", "rms", "slt")]
    packets = [encode(np.roll(voices[n % 3], n * 7000)[: SECONDS * RATE], bit_rate=32_000) for n in range(MICROPHONES)]
    captured = [list(bundles(stream(sent, at=0), ssrc=n + 1)) for n, sent in enumerate(packets)]
    live = min(_milliseconds(lambda: _live(captured)) for _ in range(TIMES))
    alone = min(_milliseconds(lambda: _alone(packets)) for _ in range(TIMES))
    return [
        Row(
            f"CPU of a live Space's mix, {MICROPHONES} microphones",
            live,
            "ms a second",
            f"bundles taken, levelled, mixed, AAC, parts of MP4; {SECONDS} s of speech, best of {TIMES}",
            Reference("PyAV decoding, summing, encoding", alone),
        )
    ]


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000 / SECONDS


def _live(captured: list[list[bytes]]) -> None:
    live = LiveMix(BASE_NS, 0)
    for person, bodies in enumerate(captured):
        for body in bodies:
            live.take(str(person), str(person), body)
    for tenth in range(SECONDS * 10):
        for _ in live.advance(BASE_NS + tenth * 100_000_000):
            pass
    for _ in live.end():
        pass


def _alone(packets: list[list[bytes]]) -> None:
    decoders, coder, at = [opus_decoder("mono") for _ in packets], fragments.coder(), 0
    left: Audio = np.zeros(0, np.float32)
    for together in zip(*packets, strict=False):
        total: Audio = np.zeros(FRAME, np.float32)
        for decoder, packet in zip(decoders, together, strict=True):
            for frame in decoder.decode(av.Packet(packet)):
                heard = frame.to_ndarray().reshape(-1)[:FRAME]
                total[: len(heard)] += heard
        left = np.concatenate((left, total))
        while len(left) >= fragments.FRAME:
            coder.encode(mix.frame(left[: fragments.FRAME], at))
            left, at = left[fragments.FRAME :], at + fragments.FRAME
