"""Which events servers of the host product are told, of all Spaces."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final

from contracts import catalogue, subjects
from contracts.envelope import Audience, Event
from contracts.listening import names_a_listener
from contracts.named import people_in
from contracts.people import v1 as people
from contracts.people.v1 import ApiKeyScope

_TOLD: Final = frozenset({Audience.PUBLIC, Audience.STAGE, Audience.HOSTS, Audience.SERVERS})


def server_events() -> Mapping[str, type[Event]]:
    """The types of event that a server may be told, by `<context>.<name>`; what is kept nowhere is not among them."""
    return {
        f"{context}.{name}": kind
        for (context, name), kind in sorted(catalogue.event_types().items())
        if kind.audience & _TOLD and not kind.passing
    }


def told_to_servers(event: Event) -> bool:
    """Whether servers are told an event: what the host of its Space is told, and no more. So nobody learns who
    listens."""
    return bool(event.audience & _TOLD) and not event.passing and not names_a_listener(event)


# -- webhooks --------------------------------------------------------------------------------------------------

TOLD_OF: Final = ("people", "room", "recording", "transcription")
"""The contexts of the events that webhooks are told of: what comes from a store. Moments are too many, and tips are
between two people."""
OF_PEOPLE: Final[dict[type[Event], ApiKeyScope]] = {
    people.Registered: "people",
    people.PrivacyChanged: "people",
    people.ReminderSet: "people",
    people.ReminderCleared: "people",
    people.ReminderDue: "people",
    people.Followed: "relations",
    people.Unfollowed: "relations",
    people.Blocked: "relations",
    people.Unblocked: "relations",
    people.TokensRevoked: "tokens",
    people.Suspended: "moderation",
    people.Reinstated: "moderation",
    people.Reported: "moderation",
    people.ReportClosed: "moderation",
    people.ReportReopened: "moderation",
    people.Appealed: "moderation",
    people.AppealDecided: "moderation",
    people.HostingAllowed: "moderation",
    people.HostingWithdrawn: "moderation",
    people.HostingPolicyChanged: "moderation",
}
"""The right for each other event of people that webhooks are told of."""


@cache
def right_for(kind: type[Event]) -> ApiKeyScope | None:
    """The right by which a webhook is told of events of a type; None where none is."""
    if kind.context not in TOLD_OF or kind.passing:
        return None
    return "events" if kind.audience & _TOLD else OF_PEOPLE.get(kind)


def type_of(event: Event | type[Event]) -> str:
    """What an event's type is called: `room.started`."""
    return f"{event.context}.{event.name}"


def types_for(rights: Collection[str]) -> dict[str, type[Event]]:
    """The types that some rights open, by what they are called."""
    return {
        type_of(kind): kind
        for kind in catalogue.event_types().values()
        if (right := right_for(kind)) is not None and right in rights
    }


def wants(patterns: Collection[str], type: str) -> bool:
    """Whether a filter takes a type: one that has it, or `*` for all of its context, or an empty one."""
    return not patterns or type in patterns or f"{type.partition('.')[0]}.*" in patterns


def filters() -> tuple[str, ...]:
    """The subjects of everything that some server may be told of."""
    return tuple(subjects.events_of(context) for context in TOLD_OF)


def unmatched(patterns: Iterable[str], rights: Collection[str]) -> list[str]:
    """The patterns that take nothing of what some rights open."""
    types = types_for(rights)
    return [pattern for pattern in patterns if not any(wants((pattern,), type) for type in types)]


PEOPLE_FIELDS: Final = frozenset(
    {"person_id", "actor", "previous_id", "followee_id", "blocked_id", "reporter_id", "by", "invited_by"}
)
"""The fields of such events that hold somebody's id."""


def people_of(event: Event) -> frozenset[str]:
    """The ids of everybody whom an event names."""
    plain = (getattr(event, field, None) for field in PEOPLE_FIELDS)
    return frozenset(people_in(event)) | {id for id in plain if isinstance(id, str)}
