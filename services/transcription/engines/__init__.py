"""Speech engines: each turns the PCM of one speaker into words.

An engine is a folder here, and every folder has the same files:

    model.py       class Model: finds and verifies the engine's model, without loading the engine
    recogniser.py  the engine itself, loaded in a worker process

The folder's name is the engine's name in the settings. The next engine is one more folder and changes nothing else.
Here is what all of them have in common. `choosing.py` finds the engine to take, `checks.py` tells whether a model's
files are what they should be, and `trial.py` uses a model for the first time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

RATE: Final = 16_000
"""Hz. Sessions take PCM at this rate: mono, 16-bit, little-endian."""
AUTO: Final = "auto"
"""Stands for the preferred engine among those that find a model."""

UNDETERMINED: Final = "und"
"""How BCP 47 calls a language that is not known: it is found out, by speaker."""


class ModelError(Exception):
    """The engine's model is missing, damaged or cannot be loaded; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of an utterance before it is heard. An engine uses what it can."""

    lang: str = "en"
    """Primary subtag (BCP 47) of the language that is spoken, or `auto` to find out."""
    vocabulary: str = ""
    """Names and words that may be said, with commas between them."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word and when it was said, in seconds from the beginning of the utterance."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None
    """From 0 to 1; None where the engine does not say."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was said in an utterance."""

    text: str
    """Empty for no words."""
    words: tuple[Word, ...] = ()
    """The words of the text, where the engine tells when they were said."""
    lang: str = "en"
    """Primary subtag (BCP 47) of the language it was said in."""
    detected: bool = False
    """Whether that was found out, and surely enough to hold for what this speaker says next."""


NO_HINTS: Final = Hints()


class Session(Protocol):
    """Recognises what one speaker says, one utterance after another. It may keep what it learns of the voice."""

    def begin(self, hints: Hints = NO_HINTS) -> None:
        """Start an utterance."""

    def feed(self, samples: bytes) -> None:
        """Take more of the utterance: one sample or any number of them."""

    def partial(self) -> str:
        """The words so far, which may still change; empty where the engine cannot tell (yet)."""
        ...

    def pause(self) -> None:
        """The speaker paused, and may have finished: `final` can be prepared, in case no more is heard before it.

        Once more without more sound in between, it changes nothing.
        """

    def final(self) -> Recognised:
        """End the utterance, and tell what was said. Without a `pause` just before it, the speaker was cut off."""
        ...

    def drop(self) -> None:
        """Give up the utterance, if there is one."""


class Recogniser(Protocol):
    """A loaded model, which all sessions of a worker process share. It is used by one thread."""

    def session(self) -> Session:
        """Recognise one more speaker."""
        ...


class Model(Protocol):
    """A model that was found and verified. The service makes one to choose the engine, each worker one to load it."""

    preference: ClassVar[int]
    """`auto` takes the engine with the highest, among those that find a model."""
    languages: frozenset[str]
    """Primary subtags (BCP 47) of what it understands."""

    def __init__(self, folder: Path | None, var: Path) -> None:
        """Find the model in a folder, or the engine's own for None. Raises ModelError.

        What it makes of the model's files, and what it knows of them, is kept in `var`, so that all but the first time
        are quick. It must not import the engine's library: it runs in the service's own process.
        """

    def load(self, live: int, *, verbose: bool = False) -> Recogniser:
        """Load the engine so that it can follow `live` speakers at once. Raises ModelError.

        With `verbose` it says on standard error which files it reads, as far as it can.
        """
        ...


def sentence(text: str) -> str:
    """Words as a caption shows them, of an engine that has no capitals: one at the beginning, and for "I"."""
    text = re.sub(r"\bi\b", "I", text)
    return text[:1].upper() + text[1:]
