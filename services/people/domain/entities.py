"""Which aggregate an id of people's store stands for."""

from __future__ import annotations

from typing import Final

from services.people.domain.api_keys import ApiKeys
from services.people.domain.forgetting import Forgetting
from services.people.domain.instance import Instance
from services.people.domain.person import Person
from services.people.domain.reminders import Reminders
from services.people.domain.report import Report

INSTANCE: Final = "instance"
"""The id of the one `Instance`."""
FORGETTING: Final = "forgetting"
"""The id of the one `Forgetting`."""
API_KEYS: Final = "api-keys"
"""The id of the one `ApiKeys`."""
_REPORT: Final = "report-"
_REMINDERS: Final = "reminders-"

Entity = Person | Report | Reminders | Instance | Forgetting | ApiKeys
"""Whatever the store of people keeps; the id tells which."""


def new(id: str) -> Entity:
    """The empty state of an id."""
    if id == INSTANCE:
        return Instance(id)
    if id == FORGETTING:
        return Forgetting(id)
    if id == API_KEYS:
        return ApiKeys(id)
    if id.startswith(_REMINDERS):
        return Reminders(id)
    return Report(id) if id.startswith(_REPORT) else Person(id)


def stored_report(report_id: str) -> str:
    """The id under which a report is stored."""
    return _REPORT + report_id


def stored_reminders(space_id: str) -> str:
    """The id under which the reminders of a Space are stored."""
    return _REMINDERS + space_id


def reminded_space(id: str) -> str | None:
    """The Space whose reminders are stored under an id; None where they are no reminders."""
    return id.removeprefix(_REMINDERS) if id.startswith(_REMINDERS) else None


def report_of(id: str) -> str | None:
    """The report that is stored under an id; None where it is no report's."""
    return id.removeprefix(_REPORT) if id.startswith(_REPORT) else None
