"""What earlier versions stored of people and reports, as it is stored today."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from libs.eventstore import Fact, Notification
from libs.keyring import Words
from libs.migration import Put
from services.people.app.people_sealer import MODERATION, NAME, PROFILE, of_person, of_report, of_space
from services.people.domain.account import AppealDecided, Appealed, Reinstated, Suspended
from services.people.domain.entities import reminded_space, report_of
from services.people.domain.instance import SpaceEndOrdered
from services.people.domain.person import HostingAllowed, HostingWithdrawn, Registered
from services.people.domain.profile import ProfileChanged
from services.people.domain.reminders import Reminded
from services.people.domain.report import Closed, Filed, Reopened

TITLE: Final = "title"
"""The unit of what a Space is called in reminders of earlier versions."""


def today(notification: Notification, put: Put) -> Fact:
    """A fact with its words sealed."""
    report = report_of(notification.aggregate_id)
    lock = of_person(notification.aggregate_id) if report is None else of_report(report)

    def said(unit: str, **words: Words) -> Fact:
        struct: Any = notification.fact  # which type checkers do not see
        return replace(struct, **{field: put(lock, unit, text) for field, text in words.items()})  # type: ignore[no-any-return]

    match notification.fact:
        case Registered(handle=handle, name=name):
            return said(NAME, handle=handle, name=name)
        case ProfileChanged(handle=handle, name=name, bio=bio, links=links, picture=picture):
            return ProfileChanged(
                handle=put(lock, NAME, handle),
                name=put(lock, NAME, name),
                bio=put(lock, PROFILE, bio),
                links=tuple(put(lock, PROFILE, link) for link in links),
                picture=picture,
            )
        case (
            Suspended(explanation=explanation)
            | Reinstated(explanation=explanation)
            | HostingAllowed(explanation=explanation)
            | HostingWithdrawn(explanation=explanation)
            | Closed(explanation=explanation)
            | Reopened(explanation=explanation)
        ):
            return said(MODERATION, explanation=explanation)
        case SpaceEndOrdered(space=ended_space, explanation=str(explanation)) if explanation:
            # Who hosted it is not known here.
            ended: Any = notification.fact
            its = of_space(ended_space)
            return replace(ended, explanation=put(its, MODERATION, explanation), lock=its)  # type: ignore[no-any-return]
        case Appealed(text=text):
            return said(MODERATION, text=text)
        case AppealDecided(answer=answer):
            return said(MODERATION, answer=answer)
        case Reminded(title=str(title)) if title and (space := reminded_space(notification.aggregate_id)) is not None:
            # Who wrote it is not known here.
            its = of_space(space)
            struct: Any = notification.fact
            return replace(struct, title=put(its, TITLE, title), title_lock=its)  # type: ignore[no-any-return]
        case Filed(subject=subject, comment=comment) as filed:
            about = replace(
                subject,
                handle=put(lock, MODERATION, subject.handle),
                name=put(lock, MODERATION, subject.name),
                title=put(lock, MODERATION, subject.title),
            )
            report_filed: Any = filed
            return replace(report_filed, subject=about, comment=put(lock, MODERATION, comment))  # type: ignore[no-any-return]
        case fact:
            return fact
