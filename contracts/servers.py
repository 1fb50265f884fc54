"""Which events servers of the host product are told, of all Spaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from contracts import catalogue
from contracts.envelope import Audience, Event
from contracts.listening import names_a_listener

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
