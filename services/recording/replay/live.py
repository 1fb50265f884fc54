"""The mix of a Space while it runs, as parts of fragmented MP4 that are never changed.

A part is 16 AAC frames (0.341 s) and has its place from the Space's start: part n begins n * 16384 samples after it.
So after a crash the next part is known, and the mix goes on there. Packets have their place by the sender's clock,
which is compared with the wall clock when speech begins. What comes later than `HOLD` is too late for the mix; the
tracks, which are built at the end, have it. Imports numpy and PyAV.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

import av
import av.error
import numpy as np

from contracts import capture, live_audio
from libs.audio import opus
from libs.audio.decoder import opus_decoder
from libs.audio.opus import RATE
from libs.audio.rtp import timestamp_step
from services.recording.replay import fragments, mix
from services.recording.replay.fragments import FRAME
from services.recording.replay.loudness import HOP, Audio, Levelled
from services.recording.replay.ogg import PRE_SKIP

PART: Final = live_audio.PART_SAMPLES
FRAMES: Final = PART // FRAME
"""In a part."""
HOLD: Final = RATE * 35 // 100
"""How long what was said may be under way to the mix, in samples."""
WARM: Final = 88 * PART
"""Samples (30 s) that are mixed again after a crash, so that levels are what they were."""

_PAUSE: Final = 300 * RATE // 1000
_SHIFT: Final = 40 * RATE // 1000
"""A clock that is off by less is left as it is."""
_SEEN: Final = 2048
_SOURCES: Final = 64
_WAITING: Final = 60 * 400
"""Packets of a speaker that wait to be mixed at most: a minute of the shortest."""


class _Source:
    """The clock of one stream of packets, against the wall clock."""

    def __init__(self, timestamp: int) -> None:
        self._timestamp = timestamp
        self._media = 0
        self._wall: int | None = None
        self._base = 0

    def place(self, packets: list[tuple[int, int]]) -> list[int]:
        """Positions of packets, each given by its arrival (samples after the start) and timestamp."""
        before = self._media
        media = []
        for _, timestamp in packets:
            self._media += timestamp_step(self._timestamp, timestamp)
            self._timestamp = timestamp
            media.append(self._media)
        found = min(wall - at for (wall, _), at in zip(packets, media, strict=True))
        wall = packets[0][0]
        if self._wall is None:
            self._base = found
        else:
            pause = media[0] - before >= _PAUSE or wall - self._wall >= _PAUSE
            if (pause and abs(found - self._base) > _SHIFT) or found - self._base > 3 * _SHIFT:
                self._base = found
        self._wall = packets[-1][0]
        return [self._base + at for at in media]


class _Voice:
    """What one speaker said, decoded hop by hop."""

    def __init__(self) -> None:
        self._sources: OrderedDict[tuple[str, int | None], _Source] = OrderedDict()
        self._seen: OrderedDict[tuple[int, int, int], None] = OrderedDict()
        self._waiting: list[tuple[int, int, bytes]] = []
        self._count = 0
        self._decoder = opus_decoder("mono")
        self._left: Audio = np.zeros(0, np.float32)
        self._at = 0
        """Where `_left` begins."""

    def take(self, session: str, bundle: capture.Bundle, began_ns: int) -> None:
        """A bundle as it was captured; one that was taken before changes nothing."""
        if not bundle.packets:
            return
        identity = bundle.base_ns, bundle.ssrc, bundle.packets[0].sequence
        if identity in self._seen:
            return
        self._seen[identity] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        key = session, None if bundle.continuous else bundle.ssrc
        source = self._sources.setdefault(key, _Source(bundle.packets[0].timestamp))
        self._sources.move_to_end(key)
        if len(self._sources) > _SOURCES:
            self._sources.popitem(last=False)
        arrivals = [
            ((bundle.arrived_ns(packet) - began_ns) * (RATE // 1000) // 1_000_000, packet.timestamp)
            for packet in bundle.packets
        ]
        for place, packet in zip(source.place(arrivals), bundle.packets, strict=True):
            if len(self._waiting) < _WAITING:
                self._count += 1
                heapq.heappush(self._waiting, (place - PRE_SKIP, self._count, packet.payload))

    def hop(self, start: int) -> Audio | None:
        """What was said in the hop from `start` on; None for silence."""
        if not len(self._left) and (not self._waiting or self._waiting[0][0] >= start + HOP):
            return None
        hop: Audio = np.zeros(HOP, np.float32)
        self._fill(hop, start)
        while self._waiting and self._waiting[0][0] < start + HOP:
            place, _, payload = heapq.heappop(self._waiting)
            end = max(self._at + len(self._left), start - HOP)
            try:
                late = end - place
                if late > opus.duration(payload) // 2:
                    continue
                audio = self._decode(payload)
            except (ValueError, av.error.FFmpegError):
                continue
            self._at, self._left = max(place, end), audio
            self._fill(hop, start)
        return hop

    def _fill(self, hop: Audio, start: int) -> None:
        skip = max(start - self._at, 0)
        if skip:
            self._left, self._at = self._left[skip:], self._at + skip
        at = self._at - start
        count = min(len(self._left), HOP - at)
        if count > 0:
            hop[at : at + count] += self._left[:count]
            self._left, self._at = self._left[count:], self._at + count

    def _decode(self, payload: bytes) -> Audio:
        frames = self._decoder.decode(av.Packet(payload))
        return np.concatenate([mix.mono(frame) for frame in frames]) if frames else np.zeros(0, np.float32)


class LiveMix:
    """The mix of one Space, from part `first` on."""

    def __init__(self, began_ns: int, first: int, *, warm: bool = True) -> None:
        """`began_ns`: wall clock of the Space's start, ns since the Unix epoch. `warm`: what was said before is taken
        too, and mixed again."""
        self._began_ns = began_ns
        self._voices: dict[str, _Voice] = {}
        self._levelled = Levelled()
        self._start = max(first * PART - WARM, 0) if warm else first * PART
        self._made = self._start
        """Samples of the mix that were given to the encoder."""
        self._first = first * FRAMES
        self._coder = fragments.coder()
        self._left: Audio = np.zeros(0, np.float32)
        self._frames: list[bytes] = []
        self._part = first

    def take(self, person: str, session: str, body: bytes) -> None:
        """A captured bundle. Raises ValueError for what is none."""
        voice = self._voices.setdefault(person, _Voice())
        voice.take(session, capture.decode(body), self._began_ns)

    def advance(self, until_ns: int, *, end: bool = False) -> Iterator[tuple[int, bytes]]:
        """(number, part) of each part that is whole once everything that was said before a moment is there. `end`:
        nothing is under way any more, so the last words are not waited for."""
        until = (until_ns - self._began_ns) * (RATE // 1000) // 1_000_000 - (0 if end else HOLD)
        while self._start + HOP <= until:
            hops = {
                person: hop for person, voice in self._voices.items() if (hop := voice.hop(self._start)) is not None
            }
            yield from self._encode(self._levelled.next(hops))
            self._start += HOP

    def end(self) -> Iterator[tuple[int, bytes]]:
        """(number, part) of what is left, the last filled up with silence. Nothing can be added afterwards."""
        rest = self._levelled.rest()
        short = -(self._made + len(self._left) + len(rest)) % PART
        # The encoder begins with a frame of its own, and gives each frame only with the next one.
        yield from self._encode(np.concatenate((rest, np.zeros(short + 2 * FRAME, np.float32))))

    def _encode(self, audio: Audio) -> Iterator[tuple[int, bytes]]:
        audio = np.concatenate((self._left, audio))
        whole = len(audio) // FRAME * FRAME
        for at in range(0, whole, FRAME):
            for packet in self._coder.encode(mix.frame(audio[at : at + FRAME], self._made + at)):
                assert packet.pts is not None
                if packet.pts // FRAME >= self._first:
                    self._frames.append(bytes(packet))
                if len(self._frames) == FRAMES:
                    yield self._part, fragments.part(self._frames, self._part * FRAMES, self._part + 1)
                    self._frames = []
                    self._part += 1
        self._made += whole
        self._left = audio[whole:]
