"""Events that a version cannot read: its readers stand before them until operators pass over one."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts import subjects
from contracts.commands import Command, Nothing, register
from contracts.envelope import Audience, Event, event
from contracts.people.v1.hosting import Explanation

StreamEventId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
"""`<source>:<id>` of an event in the stream, as `/ops` and the log name it."""


@event("people", subjects.PASSED_OVER, Audience.OPERATORS)
class EventPassedOver(Event):
    """Whoever cannot read this event goes on without it."""

    event_id: StreamEventId

    @property
    def key(self) -> str:
        return subjects.passed_over_key(self.event_id)


@register
class PassOverEvent(Command[Nothing]):
    """Operators let all who stand before an event that they cannot read go on without it; again changes nothing.

    Refuses: not_allowed.
    """

    service = "people"
    name = "pass_over_event"
    result = Nothing
    event_id: StreamEventId
    explanation: Explanation = ""
