"""Speech engines: each turns the PCM of one speaker into words.

An engine is a folder here, and every folder has the same files:

    model.py       class Model: finds and verifies the engine's model, without loading the engine
    recogniser.py  the engine itself, loaded in a worker process

The folder's name is the engine's name in the settings. The next engine is one more folder and changes nothing else.
`checks.py` is for all of them: whether a model's files are what they should be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import ClassVar, Final, Protocol, cast

RATE: Final = 16_000
"""Hz. Sessions take PCM at this rate: mono, 16-bit, little-endian."""
AUTO: Final = "auto"
"""Stands for the preferred engine among those that find a model."""

UNDETERMINED: Final = "und"
"""How BCP 47 calls a language that is not known: it is found out, by speaker."""


class EngineUnknownError(Exception):
    """There is no engine of this name."""


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
        """The speaker paused, and may have finished: `final` can be prepared, in case no more is heard before it."""

    def final(self) -> Recognised:
        """End the utterance, and tell what was said."""
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


def names() -> Sequence[str]:
    """The engines there are."""
    return sorted(module.name for module in iter_modules(__path__) if module.ispkg)


def find(engine: str, folder: Path | None, var: Path) -> tuple[str, Model]:
    """(name, model) of an engine, or of the preferred one for `auto`; `folder` and `var` as for `Model`.

    Raises EngineUnknownError, ModelError.
    """
    if engine != AUTO and engine not in names():
        raise EngineUnknownError(f"{engine!r} is no speech engine; there are {', '.join(names())}, and {AUTO}")
    models = {name: model_of(name) for name in (names() if engine == AUTO else [engine])}
    reasons = []
    for name in sorted(models, key=lambda name: models[name].preference, reverse=True):
        try:
            model = models[name](folder, var)
            if folder is not None:
                _check(name, folder, var)
        except ModelError as error:
            reasons.append(str(error))
        else:
            return name, model
    raise ModelError("; ".join(reasons))


def model_of(engine: str) -> type[Model]:
    """The models of an engine that there is."""
    return cast("type[Model]", import_module(f"{__name__}.{engine}.model").Model)


def _check(engine: str, folder: Path, var: Path) -> None:
    """Raises ModelError for a folder whose files are not what they should be."""
    # Imported here: it imports this package.
    from services.transcription.engines import checks

    checks.verify_sums(folder, var)
    checks.try_out(engine, folder, var)


def sentence(text: str) -> str:
    """Words as a caption shows them, of an engine that has no capitals: one at the beginning, and for "I"."""
    text = re.sub(r"\bi\b", "I", text)
    return text[:1].upper() + text[1:]
