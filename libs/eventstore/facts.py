"""Stored events: private to a service, written once, read for ever.

A fact is a frozen msgspec struct with a stable name of its own, not its class path, so that moving a class breaks no
stored data. Within a name a fact only grows: new fields have defaults. The store keeps beside each fact who caused it,
by which command, when, and in which trace.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar, dataclass_transform

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent, Transcoder
from eventsourcing.utils import register_topic

if TYPE_CHECKING:
    # Type checkers take each subclass of a frozen struct for an unfrozen one unless it repeats `frozen=True`.
    @dataclass_transform(frozen_default=True, kw_only_default=True)
    class Fact:
        """Something that happened to one aggregate, in the past tense."""

else:

    class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
        """Something that happened to one aggregate, in the past tense."""


class Meta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside a fact."""

    at: datetime
    """When it was decided (UTC)."""
    actor: str | None = None
    """Who caused it; None for the system."""
    api_key: str | None = None
    """The API key of the server that ordered it, where one did."""
    command_id: str | None = None
    traceparent: str | None = None


F = TypeVar("F", bound=Fact)
Name = TypeVar("Name", bound=type[Fact])


class Record(Meta, Generic[F], frozen=True, kw_only=True, omit_defaults=True):
    """A fact with what is kept beside it; what is encoded as JSON in the store."""

    fact: F


_names: dict[type[Fact], str] = {}
_decoders: dict[str, msgspec.json.Decoder[Record[Fact]]] = {}
_encode = msgspec.json.Encoder().encode


def stored(name: str, *former: str) -> Callable[[Name], Name]:
    """Class decorator: gives a fact its stable name (`space.muted`), and reads `former` names as it too."""

    def register(cls: Name) -> Name:
        if name in _decoders:
            raise TypeError(f"two facts are named {name!r}")
        _names[cls] = name
        decoder = msgspec.json.Decoder(Record[cls])  # type: ignore[valid-type]
        for each in (name, *former):
            register_topic(each, cls)
            _decoders[each] = decoder
        return cls

    return register


def name_of(fact: Fact | type[Fact]) -> str:
    """The stable name of a fact. Raises KeyError for a class without one."""
    return _names[fact if isinstance(fact, type) else type(fact)]


def encode(record: Record[Fact]) -> bytes:
    """The JSON that is stored."""
    return _encode(record)


def decode(name: str, state: bytes) -> Record[Fact]:
    """A stored record. Raises MapperDeserialisationError for an unknown name or a state that does not fit it."""
    try:
        return _decoders[name].decode(state)
    except KeyError:
        raise MapperDeserialisationError(f"no fact is named {name!r}") from None
    except msgspec.MsgspecError as error:
        raise MapperDeserialisationError(f"a stored {name!r} cannot be read: {error}") from error


class StoredFact(msgspec.Struct, frozen=True):
    """A fact at its place in its aggregate, as `eventsourcing` passes it around."""

    originator_id: str
    originator_version: int
    record: Record[Fact]

    @property
    def fact(self) -> Fact:
        return self.record.fact


class Notification(msgspec.Struct, frozen=True):
    """A committed fact at its place in the whole store: what a relay follows."""

    id: int
    aggregate_id: str
    version: int
    record: Record[Fact]

    @property
    def fact(self) -> Fact:
        return self.record.fact


class _NoTranscoder(Transcoder):
    """Facts are encoded whole; the library's transcoder is never reached."""

    def encode(self, obj: object) -> bytes:
        raise TypeError(f"{type(obj).__name__} is no fact")

    def decode(self, data: bytes) -> object:
        raise TypeError("no fact is decoded without its name")


class FactMapper(Mapper[str]):
    """Between facts and the library's stored events."""

    def __init__(self) -> None:
        super().__init__(transcoder=_NoTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        if not isinstance(domain_event, StoredFact):
            raise TypeError(f"{type(domain_event).__name__} is no stored fact")
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=name_of(domain_event.record.fact),
            state=encode(domain_event.record),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        return StoredFact(
            str(stored_event.originator_id),
            stored_event.originator_version,
            decode(stored_event.topic, stored_event.state),
        )
