"""pocketsphinx's decoders, and the sessions that borrow them for one utterance at a time.

A decoder takes about 0.3 s and 90 MB to load and keeps the interpreter lock while it works (measured: a thread beside
it stands still for 150 ms at a time), so decoders live in worker processes and are loaded when these start.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Final

import pocketsphinx

from services.transcription import engines

_FILLER: Final = re.compile(r"<[^>]*>|\[[^\]]*\]|\+\+\S+|\(\d+\)")

_FIRST_SHOWN: Final = 2 * engines.RATE * 9 // 10
"""Bytes before the first partial result: the first syllable alone reads as "the" more often than not."""


class Recogniser(engines.Recogniser):
    """The decoders of one worker process: `live` of them, and one more for utterances that found none free."""

    def __init__(self, live: int, parts: Mapping[str, str], *, verbose: bool = False) -> None:
        """`parts` are the model's, by pocketsphinx's options. Raises RuntimeError where they cannot be loaded."""
        self._options: Mapping[str, object] = parts
        if verbose:
            # Mapped into memory, a file that was cut off would not be missed before it is used.
            self._options = {**parts, "loglevel": "INFO", "mmap": False}
            _read_aloud(parts["lm"])
        self._free = [_Decoder(self._options) for _ in range(live)]
        self._spare: _Decoder | None = None

    def session(self) -> Session:
        return Session(self)

    def lend(self) -> _Decoder | None:
        """A decoder, to be given back; None while all are in use."""
        return self._free.pop() if self._free else None

    def give_back(self, decoder: _Decoder) -> None:
        """Take a decoder whose utterance has ended."""
        self._free.append(decoder)

    def spare(self) -> _Decoder:
        """The decoder for utterances that are already over. It is loaded when it is first needed."""
        if self._spare is None:
            self._spare = _Decoder(self._options)
        return self._spare


class Session(engines.Session):
    """One speaker. Without a free decoder the utterance is kept and recognised at its end, with no partials."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._decoder: _Decoder | None = None
        self._kept: list[bytes] = []
        self._heard = 0
        self._lang = "en"
        self._mean: str | None = None
        """The cepstral mean of the voice, from its last utterance."""

    def begin(self, hints: engines.Hints = engines.NO_HINTS) -> None:
        self._decoder = self._recogniser.lend()
        self._heard = 0
        self._lang = "en" if hints.lang == engines.AUTO else hints.lang
        if self._decoder is not None:
            self._decoder.begin(self._mean)

    def feed(self, samples: bytes) -> None:
        self._heard += len(samples)
        if self._decoder is None:
            self._kept.append(samples)
        else:
            self._decoder.feed(samples)

    def partial(self) -> str:
        return "" if self._decoder is None or self._heard < _FIRST_SHOWN else self._decoder.partial()

    def pause(self) -> None:
        """Nothing to prepare: most of the work is done while somebody speaks."""

    def final(self) -> engines.Recognised:
        if self._decoder is None:
            text, self._mean = self._recogniser.spare().whole(b"".join(self._kept), self._mean)
            self._kept.clear()
        else:
            text, self._mean = self._decoder.final()
            self._recogniser.give_back(self._decoder)
            self._decoder = None
        return engines.Recognised(text, lang=self._lang)

    def drop(self) -> None:
        self._kept.clear()
        if self._decoder is not None:
            self._decoder.final()
            self._recogniser.give_back(self._decoder)
            self._decoder = None


class _Decoder:
    """One decoder of pocketsphinx: one utterance at a time."""

    def __init__(self, options: Mapping[str, object]) -> None:
        # The second, flat pass over the lexicon costs a quarter more time and changed no word of the carried speech.
        # 5000 active HMMs a frame instead of 30000 halve the rest, for one word in three hundred.
        own = {"samprate": engines.RATE, "loglevel": "FATAL", "fwdflat": False, "maxhmmpf": 5000}
        self._decoder = pocketsphinx.Decoder(**{**own, **options})
        self._mean = self._decoder.get_cmn()

    def begin(self, mean: str | None) -> None:
        """Start an utterance. `mean` is what `final` gave after the same voice's last one."""
        self._decoder.set_cmn(mean or self._mean)
        self._decoder.start_utt()

    def feed(self, samples: bytes) -> None:
        self._decoder.process_raw(samples, False, False)

    def partial(self) -> str:
        return _readable(self._decoder.hyp())

    def final(self) -> tuple[str, str]:
        """What was said, and the voice's cepstral mean."""
        self._decoder.end_utt()
        return _readable(self._decoder.hyp()), self._decoder.get_cmn(True)

    def whole(self, samples: bytes, mean: str | None) -> tuple[str, str]:
        """Recognise an utterance that is already over; the result is as for `final`."""
        self.begin(mean)
        self._decoder.process_raw(samples, False, True)
        return self.final()


def _read_aloud(path: str) -> None:
    """Read a language model, the one part that pocketsphinx does not name when it reads it."""
    sys.stderr.write(f"reading {path}\n")
    sys.stderr.flush()
    pocketsphinx.NGramModel(pocketsphinx.Config(loglevel="INFO"), pocketsphinx.LogMath(), path)


def _readable(hypothesis: pocketsphinx.Hypothesis | None) -> str:
    if hypothesis is None:
        return ""
    return engines.sentence(" ".join(_FILLER.sub(" ", hypothesis.hypstr).split()))
