"""Operators' acts, reports and appeals, from people's own facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from libs.eventstore import Notification
from libs.keyring import Words
from libs.readmodel import StoreModel
from libs.refusal import Refusal
from services.people.domain.entities import report_of
from services.people.domain.instance import (
    EventPassedOver,
    HostingPolicy,
    HostingPolicyChanged,
    HostingRule,
    InvitationIssued,
    InvitationRevoked,
    SpaceEndOrdered,
    TokensRevokedByOperators,
)
from services.people.domain.person import (
    AppealDecided,
    Appealed,
    HostingAllowed,
    HostingWithdrawn,
    Reinstated,
    Suspended,
)
from services.people.domain.report import Closed, Filed, Reopened
from services.people.projection import acts
from services.people.projection.acts import GOOD, STANDING, Act, Place, sortable, suspended_until
from services.people.projection.word_columns import column, words_of


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report as it is now."""

    id: str
    at: datetime
    filed: Filed
    state: str
    closed_at: datetime | None
    closed_by: str | None
    explanation: Words


@dataclass(frozen=True, slots=True)
class AppealRow:
    """An appeal as it is now."""

    person: str
    suspended_at: datetime
    reason: str
    explanation: Words
    at: datetime
    text: Words
    state: str
    decided_at: datetime | None
    answer: Words


class Moderation(StoreModel):
    """The operators' side: what they did, and what they are asked."""

    schema = (
        acts.TABLE
        + """;
        CREATE TABLE reports (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, filed BLOB NOT NULL, person TEXT,
            space TEXT, state TEXT NOT NULL, closed_at TEXT, closed_by TEXT, explanation TEXT NOT NULL
        );
        CREATE INDEX reports_state ON reports (state, seq);
        CREATE INDEX reports_person ON reports (person, seq);
        CREATE INDEX reports_space ON reports (space, seq);
        CREATE TABLE appeals (
            seq INTEGER PRIMARY KEY, person TEXT NOT NULL, suspended_at TEXT NOT NULL, reason TEXT NOT NULL,
            explanation TEXT NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL, state TEXT NOT NULL, decided_at TEXT,
            answer TEXT NOT NULL
        );
        CREATE INDEX appeals_person ON appeals (person, seq);
        CREATE INDEX appeals_state ON appeals (state, seq);
        CREATE TABLE ending (person TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID
    """
    )

    def apply(self, notification: Notification) -> None:
        run = self.db.execute
        fact, at = notification.fact, notification.record.at
        entry = act_of(notification, acts.standing(self.db, notification.aggregate_id))
        if entry is not None:
            acts.add(self.db, entry)
        match fact:
            case Suspended(until=until):
                run("DELETE FROM ending WHERE person = ?", (notification.aggregate_id,))
                if until is not None:
                    run("INSERT INTO ending VALUES (?, ?)", (notification.aggregate_id, until.timestamp()))
            case Reinstated(lapsed=lapsed):
                run("DELETE FROM ending WHERE person = ?", (notification.aggregate_id,))
                self._undone("suspended", notification, person=notification.aggregate_id)
                if lapsed:
                    run(
                        "UPDATE appeals SET state = 'lapsed', decided_at = ? WHERE person = ? AND state = 'open'",
                        (sortable(at), notification.aggregate_id),
                    )
            case HostingWithdrawn():
                self._undone("hosting_allowed", notification, person=notification.aggregate_id)
            case HostingAllowed():
                self._undone("hosting_withdrawn", notification, person=notification.aggregate_id)
            case HostingPolicyChanged(undoes=undoes) if undoes:
                run("UPDATE acts SET undone_by = ? WHERE id = ?", (_id(notification), undoes))
            case Filed(subject=subject):
                run(
                    "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, 'open', NULL, NULL, '')",
                    (notification.id, report_of(notification.aggregate_id), sortable(at),
                     msgspec.json.encode(fact), subject.person, subject.space),
                )  # fmt: skip
            case Closed(outcome=outcome, explanation=explanation):
                run(
                    "UPDATE reports SET state = ?, closed_at = ?, closed_by = ?, explanation = ? WHERE id = ?",
                    (outcome, sortable(at), notification.record.actor, column(explanation),
                     report_of(notification.aggregate_id)),
                )  # fmt: skip
            case Reopened():
                report = report_of(notification.aggregate_id)
                run(
                    "UPDATE reports SET state = 'open', closed_at = NULL, closed_by = NULL, explanation = '' "
                    "WHERE id = ?",
                    (report,),
                )
                self._undone("report_dismissed", notification, report=report)
                self._undone("report_acted", notification, report=report)
            case Appealed(text=text):
                suspended = run(
                    "SELECT at, reason, explanation FROM acts WHERE person = ? AND act = 'suspended' "
                    "ORDER BY at DESC, id DESC LIMIT 1",
                    (notification.aggregate_id,),
                ).fetchone()
                run(
                    "INSERT INTO appeals VALUES (?, ?, ?, ?, ?, ?, ?, 'open', NULL, '')",
                    (notification.id, notification.aggregate_id, *suspended, sortable(at), column(text)),
                )
            case AppealDecided(granted=granted, answer=answer):
                run(
                    "UPDATE appeals SET state = ?, decided_at = ?, answer = ? WHERE person = ? AND state = 'open'",
                    ("granted" if granted else "rejected", sortable(at), column(answer), notification.aggregate_id),
                )
            case _:
                pass

    def _undone(
        self, act: str, notification: Notification, *, person: str | None = None, report: str | None = None
    ) -> None:
        self.db.execute(
            "UPDATE acts SET undone_by = ? WHERE act = ? AND undone_by IS NULL AND "
            "(person = ? OR (? IS NULL AND report = ?))",
            (_id(notification), act, person, person, report),
        )

    def ending(self, before: datetime) -> list[str]:
        """Whose suspension ends by itself at or before a moment."""
        rows = self.db.execute("SELECT person FROM ending WHERE until <= ? ORDER BY until", (before.timestamp(),))
        return [person for (person,) in rows]

    def next_end(self) -> datetime | None:
        """When the next suspension ends by itself."""
        (until,) = self.db.execute("SELECT min(until) FROM ending").fetchone()
        return None if until is None else datetime.fromtimestamp(until, UTC)

    def act(self, id: str) -> Act | None:
        """One act of operators."""
        return acts.find(self.db, id)

    def acts(self, before: Place | None, person: str | None, space: str | None, limit: int) -> list[Act]:
        """Acts of operators before a place, newest first."""
        return acts.page(self.db, before, person, space, limit)

    def reports(
        self, before: str | None, state: str | None, person: str | None, space: str | None, limit: int
    ) -> tuple[list[ReportRow], str | None]:
        """A page of reports, newest first, and the cursor of what follows. Refuses: invalid."""
        conditions = {"state": state, "person": person, "space": space}
        rows, cursor = self._page("reports", before, conditions, limit)
        return [_report(row) for row in rows], cursor

    def report(self, id: str) -> ReportRow | None:
        """One report."""
        row = self.db.execute("SELECT * FROM reports WHERE id = ?", (id,)).fetchone()
        return None if row is None else _report(row)

    def appeals(
        self, before: str | None, state: str | None, person: str | None, limit: int
    ) -> tuple[list[AppealRow], str | None]:
        """A page of appeals, newest first, and the cursor of what follows. Refuses: invalid."""
        rows, cursor = self._page("appeals", before, {"state": state, "person": person}, limit)
        return [_appeal(row) for row in rows], cursor

    def _page(
        self, table: str, before: str | None, equal: dict[str, str | None], limit: int
    ) -> tuple[list[tuple[Any, ...]], str | None]:
        if before is not None and not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Refusal("invalid", "This is no cursor of this list.")
        wanted = {column: value for column, value in equal.items() if value is not None}
        conditions = "".join(f" AND {column} = ?" for column in wanted)
        rows = self.db.execute(
            f"SELECT * FROM {table} WHERE seq < ?{conditions} ORDER BY seq DESC LIMIT ?",
            (2**62 if before is None else int(before), *wanted.values(), limit + 1),
        ).fetchall()
        return rows[:limit], str(rows[limit - 1][0]) if len(rows) > limit else None


def act_of(notification: Notification, standing: str) -> Act | None:
    """The act of moderation that a fact is, if it is one; `standing` is that of the person until now."""
    id, at, actor = _id(notification), notification.record.at, notification.record.actor
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
        case EventPassedOver() as f:
            return Act(
                id, at, actor, "event_passed_over", explanation=f.explanation,
                what=f"event {f.event}", before="awaited", after="passed over",
            )  # fmt: skip
        case SpaceEndOrdered() as f:
            return Act(id, at, actor, "space_end_ordered", None, f.space, f.reason, f.explanation, f.report)
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
        case _:
            return None


_LIST: Final = "list of those who may host"


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


def _id(notification: Notification) -> str:
    return f"{notification.aggregate_id}-{notification.version}"


def _report(row: tuple[Any, ...]) -> ReportRow:
    _, id, at, filed, _, _, state, closed_at, closed_by, explanation = row
    return ReportRow(
        id,
        datetime.fromisoformat(at),
        msgspec.json.decode(filed, type=Filed),
        state,
        None if closed_at is None else datetime.fromisoformat(closed_at),
        closed_by,
        words_of(explanation),
    )


def _appeal(row: tuple[Any, ...]) -> AppealRow:
    _, person, suspended_at, reason, explanation, at, text, state, decided_at, answer = row
    return AppealRow(
        person,
        datetime.fromisoformat(suspended_at),
        reason,
        words_of(explanation),
        datetime.fromisoformat(at),
        words_of(text),
        state,
        None if decided_at is None else datetime.fromisoformat(decided_at),
        words_of(answer),
    )
