"""From people's stored facts to their contract events, and between stored and wire policies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from contracts.envelope import Event, Outgoing, with_boxes
from contracts.people import v1
from contracts.pictures import address_of
from contracts.sealed import Box
from libs.eventstore import Notification
from libs.keyring import Entry, Words
from libs.keyring.opening import box_of
from services.people.domain.account import AppealDecided, Appealed, Reinstated, Suspended, TokensRevoked
from services.people.domain.api_keys import ApiKeyRevoked, ApiKeyRotated
from services.people.domain.copies import Copied, CopyDestroyed, CopyMissing, CopySeen, Stretch
from services.people.domain.entities import API_KEYS, FORGETTING, INSTANCE, reminded_space, report_of
from services.people.domain.erasure import HandleFreed, PersonErased
from services.people.domain.forgetting import Forgotten
from services.people.domain.identity import Identified
from services.people.domain.instance import (
    EventPassedOver,
    HostingPolicy,
    HostingPolicyChanged,
    HostingRule,
    PlatformRule,
    TokensRevokedByOperators,
)
from services.people.domain.person import (
    Blocked,
    Followed,
    HostingAllowed,
    HostingWithdrawn,
    PrivacyChanged,
    Registered,
    Unblocked,
    Unfollowed,
)
from services.people.domain.profile import PictureTakenAway, ProfileChanged
from services.people.domain.reminders import Reminded, ReminderCleared, ReminderSet
from services.people.domain.report import Closed, Evidence, Filed, Reopened

_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
"""Of a caption or a pin."""


def wire_policy(policy: HostingPolicy, since: datetime | None) -> v1.HostingPolicy:
    """A stored policy on the wire."""
    return v1.HostingPolicy(
        rule=_wire_rule(policy.rule),
        platforms=tuple(
            v1.PlatformRule(**_wire_rule(rule).model_dump(), platform=rule.platform) for rule in policy.platforms
        ),
        since=since,
    )


def stored_policy(policy: v1.HostingPolicy) -> HostingPolicy:
    """A policy of a command as it is stored."""
    return HostingPolicy(
        rule=HostingRule(who=policy.rule.who.value, followers=policy.rule.followers, percentage=policy.rule.percentage),
        platforms=tuple(
            PlatformRule(
                who=rule.who.value, followers=rule.followers, percentage=rule.percentage, platform=rule.platform
            )
            for rule in policy.platforms
        ),
    )


def wire_evidence(evidence: Evidence) -> v1.Evidence:
    """A stored reference on the wire."""
    return v1.Evidence(
        kind=v1.EvidenceKind(evidence.kind),
        space_id=evidence.space,
        reference=evidence.reference,
        from_seconds=evidence.from_seconds,
        to_seconds=evidence.to_seconds,
    )


def stored_evidence(evidence: v1.Evidence) -> Evidence:
    """A reference of a command as it is stored; words in the place of an id are left out, for it is not sealed."""
    return Evidence(
        kind=evidence.kind.value,
        space=evidence.space_id,
        reference=evidence.reference if _ID.fullmatch(evidence.reference) else "",
        from_seconds=evidence.from_seconds,
        to_seconds=evidence.to_seconds,
    )


def keys_dropped(entries: Iterable[Entry], at: datetime) -> v1.KeysDropped:
    """What is to be dropped by whoever has it, in the ledger's order."""
    every = list(entries)
    return v1.KeysDropped(
        at=at,
        number=every[-1].number,
        gone=tuple(v1.Gone(what=entry.erased.what, unit=entry.erased.unit) for entry in every),
    )


def _wire_rule(rule: HostingRule) -> v1.HostingRule:
    return v1.HostingRule(who=v1.WhoMayHost(rule.who), followers=rule.followers, percentage=rule.percentage)


Read = Callable[[str, Words], str]
TellAbout = Callable[[str, Words], str | Box]


def translate(notification: Notification, name: Read, about: TellAbout) -> Sequence[Outgoing]:
    """The contract events of one stored fact. `name` opens what somebody is called, `about` tells the stream what was
    written about somebody or by them; both are given the person's id."""
    if (report := report_of(notification.aggregate_id)) is not None:
        return _of_report(report, notification)
    if (space := reminded_space(notification.aggregate_id)) is not None:
        return _of_reminders(space, notification)
    if notification.aggregate_id == INSTANCE:
        return _of_instance(notification)
    if notification.aggregate_id == FORGETTING:
        return _of_forgetting(notification)
    if notification.aggregate_id == API_KEYS:
        return _of_keys(notification)
    return _of_person(notification, name, about)


def _of_keys(notification: Notification) -> Sequence[Outgoing]:
    match notification.fact:
        case ApiKeyRotated(key=key, kept_until=until):
            return [v1.ApiKeyRotated(at=notification.record.at, key_id=key, kept_until=until)]
        case ApiKeyRevoked(key=key):
            return [v1.ApiKeyRevoked(at=notification.record.at, key_id=key)]
        case _:
            return []  # what ends nothing that is open is nobody else's business


def _of_person(notification: Notification, opened: Read, about: TellAbout) -> Sequence[Outgoing]:
    person, version, at = notification.aggregate_id, notification.version, notification.record.at
    match notification.fact:
        case Registered() | ProfileChanged() as f:
            kind = v1.Registered if isinstance(f, Registered) else v1.ProfileChanged
            handle, called = opened(person, f.handle), opened(person, f.name)
            if not handle and not called:
                return []  # of who is erased: what was published of it before is deleted (`infra.eraser`)
            told = kind(person_id=person, version=version, at=at, handle=handle, display_name=called)
            if isinstance(f, ProfileChanged) and f.picture:
                told = told.model_copy(update={"picture": address_of(person, f.picture)})
            return [told]
        case Followed(followee=followee):
            return [v1.Followed(person_id=person, version=version, at=at, followee_id=followee)]
        case Unfollowed(followee=followee):
            return [v1.Unfollowed(person_id=person, version=version, at=at, followee_id=followee)]
        case Blocked(person=other):
            return [v1.Blocked(person_id=person, version=version, at=at, blocked_id=other)]
        case Unblocked(person=other):
            return [v1.Unblocked(person_id=person, version=version, at=at, blocked_id=other)]
        case PrivacyChanged(protected=protected, hides_listening=hides):
            return [
                v1.PrivacyChanged(person_id=person, version=version, at=at, protected=protected, hides_listening=hides)
            ]
        case HostingAllowed():
            return [v1.HostingAllowed(person_id=person, version=version, at=at)]
        case HostingWithdrawn():
            return [v1.HostingWithdrawn(person_id=person, version=version, at=at)]
        case Suspended() as f:
            suspended = v1.Suspended(person_id=person, version=version, at=at, reason=f.reason, until=f.until)
            return [_with(suspended, "explanation", about(person, f.explanation))]
        case Reinstated(explanation=explanation, lapsed=lapsed):
            reinstated = v1.Reinstated(person_id=person, version=version, at=at, lapsed=lapsed)
            return [_with(reinstated, "explanation", about(person, explanation))]
        case PersonErased():
            # The erasure first, since room treats who is only signed out as somebody who left. Readers of earlier
            # versions know the second one alone.
            return [
                v1.Erased(person_id=person, version=version, at=at),
                v1.TokensRevoked(person_id=person, at=at, token_id=None),
            ]
        case HandleFreed() | Identified() | PictureTakenAway():
            return []
        case TokensRevoked(token=token, expires=expires):
            return [v1.TokensRevoked(person_id=person, at=at, token_id=token, expires_at=expires)]
        case Appealed(text=text):
            appealed = v1.Appealed(person_id=person, version=version, at=at, text="")
            return [_with(appealed, "text", about(person, text))]
        case AppealDecided(granted=granted, answer=answer):
            state = v1.AppealState.GRANTED if granted else v1.AppealState.REJECTED
            decided = v1.AppealDecided(person_id=person, version=version, at=at, state=state)
            return [_with(decided, "answer", about(person, answer))]
        case _:
            raise TypeError(f"{type(notification.fact).__name__} has no contract event")


def _with(event: Event, field: str, words: str | Box) -> Outgoing:
    """The event with words in a field, or what they are sealed in."""
    if isinstance(words, Box):
        return with_boxes(event, {field: words})
    return event.model_copy(update={field: words})


def _of_report(report: str, notification: Notification) -> list[Event]:
    version, at = notification.version, notification.record.at
    match notification.fact:
        case Filed(reporter=reporter, subject=subject, reason=reason, evidence=evidence):
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
        case Closed(outcome=outcome):
            return [v1.ReportClosed(report_id=report, version=version, at=at, outcome=v1.ReportState(outcome))]
        case Reopened():
            return [v1.ReportReopened(report_id=report, version=version, at=at)]
        case Copied(piece=piece, stretch=Stretch() as stretch):
            return [
                v1.ReportCopied(
                    report_id=report,
                    version=version,
                    at=at,
                    piece=piece,
                    space_id=stretch.space,
                    sound_since=stretch.since,
                    sound_until=stretch.until,
                )
            ]
        case Copied() | CopyMissing() | CopySeen() | CopyDestroyed():
            return []
        case _:
            raise TypeError(f"{type(notification.fact).__name__} has no contract event")


def _of_reminders(space: str, notification: Notification) -> Sequence[Outgoing]:
    version, at = notification.version, notification.record.at
    match notification.fact:
        case ReminderSet(person=person):
            return [v1.ReminderSet(person_id=person, space_id=space, version=version, at=at)]
        case ReminderCleared(person=person):
            return [v1.ReminderCleared(person_id=person, space_id=space, version=version, at=at)]
        case Reminded(kind=kind, start=start, people=people) as f:
            title = f.title if isinstance(f.title, str) else box_of(f.title, f.title_lock)
            # One each: who else is reminded is nobody's business.
            return [
                _with(
                    v1.ReminderDue(
                        person_id=person,
                        space_id=space,
                        version=version,
                        at=at,
                        kind=v1.ReminderKind(kind),
                        title="",
                        scheduled_start=start,
                    ),
                    "title",
                    title,
                )
                for person in people
            ]
        case _:
            raise TypeError(f"{type(notification.fact).__name__} has no contract event")


def _of_instance(notification: Notification) -> list[Event]:
    version, at = notification.version, notification.record.at
    match notification.fact:
        case HostingPolicyChanged(policy=policy):
            return [v1.HostingPolicyChanged(version=version, at=at, policy=wire_policy(policy, at))]
        case TokensRevokedByOperators(person=person, token=token, expires=expires):
            return [v1.TokensRevoked(person_id=person, at=at, token_id=token, expires_at=expires)]
        case EventPassedOver(event=event):
            return [v1.EventPassedOver(at=at, event_id=event)]
        case _:
            # Sign-up codes are for operators alone, and room tells that a Space is over.
            return []


def _of_forgetting(notification: Notification) -> list[Event]:
    match notification.fact:
        case Forgotten(gone=gone):
            return [v1.Forgotten(at=notification.record.at, number=gone.number, what=gone.what, unit=gone.unit)]
        case _:
            raise TypeError(f"{type(notification.fact).__name__} has no contract event")
