"""What those who run the instance do to people and Spaces."""

from __future__ import annotations

from contracts.commands import Command, Nothing, register
from contracts.envelope import Audience, SpaceId, event
from contracts.people.v1.hosting import Explanation, Ruling
from contracts.people.v1.profile import PersonEvent
from contracts.people.v1.reports import Offence, ReportId
from contracts.sealed import WordField
from contracts.times import GivenMoment, Moment


@event(
    "people",
    "suspended",
    Audience.OPERATORS,
    Audience.PERSON,
    concerns=("person_id",),
    words=(WordField("explanation"),),
)
class Suspended(PersonEvent):
    """From now on the person is refused everywhere: no command, no stream, no stage. Who did it is on the log only."""

    reason: str
    explanation: str = ""
    """For the person's eyes too."""
    until: Moment | None = None
    """When it ends by itself; None: not before operators end it. Told again, the last one holds."""


@event(
    "people",
    "reinstated",
    Audience.OPERATORS,
    Audience.PERSON,
    concerns=("person_id",),
    words=(WordField("explanation"),),
)
class Reinstated(PersonEvent):
    """The person's suspension is over."""

    explanation: str = ""
    lapsed: bool = False
    """It ended by itself."""


@register
class Suspend(Ruling):
    """Operators suspend somebody; accepted also where they are suspended already, and then another end holds.

    Refuses: not_allowed, person_unknown, invalid (a reason that is not on the list, an end in the past),
    report_unknown.
    """

    name = "suspend"
    reason: Offence
    report_id: ReportId | None = None
    """The report this answers; it is closed as acted upon."""
    until: GivenMoment | None = None
    """When it ends by itself."""


@register
class Reinstate(Ruling):
    """Operators end a suspension; accepted also where there is none. Refuses: not_allowed, person_unknown."""

    name = "reinstate"


@register
class TakePictureAway(Ruling):
    """Operators remove somebody's picture, for good; accepted also where there is none. Refuses: not_allowed,
    person_unknown."""

    name = "take_picture_away"


@register
class OrderSpaceEnd(Command[Nothing]):
    """Operators put on the log that they end a Space, and why; room ends it (`end_space`).

    Refuses: not_allowed, space_unknown, invalid (a reason that is not on the list), report_unknown.
    """

    service = "people"
    name = "order_space_end"
    result = Nothing
    space_id: SpaceId
    reason: Offence
    explanation: Explanation = ""
    report_id: ReportId | None = None
