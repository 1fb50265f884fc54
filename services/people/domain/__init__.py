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
from services.people.domain.report import Closed, Evidence, Filed, Reopened, Report, Subject

INSTANCE: Final = "instance"
"""The id of the one `Instance`."""
_REPORT: Final = "report-"

Entity = Person | Report | Instance
"""Whatever the store of people keeps; the id tells which."""


def new(id: str) -> Entity:
    """The empty state of an id."""
    if id == INSTANCE:
        return Instance(id)
    return Report(id) if id.startswith(_REPORT) else Person(id)


def stored_report(report_id: str) -> str:
    """The id under which a report is stored."""
    return _REPORT + report_id


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
    "Reopened",
    "Report",
    "SpaceEndOrdered",
    "Subject",
    "Suspended",
    "Suspension",
    "Unblocked",
    "Unfollowed",
    "new",
    "report_of",
    "stored_report",
]
