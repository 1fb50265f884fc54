"""What people decides on: persons, reports, and the instance's own rules."""

from __future__ import annotations

from typing import Final

from services.people.domain.instance import (
    HostingPolicy,
    HostingPolicyChanged,
    HostingRule,
    Instance,
    Invitation,
    InvitationIssued,
    InvitationRevoked,
    PlatformRule,
    SpaceEndOrdered,
)
from services.people.domain.person import (
    Appeal,
    AppealDecided,
    Appealed,
    Blocked,
    Followed,
    HostingAllowed,
    HostingWithdrawn,
    Person,
    PrivacyChanged,
    Registered,
    Reinstated,
    Suspended,
    Suspension,
    Unblocked,
    Unfollowed,
)
from services.people.domain.reminders import Reminded, ReminderCleared, Reminders, ReminderSet
from services.people.domain.report import Closed, Evidence, Filed, Reopened, Report, Subject

INSTANCE: Final = "instance"
"""The id of the one `Instance`."""
_REPORT: Final = "report-"
_REMINDERS: Final = "reminders-"

Entity = Person | Report | Reminders | Instance
"""Whatever the store of people keeps; the id tells which."""


def new(id: str) -> Entity:
    """The empty state of an id."""
    if id == INSTANCE:
        return Instance(id)
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


__all__ = [
    "INSTANCE",
    "Appeal",
    "AppealDecided",
    "Appealed",
    "Blocked",
    "Closed",
    "Entity",
    "Evidence",
    "Filed",
    "Followed",
    "HostingAllowed",
    "HostingPolicy",
    "HostingPolicyChanged",
    "HostingRule",
    "HostingWithdrawn",
    "Instance",
    "Invitation",
    "InvitationIssued",
    "InvitationRevoked",
    "Person",
    "PlatformRule",
    "PrivacyChanged",
    "Registered",
    "Reinstated",
    "Reminded",
    "ReminderCleared",
    "ReminderSet",
    "Reminders",
    "Reopened",
    "Report",
    "SpaceEndOrdered",
    "Subject",
    "Suspended",
    "Suspension",
    "Unblocked",
    "Unfollowed",
    "new",
    "reminded_space",
    "report_of",
    "stored_reminders",
    "stored_report",
]
