"""What is said: clips with their words, and people who say them in turn."""

from __future__ import annotations

import json
import os
import tempfile
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import av
import jiwer
from av.audio.resampler import AudioResampler

from infra.demo import speech, voice
from services.transcription.adapters.voice import FRAME_S, VoiceActivity
from services.transcription.engines import RATE
from tests.support.wer import words

BESIDE: Final = Path(__file__).parents[4] / "shared" / "speech"
"""Real speech, where there is a folder of it beside the repository."""
SAMPLE: Final = 2
"""Bytes."""


@dataclass(frozen=True)
class Clip:
    """Somebody says something."""

    text: str
    pcm: bytes
    """At 16 kHz."""
    first_word_ends_s: float | None = None
    """Where an engine that tells word times was asked."""

    @property
    def seconds(self) -> float:
        return len(self.pcm) / SAMPLE / RATE

    def spoken(self) -> tuple[float, float]:
        """When the first word begins and the last one ends, in seconds from the beginning."""
        speech = [n for n, frame in enumerate(VoiceActivity().judge(self.pcm)) if frame]
        return speech[0] * FRAME_S, (speech[-1] + 1) * FRAME_S


@cache
def clips() -> tuple[str, tuple[Clip, ...]]:
    """Where they come from, and the clips: `*.wav` by `transcripts.tsv` in the folder that SPEECH names.

    By default those of a folder `shared/speech` beside the repository, else the demo's voices, which are synthetic.
    """
    folder = Path(os.environ.get("SPEECH", BESIDE))
    if (folder / "transcripts.tsv").exists():
        lines = (line.split("\t") for line in (folder / "transcripts.tsv").read_text().splitlines() if line)
        found = tuple(Clip(text, pcm(folder / f"{file.removesuffix('.wav')}.wav")) for file, text in lines)
        return f"recordings in {folder.name}/", found
    return "the demo's synthetic voices", carried()


@cache
def carried() -> tuple[Clip, ...]:
    """The sentences of the demo's synthetic voices: the same on every machine, which tests need."""
    folder = Path(speech.__file__).parent
    entries = json.loads((folder / "transcripts.json").read_text())
    return tuple(clip for entry in entries for clip in _sentences(folder, entry))


def _sentences(folder: Path, entry: dict[str, object]) -> Iterator[Clip]:
    whole = pcm(folder / str(entry["file"]))
    sentences = entry["sentences"]
    assert isinstance(sentences, list)
    for sentence in sentences:
        start, end = (int((float(sentence[at]) + more) * RATE) for at, more in (("start_s", -0.1), ("end_s", 0.1)))
        yield Clip(str(sentence["text"]), whole[max(0, start) * SAMPLE : end * SAMPLE])


def pcm(path: Path) -> bytes:
    """An audio file at 16 kHz, mono, 16 bits."""
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return b"".join(bytes(frame.planes[0])[: frame.samples * SAMPLE] for frame in [*frames, *resampler.resample(None)])


def opus(samples: bytes) -> list[bytes]:
    """Samples as a browser sends them."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        with wave.open(file.name, "wb") as written:
            written.setparams((1, SAMPLE, RATE, 0, "NONE", ""))
            written.writeframes(samples)
        return voice.encode(Path(file.name))


def wrong(said: Sequence[str], recognised: Sequence[str]) -> tuple[int, int]:
    """(wrong, missing and added words, words said)."""
    counted = jiwer.process_words([words(text) for text in said], [words(text) for text in recognised])
    return (
        counted.substitutions + counted.deletions + counted.insertions,
        counted.hits + counted.substitutions + counted.deletions,
    )
