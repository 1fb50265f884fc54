"""Captions: words wrong, delays, flicker, and what they cost, by engine."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from services.transcription import engines
from services.transcription.adapters.messages import Tuning
from services.transcription.adapters.worker_pool import WorkerPool
from services.transcription.engines import RATE, choosing
from tests.bench.captions.chain import everything, speak
from tests.bench.captions.clips import SAMPLE, Clip, clips, wrong
from tests.bench.captions.talking import Heard, talk
from tests.bench.harness import Reference, Row, quantile, say
from tests.support.attribution import cpwer

PARTIAL_EVERY: Final = int(0.3 * RATE) * SAMPLE
"""Bytes."""
WORKERS: Final = 2
LOSS: Final = 0.05
AT_ONCE: Final = 5
"""Whose captions are held against those of each of them alone."""
MOST: Final = 8
"""Speakers at once that are tried."""
SLOWER: Final = 0.75
"""Of the partial results that one speaker has for each second of speech: with fewer, they have slowed down."""


async def measure() -> list[Row]:
    """Every engine that finds its model."""
    origin, said = clips()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        var = Path(folder)
        for engine in choosing.names():
            try:
                _, model = choosing.find(engine, None, var)
            except engines.ModelError as error:
                rows.append(Row(f"{engine}: words wrong, the engine alone", None, "", str(error)))
                continue
            say(f"{engine} alone")
            alone, said = await asyncio.to_thread(_alone, engine, model, said, origin)
            rows += alone
            rows += await _through(engine, said, origin, alone[0].value or 0.0)
            say(f"{engine}, more and more talking")
            rows += await _crowd(engine, var, said)
    return rows


def _alone(engine: str, model: engines.Model, said: Sequence[Clip], origin: str) -> tuple[list[Row], tuple[Clip, ...]]:
    """The engine on the clean sound, with a partial result every 0.3 s; and the clips, with what it tells of them."""
    session = model.load(1).session()
    recognised, told = [], []
    partial_s = final_s = 0.0
    for clip in said:
        session.begin()
        for at in range(0, len(clip.pcm), PARTIAL_EVERY):
            began = time.process_time()
            session.feed(clip.pcm[at : at + PARTIAL_EVERY])
            session.partial()
            partial_s += time.process_time() - began
        began = time.process_time()
        final = session.final()
        final_s += time.process_time() - began
        recognised.append(final.text)
        # A word is not over before there is a sound of it: engines are not exact about silence before it.
        ends = max(final.words[0].end_s, clip.spoken()[0]) if final.words else clip.first_word_ends_s
        told.append(replace(clip, first_word_ends_s=ends))
    mistakes, words = wrong([clip.text for clip in said], recognised)
    seconds = sum(clip.seconds for clip in said)
    return [
        Row(f"{engine}: words wrong, the engine alone", mistakes, "words", f"of {words}; {origin}, clean"),
        Row(f"{engine}: share of a core for partials, one talks", partial_s / seconds, "", "one every 0.3 s"),
        Row(f"{engine}: share of a core for finals, one talks", final_s / seconds, "", "once at the end of a clip"),
    ], tuple(told)


async def _through(engine: str, said: Sequence[Clip], origin: str, alone: float) -> list[Row]:
    """The whole way, with one speaker, with three, with loss, and with five."""
    rows: list[Row] = []
    async with everything(engine) as system:
        say(f"{engine}, one talks")
        one = await speak(system, said, 1)
        rows += _rows(f"{engine}, 1 talking", one, 1, origin, alone)
        say(f"{engine}, three talk")
        rows += _rows(f"{engine}, 3 talking", await speak(system, said, 3), 3, origin, alone)
        say(f"{engine}, one talks, packets get lost")
        lossy = await speak(system, said, 1, loss=LOSS)
        mistakes, words = wrong(lossy.said, lossy.recognised)
        rows.append(
            Row(
                f"{engine}, {LOSS:.0%} of packets lost: words wrong", mistakes, "words", f"of {words}; {origin}",
                Reference("without loss", wrong(one.said, one.recognised)[0]),
            )
        )  # fmt: skip
        say(f"{engine}, five talk over each other")
        five = await speak(system, said, AT_ONCE)
    rows.append(
        Row(
            f"{engine}: cpWER of {AT_ONCE} people over each other",
            cpwer([s for s, _ in five.streams], [r for _, r in five.streams]), "",
            f"each says all of it, beginning with another clip; {origin}",
            Reference("cpWER of the same voice alone", cpwer([s for s, _ in one.streams], [r for _, r in one.streams])),
        )
    )  # fmt: skip
    return rows


def _rows(how: str, heard: Heard, people: int, origin: str, alone: float) -> list[Row]:
    mistakes, words = wrong(heard.said, heard.recognised)
    conditions = f"{origin}, over WebRTC, the forwarder and capture, to a client's live event; {WORKERS} workers"
    of_clips = f"{len(heard.first_partial_s)} of {len(heard.said)} clips had one; {conditions}"
    return [
        Row(
            f"{how}: words wrong", mistakes / people, "words", f"of {words // people} each; {conditions}",
            Reference("the engine alone on the clean file", alone),
        ),
        Row(f"{how}: more words wrong than the engine alone", mistakes / people - alone, "words", conditions),
        _delay(f"{how}: first partial after the first word's end, p95", heard.after_word_s, of_clips),
        _delay(f"{how}: first partial after the first word's beginning, p95", heard.first_partial_s, of_clips),
        _delay(f"{how}: final after the last word, p95", heard.final_s, conditions),
        Row(f"{how}: words redrawn per word shown", heard.flicker, "", f"{heard.partials} partials; {conditions}"),
        Row(
            f"{how}: words of the last partial that the final has not, per word shown",
            heard.corrected / max(1, heard.shown), "", conditions,
        ),
        Row(
            f"{how}: CPU per speaker-hour", heard.cpu_s / heard.spoken_s, "core-hours",
            "of the workers, per hour in which somebody talks",
        ),
        Row(f"{how}: memory of a worker", heard.memory_mb, "MB", "resident"),
    ]  # fmt: skip


def _delay(name: str, delays: Sequence[float], conditions: str) -> Row:
    if not delays:
        return Row(name, None, "s", "the engine shows none, or does not tell when words were said")
    return Row(name, quantile(delays, 0.95), "s", conditions)


async def _crowd(engine: str, var: Path, said: Sequence[Clip]) -> list[Row]:
    """How many may talk at once before partial results come less often; two clips each, in the workers alone."""
    async with WorkerPool(WORKERS, engine, None, var, 2, Tuning()) as pool, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pool.run())
        while len(pool.pids) < WORKERS:
            await asyncio.sleep(0.05)  # until they have loaded
        often: list[float] = []
        for people in range(1, MOST + 1):
            heard = await talk(pool, said, people, each=2)
            often.append(heard.partials / heard.spoken_s)
            if often[-1] < SLOWER * often[0]:
                break
        running.cancel()
    held = len(often) - 1 if often[-1] < SLOWER * often[0] else len(often)
    told = ", ".join(f"{rate:.1f}" for rate in often)
    return [
        Row(
            f"{engine}: speakers at once before partials slow down", held, "people",
            f"of at most {MOST}; partial results per second of speech with 1, 2, ... of them: {told}",
        )
    ]  # fmt: skip
