"""pocketsphinx behind three calls: begin, hear, end.

One decoder takes about 0.3 s and 90 MB to load and keeps the interpreter lock while it works (measured: a thread beside
it stands still for 150 ms at a time), so decoders live in worker processes, are loaded when these start, and are lent
to whoever is speaking, for one utterance.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pocketsphinx import Decoder, Hypothesis

from services.transcription.adapters.model import PARTS
from services.transcription.adapters.opus import RATE

_FILLER: Final = re.compile(r"<[^>]*>|\[[^\]]*\]|\+\+\S+|\(\d+\)")


class Recogniser:
    """One decoder: one utterance at a time."""

    def __init__(self, model: Path | None = None) -> None:
        """Load pocketsphinx's own English model, or the one in a folder. Raises RuntimeError where it cannot be."""
        # The second, flat pass over the lexicon costs a quarter more time and changed no word of the carried speech.
        # 5000 active HMMs a frame instead of 30000 halve the rest, for one word in three hundred.
        options: dict[str, object] = {"samprate": RATE, "loglevel": "FATAL", "fwdflat": False, "maxhmmpf": 5000}
        if model is not None:
            options |= {option: str(model / name) for option, name in PARTS.items()}
        self._decoder = Decoder(**options)
        self._mean = self._decoder.get_cmn()

    def begin(self, mean: str | None) -> None:
        """Start an utterance. `mean` is what `end` gave after the same voice's last one."""
        self._decoder.set_cmn(mean or self._mean)
        self._decoder.start_utt()

    def hear(self, samples: bytes) -> None:
        """More of it, any whole number of samples."""
        self._decoder.process_raw(samples, False, False)

    def so_far(self) -> str:
        """What it believes was said until now; it may change its mind."""
        return _readable(self._decoder.hyp())

    def end(self) -> tuple[str, str]:
        """What was said, and the voice's cepstral mean."""
        self._decoder.end_utt()
        return _readable(self._decoder.hyp()), self._decoder.get_cmn(True)

    def whole(self, samples: bytes, mean: str | None) -> tuple[str, str]:
        """Like begin, hear, end for an utterance that is already over."""
        self._decoder.set_cmn(mean or self._mean)
        self._decoder.start_utt()
        self._decoder.process_raw(samples, False, True)
        return self.end()


class Recognisers:
    """The decoders of one worker: `size` of them, loaded at once, and one more when all are lent out."""

    def __init__(self, size: int, model: Path | None = None) -> None:
        """Raises RuntimeError where the model cannot be loaded."""
        self._model = model
        self._free = [Recogniser(model) for _ in range(size)]
        self._spare: Recogniser | None = None

    def lend(self) -> Recogniser | None:
        """A decoder, to be given back; None while all are in use."""
        return self._free.pop() if self._free else None

    def give_back(self, recogniser: Recogniser) -> None:
        """Its utterance has ended."""
        self._free.append(recogniser)

    def whole(self, samples: bytes, mean: str | None) -> tuple[str, str]:
        """Recognise an utterance that is over and found no decoder while it lasted."""
        if self._spare is None:
            self._spare = Recogniser(self._model)
        return self._spare.whole(samples, mean)


def _readable(hypothesis: Hypothesis | None) -> str:
    """Words as a caption shows them: a capital at the beginning, and for "I"."""
    if hypothesis is None:
        return ""
    text = " ".join(_FILLER.sub(" ", hypothesis.hypstr).split())
    text = re.sub(r"\bi\b", "I", text)
    return text[:1].upper() + text[1:]
