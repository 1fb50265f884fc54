"""How the carried speech was made. Only for whoever changes it: `python -m infra.demo.speech.make` (needs flite).

Three voices of flite (awb, rms, slt: the ones whose words the default recogniser knows nearly all of), one sentence at
a time, so that `transcripts.json` can tell where each begins and ends. The words are our own; the sentences are those
that came through Opus at 32 kb/s and pocketsphinx without a mistake when they were chosen.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
"""Hz; what flite's voices speak at."""
PAUSES: Final = (0.6, 0.7, 0.55, 0.65)
"""Seconds between sentences, in turn."""
EDGE: Final = 0.25
"""Seconds of silence before the first sentence and after the last."""
PEAK: Final = 0.6
"""Loudest sample of each file, of full scale."""

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class SpokenFile:
    """One file to make."""

    name: str
    voice: str
    sentences: tuple[str, ...]
    muted: int | None = None
    """Index of the sentence in whose middle the demo mutes them."""


FILES: Final = (
    SpokenFile(
        "Angus",
        "awb",
        (
            "Good evening everybody and welcome to the first meeting of our garden club.",
            "Tonight we want to talk about what grows well in a small city garden.",
            "Last spring we planted apple trees along the southern wall of the school.",
            "We meet every other Thursday in the room above the public library.",
            "Please remember that everyone is welcome no matter how much experience they have.",
            "I would like to hear from the other members before we move on.",
            "If you have any questions please raise your hand and I will call your name.",
        ),
    ),
    SpokenFile(
        "Robert",
        "rms",
        (
            "I would like to say a few words about the old railway station in our town.",
            "It was built by a group of local workers more than one hundred years ago.",
            "The building has been empty for a long time and the roof is in very poor condition.",
            "Last month the city council decided to sell the property to a private company.",
            "I believe that the people who live in this part of the city should have a voice"
            " in what happens to that building.",
            "Thank you very much for your time and I look forward to your questions.",
        ),
        muted=4,
    ),
    SpokenFile(
        "Selma",
        "slt",
        (
            "My sister and I have been sailing together since we were very young.",
            "On the third night the wind changed direction and the waves became very high.",
            "We decided to continue because there was no other place to go.",
            "We took turns at the wheel and nobody slept until the morning.",
            "We spent the next three days in the village and waited for better weather.",
            "It was the best breakfast of my entire life.",
            "I would do it again tomorrow without thinking twice.",
            "Next year we are planning to sail around the island with our parents.",
        ),
    ),
)


def spoken(voice: str, text: str) -> Samples:
    """One sentence in flite's voice, without the silence around it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as audio:
            if audio.getframerate() != RATE or audio.getnchannels() != 1:
                raise ValueError(f"flite's voice {voice} speaks at {audio.getframerate()} Hz, not at {RATE}")
            samples = np.frombuffer(audio.readframes(audio.getnframes()), dtype=np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    margin = RATE * 3 // 100
    return samples[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def made(one: SpokenFile) -> tuple[Samples, dict[str, Any]]:
    """The audio of one file, and its entry of `transcripts.json`."""
    parts, at, sentences = [silence(EDGE)], EDGE, []
    for index, text in enumerate(one.sentences):
        if index:
            pause = silence(PAUSES[index % len(PAUSES)])
            parts.append(pause)
            at += len(pause) / RATE
        audio = spoken(one.voice, text)
        parts.append(audio)
        end = at + len(audio) / RATE
        sentences.append({"text": text, "start_s": round(at, 3), "end_s": round(end, 3)})
        at = end
    parts.append(silence(EDGE))
    samples = np.concatenate(parts).astype(np.float64)
    samples *= PEAK * 32767 / np.max(np.abs(samples))
    entry: dict[str, Any] = {
        "name": one.name,
        "voice": one.voice,
        "file": f"{one.voice}.flac",
        "seconds": round(len(samples) / RATE, 3),
        "text": " ".join(one.sentences),
        "sentences": sentences,
    }
    if one.muted is not None:
        entry["muted_sentence"] = one.muted
    return samples.round().astype(np.int16), entry


def write_flac(path: Path, samples: Samples) -> None:
    """16 kHz, mono, 16 bits."""
    with av.open(path, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono", options={"compression_level": "12"})
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Write the files beside this one."""
    here = Path(__file__).parent
    entries = []
    for one in FILES:
        samples, entry = made(one)
        write_flac(here / entry["file"], samples)
        entries.append(entry)
        print(f"{entry['file']}: {entry['seconds']} s, {(here / entry['file']).stat().st_size // 1024} KiB")
    (here / "transcripts.json").write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main()
