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
    """How many people each worker follows live at once; of pocketsphinx each takes a decoder of about 90 MB."""
    engine: str = "auto"
    """The speech engine, which is a folder in `engines/`; `auto` takes the best one whose model is there."""
    model: DirectoryPath | None = None
    """Folder of the engine's model: for whisper any CTranslate2 conversion of Whisper with its `tokenizer.json`, for
    pocketsphinx `acoustic/`, `words.dict` and `language.lm.bin`, for sherpa_onnx a streaming transducer
    (`encoder*.onnx`, `decoder*.onnx`, `joiner*.onnx`, `tokens.txt`, and `bpe.vocab` so that it can be told words). What
    a `SHA256SUMS` in it lists is verified. By default the model that comes with the engine or that set-up installed."""
    languages: tuple[Annotated[str, StringConstraints(pattern="^[a-z]{2,3}$")], ...] | None = None
    """Languages the model understands (BCP 47 primary subtags); whoever speaks another one has no captions. By default
    those that the engine names."""
    silence: Annotated[float, Field(ge=0.1, le=2)] = 0.5
    """Silence that ends a caption."""
    longest: Annotated[float, Field(ge=2, le=30)] = 12.0
    """Longest caption; from two thirds of it on, it ends at the next breath."""
    partial_every: Annotated[float, Field(ge=0.1, le=10)] = 0.5
    """How often a partial caption is renewed, where cores are not short."""
    flush_after: Annotated[float, Field(ge=0.2, le=10)] = 0.8
    """A speaker from whom nothing arrives for this long after a pause has finished; who had not paused has 2.5 s."""
    settle: Annotated[float, Field(ge=0.5, le=60)] = 3.0
    """How long after the end of a Space late audio is waited for."""
