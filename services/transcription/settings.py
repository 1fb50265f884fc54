"""What transcription can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import DirectoryPath, Field, StringConstraints

from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """`ROSTRUM_TRANSCRIPTION_<FIELD>`; all times in seconds."""

    service = "transcription"

    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Recognition processes; each uses at most one core."""
    decoders: Annotated[int, Field(ge=1, le=32)] = 2
    """Decoders per worker: how many people it follows live at once. Each takes about 90 MB."""
    model: DirectoryPath | None = None
    """Folder of a pocketsphinx model (`acoustic/`, `words.dict`, `language.lm.bin`); its own English one by default."""
    languages: tuple[Annotated[str, StringConstraints(pattern="^[a-z]{2,3}$")], ...] = ("en",)
    """Languages the model understands (BCP 47 primary subtags); a Space in another one has no captions."""
    silence: Annotated[float, Field(ge=0.1, le=2)] = 0.36
    """Silence that ends a caption."""
    longest: Annotated[float, Field(ge=2, le=30)] = 12.0
    """Longest caption; from two thirds of it on, it ends at the next breath."""
    partial_every: Annotated[float, Field(ge=0.1, le=10)] = 0.5
    """How often a partial caption is renewed."""
    flush_after: Annotated[float, Field(ge=0.2, le=10)] = 0.8
    """A speaker from whom nothing arrives for this long has finished."""
    settle: Annotated[float, Field(ge=0.5, le=60)] = 3.0
    """How long after the end of a Space late audio is waited for."""
