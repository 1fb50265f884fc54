"""Word error: how many words a transcript has wrong."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"(?<!\d)\d{1,3}(?!\d)")
_UNITS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def plain(text: str) -> list[str]:
    """Words in lower case without punctuation; whole numbers below a thousand are spelt out, as they are spoken."""
    spelt = _NUMBER.sub(lambda digits: f" {_spelt(int(digits[0]))} ", text.lower())
    return re.sub(r"[^\w' ]|_", " ", spelt).split()


def word_errors(said: str, recognised: str) -> tuple[int, int]:
    """(wrong, missing and added words, words said): the least number of changes between the two (Levenshtein)."""
    expected, got = plain(said), plain(recognised)
    row = list(range(len(got) + 1))
    for line, word in enumerate(expected, 1):
        before, row[0] = row[0], line
        for column, other in enumerate(got, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1], len(expected)


def _spelt(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    tens, units = divmod(rest, 10)
    words = [f"{_UNITS[hundreds]} hundred"] if hundreds else []
    if rest >= len(_UNITS):
        words += [_TENS[tens]] + ([_UNITS[units]] if units else [])
    elif rest or not hundreds:
        words.append(_UNITS[rest])
    return " ".join(words)
