"""What those who run the instance do about people."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.commands import Command, Nothing, register
from contracts.envelope import Audience, PersonId, event
from contracts.people.v1.hosting import Explanation
from contracts.people.v1.profile import PersonEvent

Offence = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A code of the instance's list of reasons, which is a setting of people."""


@event("people", "suspended", Audience.OPERATORS, Audience.PERSON, concerns=("person_id",))
class Suspended(PersonEvent):
    """From now on the person is refused everywhere: no command, no stream, no stage. Who did it is on the log only."""

    reason: str
    explanation: str = ""
    """For the person's eyes too."""


@event("people", "reinstated", Audience.OPERATORS, Audience.PERSON, concerns=("person_id",))
class Reinstated(PersonEvent):
    """The person's suspension is over."""

    explanation: str = ""


@register
class Suspend(Command[Nothing]):
    """Operators suspend somebody; accepted also where they are suspended already.

    Refuses: not_allowed, person_unknown, invalid (a reason that is not on the list).
    """

    service = "people"
    name = "suspend"
    result = Nothing
    person_id: PersonId
    reason: Offence
    explanation: Explanation = ""


@register
class Reinstate(Command[Nothing]):
    """Operators end a suspension; accepted also where there is none. Refuses: not_allowed, person_unknown."""

    service = "people"
    name = "reinstate"
    result = Nothing
    person_id: PersonId
    explanation: Explanation = ""
