"""No event of the stream has words or names in plain: every text in it is declared as words, or known to be none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin

import pytest
from pydantic import BaseModel, StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from contracts import catalogue
from contracts.envelope import Event, PersonRef, SealedEvent, body_of, decode, without_words
from contracts.room import v1 as room
from contracts.sealed import LEFT_OUT, Box, LeftOut, sealed_in
from libs.ids import new_id

NAMES: Final = {
    "people.registered": {"handle", "display_name"},
    "people.profile_changed": {"handle", "display_name", "picture"},
}
"""The one place of names. When somebody is erased, these messages are deleted."""
NO_WORDS: Final = {
    "card.lang": "a language tag",
    "card.topics": "topics, of a list or a pattern",
    "caption.id": "an id",
    "caption.lang": "a language tag",
    "caption.heard": "told in answers only",
    "node_id": "the operator's name for a node",
    "boot": "an id",
    "evidence.reference": "an id of a caption or a pin",
    "reason": "of the instance's list",
    "platform": "of a list",
    "role": "of a list",
    "source": "of a list",
    "counts": "reactions of the instance's list",
    "detail": "made by recording",
    "mix": "the name of an object: ids",
    "tracks.object": "the name of an object: ids",
    "providers": "of a list",
    "events": "types of events",
    "provider": "of a list",
}
"""Texts that are no words of anybody, and what they are."""
AT: Final = datetime(2026, 5, 4, 18, tzinfo=UTC)


def texts_in(kind: Any, path: str = "", patterned: bool = False) -> Iterator[str]:
    """The paths of all texts that may be anything."""
    kind = getattr(kind, "__value__", kind)
    if isinstance(kind, type) and issubclass(kind, PersonRef):
        return  # told by id: see `test_people_are_told_by_their_ids`
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            bound = any(isinstance(one, StringConstraints) and one.pattern for one in field.metadata)
            yield from texts_in(field.annotation, f"{path}.{name}".removeprefix("."), bound)
    elif get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        bound = any(isinstance(one, StringConstraints) and one.pattern for one in metadata)
        yield from texts_in(inner, path, patterned or bound)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        return
    elif kind is str:
        if not patterned:
            yield path
    else:
        for inner in get_args(kind):
            if not isinstance(inner, str):
                yield from texts_in(inner, path, patterned)


def kept() -> dict[str, type[Event]]:
    return {f"{context}.{name}": kind for (context, name), kind in catalogue.event_types().items() if not kind.passing}


@pytest.mark.parametrize("name", sorted(kept()))
def test_every_text_is_declared_as_words_or_known_to_be_none(name: str) -> None:
    kind = kept()[name]
    words = {word.path for word in kind.worded}
    texts = {path for path in texts_in(kind) if not any(f"{path}.".startswith(f"{word}.") for word in words)}
    assert texts - NAMES.get(name, set()) - NO_WORDS.keys() == set()


def test_nothing_is_on_the_list_that_no_event_has() -> None:
    assert {path for kind in kept().values() for path in texts_in(kind)} >= NO_WORDS.keys()


@pytest.mark.parametrize("name", sorted(name for name, kind in kept().items() if kind.worded))
def test_declared_words_are_fields_and_what_stands_for_them_is_valid(name: str) -> None:
    kind = kept()[name]
    assert {word.path for word in kind.worded} <= fields_of(kind)
    (example, *_) = sorted((EXAMPLES / f"{kind.context}.v1" / kind.__name__).glob("*.json"))
    event = kind.model_validate_json(example.read_text())
    boxes = {word.path: Box(locks=("space:1",), unit="u", box="AQ==") for word in kind.worded if _has(event, word.path)}
    body = body_of(SealedEvent(event, boxes))
    for path in boxes:
        assert not _has(from_json(body), path)
    parts = sealed_in(body)
    assert parts is not None
    assert parts.boxes == boxes
    assert type(decode(event.subject, body)) is kind, "a reader that opens none"
    erased = dict.fromkeys(boxes.values(), None)
    if any(word.erased is LEFT_OUT for word in kind.worded):
        with pytest.raises(LeftOut):
            decode(event.subject, body, sealed_in(body), erased)
        assert without_words(event, boxes) is None
    else:
        told = decode(event.subject, body, sealed_in(body), erased)
        assert without_words(event, boxes) == told


EXAMPLES: Final = Path(catalogue.__file__).parent / "examples"


def fields_of(kind: type[BaseModel], above: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in kind.model_fields.items():
        found.add(above + name)
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= fields_of(inner, f"{above}{name}.")
    return found


def _has(value: Any, path: str) -> bool:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else getattr(value, name)
        if value is None:
            return False
    return True


def created(title: str = "Tea") -> room.Created:
    settings = room.Settings(title=title)
    return room.Created(space_id=new_id(), version=1, at=AT, host=PersonRef.of(new_id()), settings=settings)


def test_words_are_read_where_they_are_opened_and_said_to_be_away_where_they_are_not() -> None:
    box = Box(locks=("person:a|space:b",), unit="title", box="AQ==")
    body = body_of(SealedEvent(created(), {"settings.title": box}))
    assert b"Tea" not in body
    parts, subject = sealed_in(body), created().subject
    opened, unopened = decode(subject, body, parts, {box: "Needles"}), decode(subject, body)
    assert isinstance(opened, room.Created)
    assert isinstance(unopened, room.Created)
    assert (opened.settings.title, unopened.settings.title) == ("Needles", room.TITLE_UNAVAILABLE)


def test_an_event_of_an_earlier_version_is_read_as_it_is_whatever_its_words_are() -> None:
    event = created('"sealed"')
    body = body_of(event)
    assert sealed_in(body) is None
    assert decode(event.subject, body) == event


@pytest.mark.parametrize(
    "sealed", [[], {"settings.title": {}}, {"settings.title": {"locks": [], "unit": "u", "box": ""}}]
)
def test_boxes_that_are_none_break_the_contract(sealed: object) -> None:
    event = created()
    fields = event.model_dump(mode="json") | {"sealed": sealed or [1]}
    with pytest.raises(ValidationError):
        decode(event.subject, to_json(fields))
