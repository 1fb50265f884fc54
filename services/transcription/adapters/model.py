"""A pocketsphinx speech model: a folder with these parts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PARTS: Final = {"hmm": "acoustic", "dict": "words.dict", "lm": "language.lm.bin"}
"""By the recogniser's option: the acoustic model (a folder), the pronunciations, the language model."""


def check(folder: Path) -> None:
    """Raises ValueError naming what it lacks; whether the parts can be used shows when they are loaded."""
    missing = [name for name in PARTS.values() if not (folder / name).exists()]
    if missing:
        raise ValueError(f"{folder} is no speech model: it lacks {', '.join(missing)}")
