"""Word error rate of what was recognised."""

from __future__ import annotations

import re

import jiwer


def words(text: str) -> str:
    """Lower case, without punctuation."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def word_error_rate(said: str, recognised: str) -> float:
    """Wrong, missing and added words by words said; 0 is perfect."""
    return float(jiwer.wer(words(said), words(recognised)))
