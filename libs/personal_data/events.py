"""Records of the contract events that stored facts are published as."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final

from pydantic import JsonValue

from contracts.envelope import Audience, Event, Outgoing, PersonRef, SealedEvent, body_of, decode, event_of
from contracts.personal_data import HeldRecord
from contracts.sealed import LeftOut, sealed_in
from libs.bus import Unavailable
from libs.eventstore import Notification, Store
from libs.keyring.opening import Opener
from libs.personal_data.pages import Found
from libs.refusal import Refusal

_FACTS: Final = 200
"""That are read at once."""
_TOLD: Final = frozenset({Audience.PUBLIC, Audience.STAGE, Audience.PERSON})


def is_theirs(person: str, actor: str | None, event: Event) -> bool:
    """Whether an event is a person's: they caused it, or it names them and is no secret from them."""
    if actor == person:
        return True
    return bool(event.audience & _TOLD) and any(_is(person, value) for _, value in event)


def _is(person: str, value: object) -> bool:
    if isinstance(value, PersonRef):
        return value.id == person
    return value == person or _is_of(person, value)


def _is_of(person: str, value: object) -> bool:
    of = getattr(value, "person", None)
    return isinstance(of, PersonRef) and of.id == person


async def of_events(
    store: Store[Any],
    ids: Callable[[str], Iterable[str]],
    translate: Callable[[Notification], Sequence[Outgoing]],
    opener: Opener,
    *,
    subject: str,
    person: str,
    after: str,
) -> AsyncIterator[Found]:
    """What happened in some aggregates that is the person's. `ids` are those of the aggregates, in order, from one on.

    Refuses: invalid, unavailable.
    """
    begin, _, seen = after.rpartition("@")
    if after and not (seen.isascii() and seen.isdigit() and len(seen) < 19):
        raise Refusal("invalid", "There is no such page.", field="after")
    for id in ids(begin):
        version = int(seen) if id == begin else 0
        while facts := await store.facts(id, version, _FACTS):
            for fact in facts:
                version = fact.originator_version
                place = f"{id}@{version}"
                told = [
                    outgoing
                    for outgoing in translate(Notification(0, id, version, fact.record))
                    if is_theirs(person, fact.record.actor, event_of(outgoing))
                ]
                yield Found(place, await of_outgoing(subject, told, opener))


async def of_outgoing(subject: str, told: Iterable[Outgoing], opener: Opener) -> tuple[HeldRecord, ...]:
    """Records of events as they are published, with their words; of those that are told to nobody any more, none.

    Refuses: unavailable.
    """
    events = [await _opened(outgoing, opener) for outgoing in told]
    return tuple(_record(subject, event) for event in events if event is not None)


async def _opened(outgoing: Outgoing, opener: Opener) -> Event | None:
    """The event with its words; None where it is told to nobody any more."""
    if not isinstance(outgoing, SealedEvent):
        return outgoing
    body = body_of(outgoing)
    parts = sealed_in(body)
    assert parts is not None
    try:
        texts = await opener.texts(parts.boxes.values())
        return decode(outgoing.event.subject, body, parts, texts)
    except LeftOut:
        return None
    except Unavailable as away:
        raise Refusal("unavailable", "What people wrote cannot be read for a moment; try again.", retry=True) from away


def _record(subject: str, event: Event) -> HeldRecord:
    fields = event.model_dump(mode="json", exclude={"at"})
    return HeldRecord(subject=subject, at=event.at, fields={"event": event.name, **plain(fields)})


def plain(fields: dict[str, Any]) -> dict[str, JsonValue]:
    """Fields of an event, of people their ids alone: names are filled in only where events are shown."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> JsonValue:
    if isinstance(value, dict):
        if value.keys() >= {"id", "handle", "name"} and not value["handle"] and not value["name"]:
            return {"id": value["id"]}
        return plain(value)
    return [_plain(one) for one in value] if isinstance(value, list) else value
