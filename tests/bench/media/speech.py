"""The carried speech as libopus packets of variable length, in a file the load generator reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import av

SPEECH: Final = Path(__file__).parents[3] / "infra" / "demo" / "speech"
BIT_RATE: Final = 32_000
"""As Chromium sends mono speech."""


def opus_speech(seconds: float = 20.0, *, name: str = "slt") -> list[bytes]:
    """20 ms packets of one voice."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = 48_000
    encoder.layout = "mono"
    encoder.format = "s16"
    encoder.bit_rate = BIT_RATE
    encoder.options = {"vbr": "on", "application": "voip"}
    encoder.open()
    resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000, frame_size=960)
    packets: list[bytes] = []
    with av.open(str(SPEECH / f"{name}.flac")) as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                packets += [bytes(packet) for packet in encoder.encode(part)]
            if len(packets) * 0.02 >= seconds:
                break
    return packets


def write_payloads(path: Path, packets: list[bytes]) -> None:
    """Length (2 bytes, big endian) and bytes, one after the other."""
    path.write_bytes(b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets))
