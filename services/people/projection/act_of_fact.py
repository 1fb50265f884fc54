"""Which facts are acts of moderation, and what the log says of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from libs.eventstore import Notification
from services.people.domain.account import AppealDecided, Reinstated, Suspended
from services.people.domain.copies import CopyDestroyed, CopySeen
from services.people.domain.entities import report_of
from services.people.domain.erasure import PersonErased
from services.people.domain.instance import (
    DataExported,
    EventPassedOver,
    HostingPolicy,
    HostingPolicyChanged,
    HostingRule,
    InvitationIssued,
    InvitationRevoked,
    SpaceEndOrdered,
    TokensRevokedByOperators,
)
from services.people.domain.person import HostingAllowed, HostingWithdrawn
from services.people.domain.profile import PictureTakenAway
from services.people.domain.report import Closed, Reopened
from services.people.projection.acts import GOOD, STANDING, Act, suspended_until

_LIST: Final = "list of those who may host"


def act_of(notification: Notification, standing: str) -> Act | None:
    """The act of moderation that a fact is, if it is one; `standing` is that of the person until now."""
    act = _act_of(notification, standing)
    return None if act is None else replace(act, api_key=notification.record.api_key)


def _act_of(notification: Notification, standing: str) -> Act | None:
    id, at, actor = id_of(notification), notification.record.at, notification.record.actor
    person = notification.aggregate_id
    report = report_of(notification.aggregate_id)
    match notification.fact:
        case Suspended() as f:
            after = suspended_until(f.until)
            return Act(
                id, at, actor, "suspended", person, None, f.reason, f.explanation, f.report, True,
                what=STANDING, before=standing, after=after,
            )  # fmt: skip
        case Reinstated() as f:
            act = "suspension_lapsed" if f.lapsed else "reinstated"
            return Act(
                id, at, actor, act, person, explanation=f.explanation, what=STANDING, before=standing, after=GOOD
            )
        case PictureTakenAway() as f:
            return Act(
                id, at, actor, "picture_removed", person, explanation=f.explanation,
                what="picture", before="the person's", after="none",
            )  # fmt: skip
        case PersonErased():
            return Act(id, at, actor, "erased", person, what=STANDING, before=standing, after="erased")
        case HostingAllowed() as f:
            return Act(
                id, at, actor, "hosting_allowed", person, explanation=f.explanation, undoable=True,
                what=_LIST, before="not on it", after="on it",
            )  # fmt: skip
        case HostingWithdrawn() as f:
            return Act(
                id, at, actor, "hosting_withdrawn", person, explanation=f.explanation, undoable=True,
                what=_LIST, before="on it", after="not on it",
            )  # fmt: skip
        case AppealDecided() as f:
            act = "appeal_granted" if f.granted else "appeal_rejected"
            after = "granted" if f.granted else "rejected"
            return Act(id, at, actor, act, person, explanation=f.answer, what="appeal", before="open", after=after)
        case HostingPolicyChanged() as f:
            return Act(
                id, at, actor, "hosting_policy_changed", explanation=f.explanation, undoable=True,
                what="who may host", before=_policy(f.before), after=_policy(f.policy),
            )  # fmt: skip
        case InvitationIssued() as f:
            ends = "" if f.expires_at is None else f" until {f.expires_at.isoformat(timespec='seconds')}"
            after = f"good for {f.uses} sign-up{'s' if f.uses != 1 else ''}{ends}"
            return Act(
                id, at, actor, "invitation_issued", explanation=f.note, what=_code(f.code), before="none", after=after
            )
        case InvitationRevoked() as f:
            return Act(id, at, actor, "invitation_revoked", what=_code(f.code), before="valid", after="revoked")
        case TokensRevokedByOperators() as f:
            one = "all tokens" if f.token is None else f"token {f.token[:8]}…"
            return Act(id, at, actor, "tokens_revoked", f.person, what=one, before="valid", after="revoked")
        case DataExported() as f:
            return Act(id, at, actor, "exported", f.person)
        case EventPassedOver() as f:
            return Act(
                id, at, actor, "event_passed_over", explanation=f.explanation,
                what=f"event {f.event}", before="awaited", after="passed over",
            )  # fmt: skip
        case SpaceEndOrdered() as f:
            return Act(
                id, at, actor, "space_end_ordered", None, f.space, f.reason, f.explanation, f.report, lock=f.lock
            )
        case Closed() as f:
            return Act(
                id, at, actor, f"report_{f.outcome}", explanation=f.explanation, report=report, undoable=True,
                what="report", before="open", after=f.outcome,
            )  # fmt: skip
        case Reopened() as f:
            return Act(
                id, at, actor, "report_reopened", explanation=f.explanation, report=report,
                what="report", before="closed", after="open",
            )  # fmt: skip
        case CopySeen(piece=piece):
            return Act(id, at, actor, "report_read" if piece is None else "report_heard", report=report)
        case CopyDestroyed():
            return Act(id, at, None, "report_destroyed", report=report)
        case _:
            return None


def _code(code: str) -> str:
    # The whole of it would let whoever reads the log sign up.
    return f"sign-up code {code[:4]}…"


def _policy(policy: HostingPolicy) -> str:
    others = (f"{rule.platform}: {_rule(rule)}" for rule in policy.platforms)
    return "; ".join((_rule(policy.rule), *others))


def _rule(rule: HostingRule) -> str:
    match rule.who:
        case "followers":
            return f"whoever has {rule.followers} followers"
        case "percentage":
            return f"{rule.percentage} % of people"
        case "listed":
            return "whoever is on the list"
        case _:
            return rule.who


def id_of(notification: Notification) -> str:
    """The id of the act that a fact is."""
    return f"{notification.aggregate_id}-{notification.version}"
