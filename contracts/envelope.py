"""What every contract event has in common, and how it is written on the bus.

An event is a JSON body and CloudEvents 1.0 attributes in NATS headers (binary mode). Who may see it is declared by its
type; the gateway delivers by that and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic_core import to_json

from contracts import sealed, subjects
from contracts.growing import read
from contracts.sealed import LEFT_OUT, Box, SealedBody, Texts, WordField
from contracts.times import Moment

SpaceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
"""ULID text (26 characters of lower-case Crockford base32) of a UUIDv7."""
PersonId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
SessionId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
EventId = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class Audience(StrEnum):
    """Who may be shown an event."""

    PUBLIC = "public"
    """Everybody in the Space, anonymous listeners included."""
    STAGE = "stage"
    """People on stage: host, co-hosts, speakers."""
    HOSTS = "hosts"
    """Host and co-hosts."""
    PERSON = "person"
    """The people named by the event type's `concerns` fields."""
    OPERATORS = "operators"
    """People who run the instance; never shown in a Space."""
    SERVERS = "servers"
    """Servers of the host product that follow all Spaces; see `contracts.servers`."""


class Model(BaseModel):
    """Base of everything on the wire: immutable, unknown fields ignored so that newer senders do not break us.

    What breaks a contract is logged, and what it says may be somebody's words: the error leaves them out.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def encoded(model: Model, *, exclude: dict[str, Any] | None = None) -> bytes:
    """The JSON of a model, without what `exclude` names.

    It is what `model_dump_json` comes to, which itself costs as much again.
    """
    return model.__pydantic_serializer__.to_json(model, exclude=exclude)


class PersonRef(Model):
    """A person as others see them."""

    id: PersonId
    handle: str
    name: str
    picture: str | None = None
    """Address of their picture; None where they have none."""

    @classmethod
    def of(cls, id: str) -> Self:
        """Somebody as an event of the stream refers to them: whoever shows it fills in the names."""
        return cls(id=id, handle="", name="")


class Event(Model):
    """A fact that has happened. `at` is when its owner decided it (UTC)."""

    context: ClassVar[str]
    name: ClassVar[str]
    audience: ClassVar[frozenset[Audience]]
    concerns: ClassVar[tuple[str, ...]] = ()
    """Names of the fields that hold the ids of the people an event of audience PERSON is for."""
    passing: ClassVar[bool] = False
    """Kept nowhere: sent on core NATS without an id, heard only by who listens at that moment."""
    worded: ClassVar[tuple[WordField, ...]] = ()
    """Its fields that hold what people wrote or said."""

    at: Moment

    @property
    def key(self) -> str:
        """The subject's key: the Space's id; events that belong to a person override this."""
        space = self.space
        if space is None:
            raise TypeError(f"{type(self).__name__} has no Space; override `key`")
        return space

    @property
    def space(self) -> str | None:
        """The Space this concerns, or None."""
        value = getattr(self, "space_id", None)
        return None if value is None else str(value)

    @property
    def subject(self) -> str:
        """Where it is published."""
        make = subjects.passing_event if self.passing else subjects.event
        return make(self.context, self.key, self.name)

    def people(self) -> frozenset[str]:
        """Ids of the people this is for when its audience has PERSON."""
        values = (getattr(self, field) for field in self.concerns)
        return frozenset(str(v.id if isinstance(v, PersonRef) else v) for v in values if v is not None)


E = TypeVar("E", bound="Event")
_EVENTS: dict[tuple[str, str], type[Event]] = {}


def event(
    context: str,
    name: str,
    *audience: Audience,
    concerns: tuple[str, ...] = (),
    passing: bool = False,
    words: tuple[WordField, ...] = (),
) -> Callable[[type[E]], type[E]]:
    """Class decorator that registers a contract event under `rostrum.<context>.v1.*.<name>`.

    A `passing` event is kept nowhere; its subject is `passing.<context>.v1.*.<name>`. `words` are the fields that are
    sealed on the stream.
    """

    def register(cls: type[E]) -> type[E]:
        if (context, name) in _EVENTS:
            raise TypeError(f"event {context}.{name} is declared twice")
        if Audience.PERSON in audience and not concerns:
            raise TypeError(f"event {context}.{name} is for a person but names none in `concerns`")
        cls.context, cls.name, cls.audience, cls.concerns = context, name, frozenset(audience), concerns
        cls.passing, cls.worded = passing, words
        _EVENTS[context, name] = cls
        return cls

    return register


def event_types() -> Mapping[tuple[str, str], type[Event]]:
    """Every registered event type by (context, name). Import `contracts.catalogue` first to have all of them."""
    return _EVENTS


class UnknownEventError(LookupError):
    """A subject that no contract of this version declares: from a newer sender; consumers skip it."""


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """An event as it is published with words that are sealed."""

    event: Event
    """With anything in the place of those words."""
    boxes: Mapping[str, Box]
    """By path, as the type declares them in `worded`."""


Outgoing: TypeAlias = Event | SealedEvent
"""What is published."""


def with_boxes(event: Event, boxes: Mapping[str, Box]) -> Outgoing:
    """An event of which `boxes` hold the words, if there are any."""
    return SealedEvent(event, boxes) if boxes else event


def event_of(outgoing: Outgoing) -> Event:
    """The event that is published."""
    return outgoing.event if isinstance(outgoing, SealedEvent) else outgoing


def body_of(outgoing: Outgoing) -> bytes:
    """The body of its message."""
    if isinstance(outgoing, SealedEvent):
        return sealed.without(outgoing.event.model_dump(mode="json"), outgoing.boxes)
    return encoded(outgoing)


def decode(subject: str, body: bytes, parts: SealedBody | None = None, texts: Texts | None = None) -> Event:
    """The event on a message.

    `parts` is what `sealed.sealed_in` found in the body, and `texts` what was sealed; without them an event has what
    stands for words that nobody opens. A value that this version does not know is kept (`contracts.growing`).
    Raises UnknownEventError for a type this version does not know, pydantic.ValidationError for a body that breaks its
    contract, LeftOut for an event that is not told without the words that were erased.
    """
    tokens = subject.split(".")
    if len(tokens) != 5 or tokens[0] not in ("rostrum", "passing"):
        raise UnknownEventError(f"{subject!r} is not an event subject")
    try:
        cls = _EVENTS[tokens[1], tokens[4]]
    except KeyError:
        raise UnknownEventError(f"no contract for {subject!r}") from None
    if parts is None and cls.worded:
        parts = sealed.sealed_in(body)
    if parts is not None:
        body = sealed.filled(parts, cls.worded, texts)
    return read(cls.model_validate_json, body)


def without_words(event: Event, paths: Iterable[str]) -> Event | None:
    """The event as it is told once the words at these paths were erased; None where it is told no more."""
    erased = [word for word in event.worded if word.path in set(paths)]
    if any(word.erased is LEFT_OUT for word in erased):
        return None
    fields: dict[str, Any] = event.model_dump(mode="json")
    for word in erased:
        sealed.put(fields, word.path, word.erased)
    return read(type(event).model_validate_json, to_json(fields))


CE_SPECVERSION: Final = "1.0"


def headers(event: Event, *, id: str, source: str, at: datetime | None = None) -> dict[str, str]:
    """CloudEvents attributes of an event; `id` is unique per source and becomes Nats-Msg-Id too."""
    space = event.space
    result = {
        "ce-specversion": CE_SPECVERSION,
        "ce-id": id,
        "ce-source": f"/rostrum/{source}",
        "ce-type": f"rostrum.{event.context}.v1.{event.name}",
        "ce-time": (at or event.at).isoformat(),
        "ce-subject": event.key,
        "content-type": "application/json",
        "Nats-Msg-Id": f"{source}:{id}",
    }
    if space is not None:
        result[subjects.HEADER_SPACE] = space
    return result
