"""What a webhook is told of an event: made when it is sent, so that it says nothing that was erased meanwhile."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, Final

from contracts import servers
from contracts.envelope import Event, PersonRef, decode
from contracts.named import with_names
from contracts.people import v1 as people
from contracts.sealed import LeftOut, sealed_in
from libs.bus import Bus
from libs.bus.opening import Opening
from libs.keyring import ErasureTarget
from services.notifications.adapters.kept_events import Kept

_KNOWN_FOR: Final = 10.0
"""Seconds for which it is remembered who somebody is."""
_MOST: Final = 10_000


class Payloads:
    """Makes bodies of messages. Raises Unavailable and Refusal while keys or names cannot be had."""

    def __init__(
        self, bus: Bus, opening: Opening, issuer: str | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`issuer` says whose subjects people are named by besides their ids here."""
        self._bus = bus
        self._opening = opening
        self._issuer = issuer
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, people.PersonAtIssuer | None]] = OrderedDict()

    async def make(self, kept: Kept) -> bytes | None:
        """The body for an event; None where it is told to nobody any more."""
        body = kept.body.encode()
        parts = sealed_in(body)
        texts = None
        if parts is not None:
            texts = await self._opening.texts(set(parts.boxes.values()))
        try:
            event = decode(kept.subject, body, parts, texts)
        except LeftOut:
            return None
        who = await self._who(servers.people_of(event))
        event = with_names(event, lambda ref: _named(ref, who))
        told = event.model_dump(mode="json")
        if isinstance(event, people.Registered | people.ProfileChanged):
            one = who.get(event.person_id)
            if one is None or not one.name:
                return None  # they were erased
            told |= {"handle": one.handle, "display_name": one.name}
        return encoded(servers.type_of(event), event.at, told, who)

    async def _who(self, ids: Collection[str]) -> dict[str, people.PersonAtIssuer]:
        now = self._clock()
        missing = [id for id in ids if id not in self._known or self._known[id][0] < now]
        if missing:
            query = people.SubjectsQuery(operator=True, issuer=self._issuer, person_ids=tuple(sorted(missing)[:200]))
            found = {one.person_id: one for one in (await self._bus.ask(query)).result.people}
            for id in missing:
                self._known[id] = now + _KNOWN_FOR, found.get(id)
        result = {id: one for id in ids if (one := self._known[id][1]) is not None}
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        return result

    def drop(self, erased: ErasureTarget) -> None:
        """Forget who somebody is of whom something is destroyed."""
        self._known.clear()


def encoded(type: str, at: datetime, data: dict[str, Any], who: dict[str, people.PersonAtIssuer]) -> bytes:
    """A message as the Standard Webhooks specification recommends, with who the people in it are."""
    message = {
        "type": type,
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": data,
        "people": {
            id: {"subject": one.subject, "handle": one.handle, "name": one.name} for id, one in sorted(who.items())
        },
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def stored(event: Event) -> Event:
    """An event as it is kept: without what people are called, which is asked for when it is sent."""
    if isinstance(event, people.Registered):
        return event.model_copy(update={"handle": "", "display_name": ""})
    if isinstance(event, people.ProfileChanged):
        return event.model_copy(update={"handle": "", "display_name": "", "picture": None})
    return event


def _named(ref: PersonRef, who: dict[str, people.PersonAtIssuer]) -> PersonRef:
    one = who.get(ref.id)
    return ref if one is None else PersonRef(id=ref.id, handle=one.handle, name=one.name, picture=ref.picture)
