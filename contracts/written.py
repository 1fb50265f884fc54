"""The types of words and links that people write: titles, names, messages, explanations, addresses.

It is for what somebody sends, in a body or a command. What is stored or was published is read as it is: rules may get
stricter, and what was written before them stays.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White_Space of Unicode's PropList."""
_LINE_BREAK: Final = re.compile("\r\n|[\r\x85\u2028\u2029]")
_OVERRIDES: Final = frozenset("\u202d\u202e")
_OPENS: Final = {"\u202a": "\u202c", "\u202b": "\u202c", "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
"""Embeddings and isolates of bidirectional text (UAX 9, section 2), each with what closes it."""
_CLOSES: Final = frozenset(_OPENS.values())
_DEPRECATED: Final = re.compile("[\u206a-\u206f\ufff9-\ufffb\ufdd0-\ufdef]")
"""Controls that Unicode says not to use (chapter 23.3), annotations, and characters that are none."""
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
"""Letters and symbols that show nothing."""
_UNASSIGNED: Final = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
"""Where Unicode will only ever put what shows nothing (Default_Ignorable_Code_Point of DerivedCoreProperties)."""
_UNSEEN: Final = re.compile("[\u034f\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0d\U000e0100-\U000e01ef]")
"""Marks that show nothing, in a link. What chooses between text and emoji shows in what stands before it."""
_TAG: Final = re.compile("[\U000e0000-\U000e007f]")
_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""A flag of a part of a country (UTS 51, appendix C). Nothing else is written with tags, which show nothing."""
_MOST_MARKS: Final = 30
"""Marks on one letter, as in Unicode's stream-safe text (UAX 15, section 13): far more than any language needs, and
what keeps a pile of them from covering the lines above."""
_BYTES_EACH: Final = 16
"""Of UTF-8 as sent, for each character that is allowed. Decomposed, a character has 9 at most."""


@dataclass(frozen=True, slots=True)
class Written:
    """Metadata of a `str`: `least` to `most` code points, counted in normal form C and without white space around.

    Control characters are refused, but for line breaks where `lines`. So are overrides of the direction of text, and
    embeddings and isolates that are left open and would turn what is shown beside these words. Unless there are no
    words at all, something in them can be seen. Joiners stay, which scripts and emoji need.
    """

    least: int
    most: int
    lines: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.str_schema(min_length=self.least or None, max_length=self.most)
        return core_schema.no_info_before_validator_function(self._tidy, inner)

    def _tidy(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        if len(value) > _BYTES_EACH * self.most or len(value.encode(errors="replace")) > _BYTES_EACH * self.most:
            raise ValueError(f"write at most {self.most} characters")
        text = unicodedata.normalize("NFC", value).strip(_SPACE)
        if self.lines:
            text = _LINE_BREAK.sub("\n", text)
        if text.isascii() and text.isprintable():
            return text  # nothing below can be wrong with it
        _refuse_controls(text, lines=self.lines)
        _refuse_piles(text)
        for line in text.split("\n"):
            _refuse_open_directions(line)
        if text and not any(map(_shows, text)):
            raise ValueError("write something that can be seen")
        return text


def _refuse_controls(text: str, *, lines: bool) -> None:
    for letter in text:
        if lines and letter == "\n":
            continue
        if letter in _OVERRIDES:
            raise ValueError(f"leave out U+{ord(letter):04X}, which turns the direction of text")
        category = unicodedata.category(letter)
        if category in ("Cc", "Cs", "Zl", "Zp") or _DEPRECATED.match(letter) or ord(letter) & 0xFFFE == 0xFFFE:
            name = "line breaks" if letter in "\n\r\x85\u2028\u2029" else f"the control character U+{ord(letter):04X}"
            raise ValueError(f"leave out {name}")


def _refuse_piles(text: str) -> None:
    if hidden := _TAG.search(_FLAG.sub("", text)):
        raise ValueError(f"leave out U+{ord(hidden[0]):04X}, which cannot be seen")
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter)[0] == "M" else 0
        if marks > _MOST_MARKS:
            raise ValueError(f"write at most {_MOST_MARKS} marks on one letter")


def nothing_hidden(address: str) -> str:
    """An address in which everything can be seen, as it is. Raises ValueError for what only seems to lead elsewhere."""
    for letter in address:
        hidden = unicodedata.category(letter) in ("Cc", "Cf", "Cs") or letter in _BLANK
        if hidden or any(kind.match(letter) for kind in (_DEPRECATED, _UNASSIGNED, _UNSEEN)):
            raise ValueError(f"leave out U+{ord(letter):04X}, which cannot be seen, or write it with %")
    return address


def _refuse_open_directions(line: str) -> None:
    awaited: list[str] = []
    for letter in line:
        if letter in _OPENS:
            awaited.append(_OPENS[letter])
        elif letter in _CLOSES and (not awaited or awaited.pop() != letter):
            raise ValueError(f"leave out U+{ord(letter):04X}, which closes what was not opened")
    if awaited:
        raise ValueError(f"close with U+{ord(awaited[-1]):04X} what changes the direction of text")


def _shows(letter: str) -> bool:
    """Whether one sees a letter by itself. One that Unicode did not have yet is taken to show."""
    category = unicodedata.category(letter)
    if category in ("Cn", "Co"):
        return not _UNASSIGNED.match(letter)
    return category[0] not in "CMZ" and letter not in _BLANK


Link = Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[^\s/?#]+[^\s]*$")]
"""An http or https address."""
GivenLink = Annotated[Link, AfterValidator(nothing_hidden)]
"""A link that somebody writes; one that is told is a `Link`."""
