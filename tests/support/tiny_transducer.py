"""A streaming transducer of a few kilobytes that understands tones instead of speech, written byte by byte.

Each piece of a word is a tone. The encoder tells how loud each tone is, the decoder forbids the piece that was heard
last, so that a long tone is one piece; the joiner adds them. It is what `lstm` transducers of icefall are to
sherpa-onnx, metadata and all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.transcription.engines import RATE

_BINS: Final = 80
_LOWEST_HZ, _HIGHEST_HZ = 20.0, 7600.0
"""Of the features that sherpa-onnx computes."""
_FRAMES: Final = 4
"""Frames of 10 ms in a column of the encoder's output."""
_CHUNK, _SEEN = 16, 23
"""Frames that the encoder goes on by, and that it is given: it looks ahead, as real ones do."""
_TOO_QUIET: Final = 2.0
"""Logarithm of the energy that a tone must have."""
_NEVER: Final = -100.0

PIECES: Final[Mapping[str, float]] = {
    "▁ONE": 300.0, "▁TWO": 620.0, "▁TH": 1050.0, "REE": 1650.0, "▁FOUR": 2500.0, "▁ADA": 3700.0, "▁EIDER": 3700.0,
}  # fmt: skip
"""The tone of each, in Hz. The last two sound alike, and the very last is a little likelier."""
_LIKELIER: Final = 0.5
_TOKENS: Final = ("<blk>", "<sos/eos>", "<unk>", *PIECES)

_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "one": ("▁ONE",), "two": ("▁TWO",), "three": ("▁TH", "REE"), "four": ("▁FOUR",), "eider": ("▁EIDER",),
}  # fmt: skip
TONE_S, GAP_S = 0.24, 0.12


def spoken(text: str) -> bytes:
    """The PCM of words, with a gap after each."""
    samples = [np.zeros(int(GAP_S * RATE))]
    for word in text.lower().split():
        samples += [_tone(PIECES[piece]) for piece in _WORDS[word]]
        samples.append(np.zeros(int(GAP_S * RATE)))
    return (np.concatenate(samples) * 32767).astype("<i2").tobytes()


def _tone(hertz: float) -> NDArray[np.float64]:
    tone = 0.3 * np.sin(2 * math.pi * hertz * np.arange(int(TONE_S * RATE)) / RATE)
    edge = np.hanning(RATE // 25)
    half = len(edge) // 2
    tone[:half] *= edge[:half]
    tone[-half:] *= edge[-half:]
    return tone


def write(folder: Path) -> Path:
    """Write the model into a folder, which is made; returns it."""
    folder.mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(_encoder())
    (folder / "decoder.onnx").write_bytes(_decoder())
    (folder / "joiner.onnx").write_bytes(_joiner())
    (folder / "tokens.txt").write_text("".join(f"{token} {id}\n" for id, token in enumerate(_TOKENS)), "utf-8")
    letters = sorted({letter for piece in PIECES for letter in piece})
    scores = {**dict.fromkeys(letters, -100), **dict.fromkeys(PIECES, -1)}
    (folder / "bpe.vocab").write_text("".join(f"{piece}\t{score}\n" for piece, score in scores.items()), "utf-8")
    return folder


def _mel(hertz: float) -> float:
    return 1127 * math.log(1 + hertz / 700)


def _weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How the loudness of each piece follows from the bins, and what is added."""
    weights = np.zeros((_BINS, len(_TOKENS)), np.float32)
    bias = np.full(len(_TOKENS), _NEVER, np.float32)
    bias[0] = 0  # nothing is heard
    width = (_mel(_HIGHEST_HZ) - _mel(_LOWEST_HZ)) / (_BINS + 1)
    for id, hertz in enumerate(PIECES.values(), 3):
        at = round((_mel(hertz) - _mel(_LOWEST_HZ)) / width) - 1
        weights[at - 1 : at + 2, id] = 1 / 3
        bias[id] = -_TOO_QUIET
    bias[-1] += _LIKELIER
    return weights, bias


def _encoder() -> bytes:
    weights, bias = _weights()
    nodes = [
        _node("Slice", ["x", "begin", "end", "axis"], ["seen"]),
        _node("Reshape", ["seen", "columns"], ["divided"]),
        _node("ReduceMean", ["divided"], ["column"], axes=[2], keepdims=0),
        _node("MatMul", ["column", "weights"], ["loud"]),
        _node("Add", ["loud", "bias"], ["encoder_out"]),
        _node("Identity", ["h"], ["next_h"]),
        _node("Identity", ["c"], ["next_c"]),
    ]
    constants = {
        "begin": np.array([0]), "end": np.array([_CHUNK]), "axis": np.array([1]),
        "columns": np.array([-1, _CHUNK // _FRAMES, _FRAMES, _BINS]), "weights": weights, "bias": bias,
    }  # fmt: skip
    return _model(
        nodes, constants,
        {"x": (_FLOAT, ["N", _SEEN, _BINS]), "h": (_FLOAT, [1, "N", 1]), "c": (_FLOAT, [1, "N", 1])},
        {"encoder_out": (_FLOAT, ["N", _CHUNK // _FRAMES, len(_TOKENS)]),
         "next_h": (_FLOAT, [1, "N", 1]), "next_c": (_FLOAT, [1, "N", 1])},
        {"model_type": "lstm", "num_encoder_layers": "1", "T": str(_SEEN), "decode_chunk_len": str(_CHUNK),
         "rnn_hidden_size": "1", "d_model": "1"},
    )  # fmt: skip


def _decoder() -> bytes:
    """Forbids the last one of the two pieces before, and what sounds like it."""
    tones = np.array([0, 1, 2, *PIECES.values()])
    forbidden = np.where(tones[:, None] == tones, _NEVER, 0).astype(np.float32)
    forbidden[0, 0] = 0
    nodes = [
        _node("Gather", ["y", "last"], ["before"], axis=1),
        _node("Gather", ["forbidden", "before"], ["decoder_out"], axis=0),
    ]
    return _model(
        nodes, {"last": np.array(1), "forbidden": forbidden},
        {"y": (_INT64, ["N", 2])}, {"decoder_out": (_FLOAT, ["N", len(_TOKENS)])},
        {"vocab_size": str(len(_TOKENS)), "context_size": "2"},
    )  # fmt: skip


def _joiner() -> bytes:
    each: tuple[int, Sequence[int | str]] = (_FLOAT, ["N", len(_TOKENS)])
    nodes = [_node("Add", ["encoder_out", "decoder_out"], ["logit"])]
    return _model(nodes, {}, {"encoder_out": each, "decoder_out": each}, {"logit": each}, {"joiner_dim": "1"})


# -- ONNX, in Protocol Buffers ------------------------------------------------------------------------------------

_FLOAT, _INT64 = 1, 7
"""Types of elements."""
_INT, _INTS = 2, 7
"""Types of attributes."""
_Values = Mapping[str, tuple[int, Sequence[int | str]]]
"""Types and dimensions, by name."""


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _fields(number: int, values: Iterable[int | str | bytes]) -> bytes:
    return b"".join(_field(number, value) for value in values)


def _node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: int | list[int]) -> bytes:
    node = _fields(1, inputs) + _fields(2, outputs) + _field(3, f"{operator} of {outputs[0]}") + _field(4, operator)
    for name, value in attributes.items():
        given = (
            _fields(8, value) + _field(20, _INTS) if isinstance(value, list) else _field(3, value) + _field(20, _INT)
        )
        node += _field(5, _field(1, name) + given)
    return node


def _constant(name: str, value: NDArray[np.float32] | NDArray[np.int64]) -> bytes:
    kind = _FLOAT if value.dtype == np.float32 else _INT64
    return _fields(1, value.shape) + _field(2, kind) + _field(8, name) + _field(9, value.tobytes())


def _values(values: _Values) -> Iterable[bytes]:
    for name, (kind, dimensions) in values.items():
        shape = _fields(1, (_field(2 if isinstance(size, str) else 1, size) for size in dimensions))
        yield _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, shape)))


def _model(
    nodes: Sequence[bytes],
    constants: Mapping[str, NDArray[np.float32] | NDArray[np.int64]],
    inputs: _Values,
    outputs: _Values,
    metadata: Mapping[str, str],
) -> bytes:
    graph = (
        _fields(1, nodes)
        + _field(2, "tiny")
        + _fields(5, (_constant(name, value) for name, value in constants.items()))
        + _fields(11, _values(inputs))
        + _fields(12, _values(outputs))
    )
    entries = (_field(1, key) + _field(2, value) for key, value in metadata.items())
    return _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)) + _fields(14, entries)
