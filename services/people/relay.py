"""From people's stored facts to their contract events, and between stored and wire policies."""

from __future__ import annotations

from datetime import datetime

from contracts.envelope import Event
from contracts.people import v1
from libs.eventstore import Notification
from services.people import domain


def wire_policy(policy: domain.HostingPolicy, since: datetime | None) -> v1.HostingPolicy:
    """A stored policy on the wire."""
    return v1.HostingPolicy(
        rule=_wire_rule(policy.rule),
        platforms=tuple(
            v1.PlatformRule(**_wire_rule(rule).model_dump(), platform=rule.platform) for rule in policy.platforms
        ),
        since=since,
    )


def stored_policy(policy: v1.HostingPolicy) -> domain.HostingPolicy:
    """A policy of a command as it is stored."""
    return domain.HostingPolicy(
        rule=domain.HostingRule(
            who=policy.rule.who.value, followers=policy.rule.followers, percentage=policy.rule.percentage
        ),
        platforms=tuple(
            domain.PlatformRule(
                who=rule.who.value, followers=rule.followers, percentage=rule.percentage, platform=rule.platform
            )
            for rule in policy.platforms
        ),
    )


def wire_evidence(evidence: domain.Evidence) -> v1.Evidence:
    """A stored reference on the wire."""
    return v1.Evidence(
        kind=v1.EvidenceKind(evidence.kind),
        space_id=evidence.space,
        reference=evidence.reference,
        from_seconds=evidence.from_seconds,
        to_seconds=evidence.to_seconds,
    )


def stored_evidence(evidence: v1.Evidence) -> domain.Evidence:
    """A reference of a command as it is stored."""
    return domain.Evidence(
        kind=evidence.kind.value,
        space=evidence.space_id,
        reference=evidence.reference,
        from_seconds=evidence.from_seconds,
        to_seconds=evidence.to_seconds,
    )


def _wire_rule(rule: domain.HostingRule) -> v1.HostingRule:
    return v1.HostingRule(who=v1.WhoMayHost(rule.who), followers=rule.followers, percentage=rule.percentage)


def translate(notification: Notification) -> list[Event]:
    """The contract events of one stored fact."""
    if (report := domain.report_of(notification.aggregate_id)) is not None:
        return _of_report(report, notification)
    if (space := domain.reminded_space(notification.aggregate_id)) is not None:
        return _of_reminders(space, notification)
    if notification.aggregate_id == domain.INSTANCE:
        return _of_instance(notification)
    return _of_person(notification)


def _of_person(notification: Notification) -> list[Event]:
    person, version, at = notification.aggregate_id, notification.version, notification.record.at
    match notification.fact:
        case domain.Registered(handle=handle, name=name):
            return [v1.Registered(person_id=person, version=version, at=at, handle=handle, display_name=name)]
        case domain.Followed(followee=followee):
            return [v1.Followed(person_id=person, version=version, at=at, followee_id=followee)]
        case domain.Unfollowed(followee=followee):
            return [v1.Unfollowed(person_id=person, version=version, at=at, followee_id=followee)]
        case domain.Blocked(person=other):
            return [v1.Blocked(person_id=person, version=version, at=at, blocked_id=other)]
        case domain.Unblocked(person=other):
            return [v1.Unblocked(person_id=person, version=version, at=at, blocked_id=other)]
        case domain.PrivacyChanged(protected=protected, hides_listening=hides):
            return [
                v1.PrivacyChanged(person_id=person, version=version, at=at, protected=protected, hides_listening=hides)
            ]
        case domain.HostingAllowed():
            return [v1.HostingAllowed(person_id=person, version=version, at=at)]
        case domain.HostingWithdrawn():
            return [v1.HostingWithdrawn(person_id=person, version=version, at=at)]
        case domain.Suspended() as f:
            return [
                v1.Suspended(
                    person_id=person, version=version, at=at, reason=f.reason, explanation=f.explanation, until=f.until
                )
            ]
        case domain.Reinstated(explanation=explanation, lapsed=lapsed):
            return [v1.Reinstated(person_id=person, version=version, at=at, explanation=explanation, lapsed=lapsed)]
        case domain.Appealed(text=text):
            return [v1.Appealed(person_id=person, version=version, at=at, text=text)]
        case domain.AppealDecided(granted=granted, answer=answer):
            state = v1.AppealState.GRANTED if granted else v1.AppealState.REJECTED
            return [v1.AppealDecided(person_id=person, version=version, at=at, state=state, answer=answer)]
        case _:
            raise TypeError(f"{type(notification.fact).__name__} has no contract event")


def _of_report(report: str, notification: Notification) -> list[Event]:
    version, at = notification.version, notification.record.at
    match notification.fact:
        case domain.Filed(reporter=reporter, subject=subject, reason=reason, evidence=evidence):
            return [
                v1.Reported(
                    report_id=report,
                    version=version,
                    at=at,
                    reporter_id=reporter,
                    person_id=subject.person,
                    space_id=subject.space,
                    reason=reason,
                    evidence=tuple(wire_evidence(one) for one in evidence),
                )
            ]
        case domain.Closed(outcome=outcome):
            return [v1.ReportClosed(report_id=report, version=version, at=at, outcome=v1.ReportState(outcome))]
        case domain.Reopened():
            return [v1.ReportReopened(report_id=report, version=version, at=at)]
        case _:
            raise TypeError(f"{type(notification.fact).__name__} has no contract event")


def _of_reminders(space: str, notification: Notification) -> list[Event]:
    version, at = notification.version, notification.record.at
    match notification.fact:
        case domain.ReminderSet(person=person):
            return [v1.ReminderSet(person_id=person, space_id=space, version=version, at=at)]
        case domain.ReminderCleared(person=person):
            return [v1.ReminderCleared(person_id=person, space_id=space, version=version, at=at)]
        case domain.Reminded(kind=kind, start=start, title=title, people=people):
            # One each: who else is reminded is nobody's business.
            return [
                v1.ReminderDue(
                    person_id=person,
                    space_id=space,
                    version=version,
                    at=at,
                    kind=v1.ReminderKind(kind),
                    title=title,
                    scheduled_start=start,
                )
                for person in people
            ]
        case _:
            raise TypeError(f"{type(notification.fact).__name__} has no contract event")


def _of_instance(notification: Notification) -> list[Event]:
    version, at = notification.version, notification.record.at
    match notification.fact:
        case domain.HostingPolicyChanged(policy=policy):
            return [v1.HostingPolicyChanged(version=version, at=at, policy=wire_policy(policy, at))]
        case _:
            # Codes are nobody else's business, and that a Space is ended is said by room.
            return []
