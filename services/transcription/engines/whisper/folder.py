"""A folder with somebody's own weights: whether its files are whole and belong together.

Nobody tells what is right in there, but much of it is there twice: a vocabulary beside the tokenizer's own, the number
of tokens also in the size of the model, and every tensor has its shape and its length. What a tensor holds is there
once. Whether that was altered only a `SHA256SUMS` tells.

The format of `model.bin` is that of CTranslate2's `Model::load` from version 4 on.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from services.transcription.engines import ModelError
from services.transcription.engines.whisper.weights import Files

_PARTS: Final = ("model.bin", "config.json", "tokenizer.json")
_SUFFIXES: Final = (".bin", ".json", ".txt")
_TIMESTAMPS: Final = tuple(f"<|{n / 50:.2f}|>" for n in range(1501))
"""The last tokens of every Whisper model, which tokenizers mostly leave out."""
_VERSIONS: Final = (4, 5, 6)
"""Of the format of `model.bin`, as far as it is known here."""
_SIZES: Final = (4, 1, 2, 4, 2, 2)
"""Bytes of a number, by CTranslate2's types: float32, int8, int16, int32, float16, bfloat16."""
_SPEC: Final = "WhisperSpec"
_TOKENS: Final = "decoder/embeddings/weight"
"""The tensor that has a row for each token."""
_LAYER: Final = re.compile(r"decoder/layer_(\d+)/")
_DIMENSIONS: Final = 8
_LANGUAGE: Final = re.compile(r"<\|[a-z]{2,3}\|>")


class _Added(msgspec.Struct):
    id: int
    content: str


class _Pairs(msgspec.Struct):
    vocab: dict[str, int]
    merges: list[str | tuple[str, str]]


class _Tokenizer(msgspec.Struct):
    model: _Pairs
    added_tokens: list[_Added]


class _Config(msgspec.Struct):
    alignment_heads: list[tuple[int, int]] = []
    lang_ids: list[int] = []
    suppress_ids: list[int] = []
    suppress_ids_begin: list[int] = []


def files_in(folder: Path) -> Files:
    """The model's files. Raises ModelError naming what is missing, truncated or altered, as far as that can be told."""
    missing = [name for name in _PARTS if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder} is no speech model: it lacks {', '.join(missing)}")
    try:
        rows, layers = _tensors(folder / "model.bin")
        tokens = _tokens(folder / "tokenizer.json")
        vocabularies = sorted(folder.glob("vocabulary.*"))
        for vocabulary in vocabularies:
            _compare(vocabulary, tokens, rows)
        _check_config(folder / "config.json", tokens, rows, layers)
    except OSError as error:
        raise ModelError(f"{error.filename or folder} cannot be read: {error.strerror}") from error
    return {path.name: (path,) for path in folder.iterdir() if path.suffix in _SUFFIXES}


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} is truncated, altered or of another model: {why}")


# -- the tensors -----------------------------------------------------------------------------------------------------


def _tensors(path: Path) -> tuple[int | None, int | None]:
    """How many tokens a model has, and layers of its decoder; None for a version that is not known here."""
    size = path.stat().st_size
    with path.open("rb") as file:
        read = _Reader(file, path)
        if read.number("I") not in _VERSIONS:
            return None, None
        if (spec := read.name()) != _SPEC:
            raise _damaged(path, f"it is of the kind {spec!r}, not {_SPEC}")
        read.number("I")  # the kind's revision
        shapes: dict[str, tuple[int, ...]] = {}
        for _ in range(read.number("I")):
            name = read.name()
            shapes[name] = shape = read.shape()
            kind, length = read.number("B"), read.number("I")
            if kind >= len(_SIZES) or length != prod(shape) * _SIZES[kind] or file.tell() + length > size:
                raise _damaged(path, f"{name} has another length than its shape says, or than there is")
            file.seek(length, os.SEEK_CUR)
        for _ in range(read.number("I")):
            alias, name = read.name(), read.name()
            if name not in shapes:
                raise _damaged(path, f"{alias} stands for {name}, which is not there")
        if file.tell() != size:
            raise _damaged(path, f"it has {size - file.tell()} bytes too many")
    if len(shapes.get(_TOKENS, ())) != 2:
        raise _damaged(path, f"it lacks {_TOKENS}")
    return shapes[_TOKENS][0], len({match[1] for name in shapes if (match := _LAYER.match(name))})


class _Reader:
    """Reads what stands between tensors."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path

    def _bytes(self, length: int) -> bytes:
        found = self._file.read(length)
        if len(found) != length:
            raise _damaged(self._path, "it ends too early")
        return found

    def number(self, kind: str) -> int:
        (found,) = struct.unpack(f"<{kind}", self._bytes(struct.calcsize(kind)))
        return int(found)

    def name(self) -> str:
        name = self._bytes(self.number("H"))
        if not name.endswith(b"\0") or not name[:-1].isascii():
            raise _damaged(self._path, "a name in it is none")
        return name[:-1].decode()

    def shape(self) -> tuple[int, ...]:
        dimensions = self.number("B")
        if dimensions > _DIMENSIONS:
            raise _damaged(self._path, f"it has a tensor of {dimensions} dimensions")
        return tuple(self.number("I") for _ in range(dimensions))


# -- the words -------------------------------------------------------------------------------------------------------


def _tokens(path: Path) -> Mapping[int, str]:
    """The tokens that a tokenizer knows, by id."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_Tokenizer)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _damaged(path, str(error)) from error
    vocabulary = file.model.vocab
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise _damaged(path, "its tokens are not numbered one after another")
    for merge in file.model.merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if len(pair) != 2 or not {*pair, "".join(pair)} <= vocabulary.keys():
            raise _damaged(path, f"it makes of {merge!r} what is no token")
    tokens = {id: token for token, id in vocabulary.items()}
    for added in file.added_tokens:
        if tokens.setdefault(added.id, added.content) != added.content:
            raise _damaged(path, f"it has two tokens {added.id}, {tokens[added.id]!r} and {added.content!r}")
    return tokens


def _compare(path: Path, tokens: Mapping[int, str], rows: int | None) -> None:
    """Compare a vocabulary with the tokenizer's and with the model's number of tokens."""
    try:
        content = path.read_bytes()
        listed = msgspec.json.decode(content, type=list[str]) if path.suffix == ".json" else _lines(content)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _damaged(path, str(error)) from error
    if rows is not None and len(listed) != rows:
        raise _damaged(path, f"it has {len(listed)} tokens, and the model has {rows}")
    if tuple(listed[-len(_TIMESTAMPS) :]) != _TIMESTAMPS:
        raise _damaged(path, f"it does not end with the tokens from {_TIMESTAMPS[0]} to {_TIMESTAMPS[-1]}")
    for id, token in tokens.items():
        # A tokenizer may know more tokens than its model.
        if id < len(listed) and listed[id] != token:
            raise _damaged(path, f"its token {id} is {listed[id]!r}, and {token!r} in tokenizer.json")


def _lines(content: bytes) -> list[str]:
    return content.decode().removesuffix("\n").split("\n")


def _check_config(path: Path, tokens: Mapping[int, str], rows: int | None, layers: int | None) -> None:
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_Config)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _damaged(path, str(error)) from error
    for number, id in enumerate(config.lang_ids):
        if not _LANGUAGE.fullmatch(tokens.get(id, "")) or id in config.lang_ids[:number]:
            raise _damaged(path, f"its language {id} is none in tokenizer.json, or is there twice")
    for id in (*config.suppress_ids, *config.suppress_ids_begin):
        if rows is not None and not -1 <= id < rows:
            raise _damaged(path, f"it names token {id}, and the model has {rows}")
    for layer, _ in config.alignment_heads:
        if layers is not None and not 0 <= layer < layers:
            raise _damaged(path, f"it names layer {layer}, and the model has {layers}")
