"""People who talk at the same time, in real time, through the workers of transcription."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import psutil

from services.transcription.adapters.messages import PartialResult
from services.transcription.adapters.worker_pool import WorkerPool
from services.transcription.engines import RATE
from tests.bench.captions.clips import SAMPLE, Clip, opus
from tests.integration.transcription.stage import bundles
from tests.support.waiting import pace
from tests.support.wer import words

BETWEEN_S = 1.3
BUNDLE_S = 0.1


@dataclass(frozen=True)
class Shown:
    """A caption as it was shown; seconds since its speaker's first packet."""

    at_s: float
    start_s: float
    """Where what it says began."""
    text: str


@dataclass
class Heard:
    """What became of the clips of everybody."""

    said: list[str] = field(default_factory=list)
    recognised: list[str] = field(default_factory=list)
    first_partial_s: list[float] = field(default_factory=list)
    """After the first word began, by clip; clips that had one."""
    after_word_s: list[float] = field(default_factory=list)
    """The same after the first word ended."""
    final_s: list[float] = field(default_factory=list)
    """After the last word ended, by clip."""
    waited_s: list[float] = field(default_factory=list)
    """From the end of an utterance until it was recognised."""
    streams: list[tuple[str, str]] = field(default_factory=list)
    """What each person said, and all that was shown as theirs in the end."""
    shown: int = 0
    """Words that were shown in partial results,"""
    redrawn: int = 0
    """and of these the ones that changed."""
    corrected: int = 0
    """Words of the last partial result of an utterance that its final caption has not."""
    partials: int = 0
    seconds: float = 0.0
    spoken_s: float = 0.0
    """Of speech, of everybody together."""
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    """Of one worker."""

    @property
    def flicker(self) -> float:
        return self.redrawn / max(1, self.shown)


def rotated(clips: Sequence[Clip], people: int) -> list[list[Clip]]:
    """The clips for so many people, who each begin with another one."""
    shift = max(1, len(clips) // people)
    return [[*clips[n * shift % len(clips) :], *clips[: n * shift % len(clips)]] for n in range(people)]


def spoken_in_turn(clips: Sequence[Clip]) -> tuple[list[bytes], list[float]]:
    """Opus packets of all clips with pauses between them, where each clip begins, and where one more would."""
    silence = bytes(int(BETWEEN_S * RATE) * SAMPLE)
    starts = [BETWEEN_S]
    for clip in clips:
        starts.append(starts[-1] + clip.seconds + BETWEEN_S)
    return opus(b"".join(silence + clip.pcm for clip in clips) + silence), starts


def score(
    clips: Sequence[Clip], starts: Sequence[float], partials: Sequence[Shown], finals: Sequence[Shown], heard: Heard
) -> None:
    """Hold what was shown of one person against what they said, and when."""
    heard.partials += len(partials)
    heard.streams.append((" ".join(c.text for c in clips), " ".join(f.text for f in finals)))
    for clip, (start, after) in zip(clips, pairwise(starts), strict=True):
        first, last = clip.spoken()
        begins, ends = start - BETWEEN_S / 2, after - BETWEEN_S / 2
        own = [final for final in finals if begins <= final.start_s < ends]
        heard.spoken_s += clip.seconds
        heard.said.append(clip.text)
        heard.recognised.append(" ".join(final.text for final in own))
        if own:
            heard.final_s.append(own[-1].at_s - start - last)
        shown = [partial for partial in partials if begins <= partial.start_s < ends]
        if shown:
            heard.first_partial_s.append(shown[0].at_s - start - first)
            if clip.first_word_ends_s is not None:
                heard.after_word_s.append(shown[0].at_s - start - clip.first_word_ends_s)
        for utterance in {partial.start_s for partial in shown}:
            texts = [partial.text for partial in shown if partial.start_s == utterance]
            _count(texts, heard)
            became = [final.text for final in own if abs(final.start_s - utterance) < 0.01]
            kept = words(" ".join(became)).split()
            heard.corrected += sum(word not in kept for word in words(texts[-1]).split())


async def talk(pool: WorkerPool, clips: Sequence[Clip], people: int, *, each: int | None = None) -> Heard:
    """Everybody says all clips, or `each` of them, and begins with another one."""
    heard = Heard()
    processes = [psutil.Process(pid) for pid in pool.pids]
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    began = time.monotonic()
    await asyncio.gather(*(_person(pool, own[:each], n * 0.37, heard) for n, own in enumerate(rotated(clips, people))))
    heard.seconds = time.monotonic() - began
    heard.cpu_s = sum(sum(process.cpu_times()[:2]) for process in processes) - before
    heard.memory_mb = max(process.memory_info().rss for process in processes) / 1e6
    return heard


async def _person(pool: WorkerPool, clips: Sequence[Clip], late_s: float, heard: Heard) -> None:
    packets, starts = spoken_in_turn(clips)
    began, base_ns = time.monotonic() + late_s, time.time_ns() + round(late_s * 1e9)
    partials: list[Shown] = []
    finals: list[Shown] = []

    def show(partial: PartialResult) -> None:
        partials.append(Shown(time.monotonic() - began, (partial.start_ns - base_ns) / 1e9, partial.text))

    session = await pool.session(show)
    for number, body in enumerate(bundles(packets, base_ns=base_ns), 1):
        await pace(began + number * BUNDLE_S)
        results = await session.feed(number, body)
        now = time.monotonic() - began
        for final in results.finals:
            finals.append(Shown(now, (final.start_ns - base_ns) / 1e9, final.text))
            heard.waited_s.append(final.waited_s)
    session.close()
    score(clips, starts, partials, finals, heard)


def _count(shown: Sequence[str], heard: Heard) -> None:
    """Words that were shown, and redrawn, in the partial results of one utterance."""
    before: list[str] = []
    for text in shown:
        now = words(text).split()
        heard.redrawn += sum(a != b for a, b in zip(before, now, strict=False)) + max(0, len(before) - len(now))
        heard.shown += max(0, len(now) - len(before))
        before = now
