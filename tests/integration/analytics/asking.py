"""Publishing events as their owners would, and asking for figures."""

from __future__ import annotations

from contracts import subjects
from contracts.analytics import v1
from contracts.envelope import Event, headers
from libs.bus import Bus
from libs.ids import new_id
from tests.support.waiting import LIMIT


async def publish(bus: Bus, *events: Event, ids: list[str] | None = None) -> int:
    """Publish events of any context, with new ids or with these; the sequence of the last."""
    sequence = 0
    for event, id in zip(events, ids or [new_id() for _ in events], strict=True):
        told = headers(event, id=id, source=event.context)
        body = event.model_dump_json().encode()
        ack = await bus.js.publish(event.subject, body, headers=told, stream=subjects.EVENTS_STREAM)
        sequence = ack.seq
    return sequence


async def figures(bus: Bus, space_id: str) -> v1.SpaceFigures:
    """Ask, for as long as the service starts."""
    return (await bus.ask(v1.SpaceFiguresQuery(space_id=space_id), timeout=LIMIT)).result
