"""What suspended people have to say about it."""

from __future__ import annotations

from typing import Annotated

from contracts.commands import Command, register
from contracts.envelope import Audience, Model, PersonId, event
from contracts.growing import Growing
from contracts.people.v1.hosting import Explanation
from contracts.people.v1.profile import PersonEvent
from contracts.people.v1.reports import PagedQuery
from contracts.sealed import WordField
from contracts.times import Moment
from contracts.written import Written

AppealText = Annotated[str, Written(1, 2000, lines=True)]


class AppealState(Growing):
    """Where an appeal stands."""

    OPEN = "open"
    GRANTED = "granted"
    """The suspension was ended by it."""
    REJECTED = "rejected"
    LAPSED = "lapsed"
    """The suspension ended by itself before anybody decided."""


class Appeal(Model):
    """What a suspended person has to say about their suspension; one appeal each."""

    person_id: PersonId
    suspended_at: Moment
    reason: str
    """Of the suspension, with its explanation."""
    explanation: str = ""
    at: Moment
    text: str
    state: AppealState = AppealState.OPEN
    decided_at: Moment | None = None
    answer: str = ""


@event("people", "appealed", Audience.OPERATORS, words=(WordField("text"),))
class Appealed(PersonEvent):
    """A suspended person asks to be heard."""

    text: str


@event(
    "people",
    "appeal_decided",
    Audience.OPERATORS,
    Audience.PERSON,
    concerns=("person_id",),
    words=(WordField("answer"),),
)
class AppealDecided(PersonEvent):
    """An appeal was granted (`reinstated` follows) or rejected."""

    state: AppealState
    answer: str = ""


@register
class LodgeAppeal(Command[Appeal]):
    """The actor, suspended, appeals; once for each suspension. Refuses: wrong_state."""

    service = "people"
    name = "lodge_appeal"
    result = Appeal
    text: AppealText


@register
class DecideAppeal(Command[Appeal]):
    """Operators grant or reject somebody's open appeal. Refuses: not_allowed, person_unknown, wrong_state."""

    service = "people"
    name = "decide_appeal"
    result = Appeal
    person_id: PersonId
    granted: bool
    answer: Explanation = ""


class Appeals(Model):
    """A page of appeals, newest first."""

    appeals: tuple[Appeal, ...] = ()
    next_cursor: str | None = None


@register
class AppealsQuery(PagedQuery[Appeals]):
    """Appeals, newest first: one's own, or for operators anybody's. Refuses: not_allowed, invalid."""

    name = "appeals"
    result = Appeals
    person_id: PersonId | None = None
    state: AppealState | None = None
