"""Words of people in events, which the stream holds sealed.

An event type declares which of its fields are words that somebody wrote or said. In a message of the stream such a
field is absent where it is sealed; `sealed` of the body holds, by the field's path, what was sealed and what it is
sealed with. Who shows words opens them. Where their key was destroyed, there stands what the declaration says; an
event of an earlier version, whose words are plain, is read as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import from_json, to_json

_MARK: Final = b'"sealed"'
"""No text has this in JSON, where a quote in it is escaped."""
TITLE_REMOVED: Final = "[removed]"
"""The title of a Space whose title was erased, with its host or the Space."""
TITLE_UNAVAILABLE: Final = "[unavailable]"
"""The title while the keys of titles cannot be had."""
LEFT_OUT: Final = object()
"""Stands for words without which the whole event is told to nobody."""


class WordField(NamedTuple):
    """A field of an event that holds words."""

    path: str
    """Names of fields, joined by dots."""
    erased: Any = ""
    """What stands there when the words were erased; LEFT_OUT where the event is left out then."""
    unopened: Any = ""
    """What stands there for a reader that opens none."""
    read: Callable[[str], Any] = str
    """Makes of the text that was sealed what stands in the field."""


class Box(BaseModel):
    """Words that are sealed for a unit, under one lock or under one inside another. All of these are names of
    `libs.keyring`, and tell nothing but ids."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    locks: tuple[str, ...] = Field(min_length=1, max_length=2)
    """From the outside in."""
    unit: str
    box: str
    """Base64."""


Texts = Mapping[Box, str | None]
"""What boxes hold; None where it was erased. One that is not here was not opened."""
_boxes: Final[TypeAdapter[dict[str, Box]]] = TypeAdapter(dict[str, Box])


class LeftOut(Exception):
    """An event that is told to nobody any more, since its words were erased."""


class SealedBody(NamedTuple):
    """A message's body with words that are sealed."""

    fields: dict[str, Any]
    boxes: dict[str, Box]
    """By path."""


def sealed_in(body: bytes) -> SealedBody | None:
    """What is sealed in the body of an event; None where nothing is. Raises pydantic.ValidationError."""
    if _MARK not in body:
        return None
    try:
        fields = from_json(body)
    except ValueError:
        return None  # whoever reads the event tells what is wrong with it
    if not isinstance(fields, dict) or not fields.get("sealed"):
        return None
    return SealedBody(fields, _boxes.validate_python(fields.pop("sealed")))


def filled(sealed: SealedBody, words: Iterable[WordField], texts: Texts | None) -> bytes:
    """The body with words in place of boxes; those that `texts` does not have, with what stands there unopened.

    Raises LeftOut.
    """
    for word in words:
        if (box := sealed.boxes.get(word.path)) is not None:
            put(sealed.fields, word.path, _said(word, box, texts))
    return to_json(sealed.fields)


def _said(word: WordField, box: Box, texts: Texts | None) -> object:
    if texts is None or box not in texts:
        return word.unopened
    text = texts[box]
    if text is not None:
        return word.read(text)
    if word.erased is LEFT_OUT:
        raise LeftOut
    return word.erased


def put(fields: dict[str, Any], path: str, value: object) -> None:
    """Put a value at a path, as far as that leads somewhere."""
    *above, name = path.split(".")
    for one in above:
        if not isinstance(fields := fields.get(one), dict):  # type: ignore[assignment]
            return
    fields[name] = value


def without(fields: dict[str, Any], boxes: Mapping[str, Box]) -> bytes:
    """The body of an event whose words are in boxes."""
    for path in boxes:
        *above, name = path.split(".")
        at: Any = fields
        for one in above:
            at = at[one]
        del at[name]
    return to_json({**fields, "sealed": {path: box.model_dump() for path, box in boxes.items()}})
