"""Speech as Opus packets, and a WebRTC track that says them in real time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from aiortc import MediaStreamTrack
from av.audio.resampler import AudioResampler
from av.codec.context import CodecContext

RATE = 48_000
FRAME = 960
FRAME_SECONDS = FRAME / RATE
BITRATE = 32_000


class UnreadableAudioError(Exception):
    """A file that holds no audio this can decode."""


def encode(path: Path) -> list[bytes]:
    """Any audio file as 20 ms Opus packets, 48 kHz mono, about 32 kbit/s.

    Raises UnreadableAudioError with a sentence that names the file.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise UnreadableAudioError(f"{path}: no audio in this file")
            resampler = AudioResampler(format="s16", layout="mono", rate=RATE, frame_size=FRAME)
            encoder = CodecContext.create("libopus", "w")
            encoder.sample_rate = RATE
            encoder.layout = "mono"
            encoder.format = "s16"
            encoder.bit_rate = BITRATE
            encoder.options = {"application": "voip", "frame_duration": "20"}
            packets: list[bytes] = []
            for decoded in container.decode(audio=0):
                for frame in resampler.resample(decoded):
                    packets += (bytes(p) for p in encoder.encode(frame))
    except FileNotFoundError:
        raise UnreadableAudioError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise UnreadableAudioError(f"{path}: is a directory, not an audio file") from None
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableAudioError(f"{path}: not an audio file that can be read ({error})") from None
    if not packets:
        raise UnreadableAudioError(f"{path}: holds no audio")
    return packets


@dataclass
class Utterance:
    """A stretch that was said: packets `first`..`first + count` of the speech, from `began` (Unix seconds) on."""

    first: int
    began: float
    count: int = 0


@dataclass
class Spoken:
    """What a track has really sent."""

    payloads: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each payload was handed to the network (Unix seconds)."""
    utterances: list[Utterance] = field(default_factory=list)


class Speech(MediaStreamTrack):
    """Says a list of Opus packets, in stretches, each packet 20 ms after the last; sends nothing in between.

    Packets carry timestamps of the wall clock, so that a pause is a pause for the receiver too.
    """

    kind = "audio"

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__()
        self.packets = packets
        self.spoken = Spoken()
        self._queue: asyncio.Queue[tuple[int, int, asyncio.Event]] = asyncio.Queue()
        self._now: tuple[int, int, asyncio.Event] | None = None
        self._due = 0.0
        self._origin = time.monotonic()

    async def say(self, first: int = 0, count: int | None = None) -> None:
        """Returns when packets `first`..`first + count` have been sent."""
        last = len(self.packets) if count is None else min(len(self.packets), first + count)
        done = asyncio.Event()
        self._queue.put_nowait((first, last, done))
        await done.wait()

    async def recv(self) -> av.Packet[Any]:
        """The next packet, when it is due (called by the sender)."""
        if self._now is None:
            first, last, done = await self._queue.get()
            self._due = time.monotonic()
            self._now = (first, last, done)
            self.spoken.utterances.append(Utterance(first, time.time()))
        index, last, done = self._now
        if (wait := self._due - time.monotonic()) > 0:
            await asyncio.sleep(wait)  # the pace of speech
        payload = self.packets[index]
        packet = av.Packet(payload)
        packet.pts = round((self._due - self._origin) * RATE)
        packet.time_base = Fraction(1, RATE)
        self._due += FRAME_SECONDS
        self.spoken.payloads.append(payload)
        self.spoken.times.append(time.time())
        self.spoken.utterances[-1].count += 1
        if index + 1 < last:
            self._now = (index + 1, last, done)
        else:
            self._now = None
            done.set()
        return packet
