"""Entity tags as conditional requests list them (RFC 9110, sections 8.8.3 and 13.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
"""A comma may be in a tag."""


class Tag(NamedTuple):
    """An entity tag without its quotes."""

    weak: bool
    text: str


def tags_in(lines: Sequence[str]) -> list[Tag]:
    """The tags in a header's lines; none where any line is malformed. The list may have empty items (section 5.6.1).

    It reads each character once: a regular expression for the whole list takes exponential time for a list of blanks.
    """
    text = ",".join(lines)
    tags, at, separated = [], 0, True
    while at < len(text):
        if text[at] in " \t,":
            separated = separated or text[at] == ","
            at += 1
            continue
        match = _TAG.match(text, at) if separated else None
        if match is None:
            return []
        tags.append(Tag(match[1] is not None, match[2]))
        at, separated = match.end(), False
    return tags


def strong_tags(lines: Sequence[str]) -> list[str]:
    """The strong tags in a header's lines, each once, without their quotes; none where any line is malformed.

    `If-Match` compares these only: a weak tag never matches there.
    """
    return list(dict.fromkeys(tag.text for tag in tags_in(lines) if not tag.weak))
