"""Words in a column: text where they are plain, bytes where they are sealed."""

from __future__ import annotations

import msgspec

from libs.keyring import Sealed, Words


def column(words: Words) -> str | bytes:
    """What a column has of them."""
    return words if isinstance(words, str) else msgspec.json.encode(words)


def words_of(value: str | bytes) -> Words:
    """What was written in a column."""
    return value if isinstance(value, str) else msgspec.json.decode(value, type=Sealed)
