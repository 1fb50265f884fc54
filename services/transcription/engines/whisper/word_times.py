"""When each word of a caption was said, from where the decoder looked while it wrote the word."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from services.transcription.engines import Word

_ENCODED_S: Final = 0.02
"""Of a column of the encoder's output."""


def word_times(
    words: Sequence[tuple[str, int]],
    path: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    seconds: float,
) -> tuple[Word, ...]:
    """Time the words of an utterance that lasts `seconds`, and tell how sure the decoder was of each.

    Each word has its text and how many tokens it has. `path` goes through (token, column of the encoder's output), and
    beyond the last token to the end. `probabilities` are those of the tokens.
    """
    tokens, columns = (np.array(side) for side in zip(*path, strict=True))
    edges = np.cumsum([0, *(length for _, length in words)])
    # A token begins where the path first reaches it; the last place is that of the end.
    begins = columns[np.searchsorted(tokens, np.arange(edges[-1] + 1))] * _ENCODED_S
    return tuple(
        Word(
            text,
            round(float(min(begins[first], seconds)), 2),
            round(float(min(max(begins[end], begins[first]), seconds)), 2),
            round(float(np.mean(probabilities[first:end])), 3),
        )
        for (text, _), (first, end) in zip(words, pairwise(edges), strict=True)
    )
