"""Word error rate of what was recognised."""

from __future__ import annotations

import jiwer

from infra.demo.word_error import plain


def words(text: str) -> str:
    """Lower case, without punctuation, numbers spelt out."""
    return " ".join(plain(text))


def word_error_rate(said: str, recognised: str) -> float:
    """Wrong, missing and added words by words said; 0 is perfect."""
    return float(jiwer.wer(words(said), words(recognised)))
