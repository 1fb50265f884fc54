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
from services.people.domain.account import AppealDecided, Appealed, Reinstated, Suspended
from services.people.domain.copies import Copied, CopyDestroyed, CopyMissing
from services.people.domain.entities import report_of
from services.people.domain.erasure import PersonErased
from services.people.domain.instance import (
    HostingPolicyChanged,
)
from services.people.domain.person import HostingAllowed, HostingWithdrawn
from services.people.domain.report import Closed, Filed, Reopened
from services.people.projection import acts
from services.people.projection.act_of_fact import act_of, id_of
from services.people.projection.acts import Act, LogPlace, sortable
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


@dataclass(frozen=True, slots=True)
class AwaitedCopy:
    """A piece of a report of which something may still have to be copied."""

    report: str
    piece: int
    space: str | None
    """Whose sound it is; None where its words are awaited."""

    @property
    def words(self) -> bool:
        """Whether its words are awaited; else its sound may be."""
        return self.space is None


class Moderation(StoreModel):
    """The operators' side: what they did, and what they are asked."""

    schema = (
        acts.TABLE
        + """;
        CREATE TABLE reports (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, filed BLOB NOT NULL, person TEXT,
            space TEXT, state TEXT NOT NULL, closed_at TEXT, closed_by TEXT, explanation TEXT NOT NULL,
            destroyed INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX reports_closed ON reports (closed_at) WHERE closed_at IS NOT NULL AND destroyed = 0;
        CREATE TABLE awaited (report TEXT NOT NULL, piece INTEGER NOT NULL, PRIMARY KEY (report, piece)) WITHOUT ROWID;
        CREATE TABLE sounds (
            report TEXT NOT NULL, piece INTEGER NOT NULL, space TEXT NOT NULL, at TEXT NOT NULL,
            PRIMARY KEY (report, piece)
        ) WITHOUT ROWID;
        CREATE INDEX sounds_at ON sounds (at);
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
            case PersonErased():
                run("DELETE FROM ending WHERE person = ?", (notification.aggregate_id,))
                run(
                    "UPDATE appeals SET state = 'lapsed', decided_at = ? WHERE person = ? AND state = 'open'",
                    (sortable(at), notification.aggregate_id),
                )
            case HostingWithdrawn():
                self._undone("hosting_allowed", notification, person=notification.aggregate_id)
            case HostingAllowed():
                self._undone("hosting_withdrawn", notification, person=notification.aggregate_id)
            case HostingPolicyChanged(undoes=undoes) if undoes:
                run("UPDATE acts SET undone_by = ? WHERE id = ?", (id_of(notification), undoes))
            case Filed(subject=subject):
                report = report_of(notification.aggregate_id)
                run(
                    "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, 'open', NULL, NULL, '', 0)",
                    (notification.id, report, sortable(at), msgspec.json.encode(fact), subject.person, subject.space),
                )
                numbers = [(report, number) for number in range(len(fact.pieces))]
                self.db.executemany("INSERT INTO awaited VALUES (?, ?)", numbers)
            case Copied(piece=piece) | CopyMissing(piece=piece):
                report = report_of(notification.aggregate_id)
                run("DELETE FROM awaited WHERE report = ? AND piece = ?", (report, piece))
                if isinstance(fact, Copied) and fact.stretch is not None:
                    run("INSERT INTO sounds VALUES (?, ?, ?, ?)", (report, piece, fact.stretch.space, sortable(at)))
            case CopyDestroyed():
                report = report_of(notification.aggregate_id)
                run("DELETE FROM awaited WHERE report = ?", (report,))
                run("DELETE FROM sounds WHERE report = ?", (report,))
                run("UPDATE reports SET destroyed = 1 WHERE id = ?", (report,))
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
            (id_of(notification), act, person, person, report),
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

    def acts(self, before: LogPlace | None, person: str | None, space: str | None, limit: int) -> list[Act]:
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

    def stored(self, aggregate: str) -> ReportRow | None:
        """One report, by the id under which it is stored."""
        return None if (id := report_of(aggregate)) is None else self.report(id)

    def awaited(self, limit: int) -> list[str]:
        """Reports of which something is still to be copied."""
        rows = self.db.execute("SELECT DISTINCT report FROM awaited ORDER BY report LIMIT ?", (limit,))
        return [report for (report,) in rows]

    def awaited_copies(self, since: datetime, limit: int) -> list[AwaitedCopy]:
        """Pieces of reports from a moment on whose words, or maybe sound, are still to be copied; newest first."""
        rows = self.db.execute(
            "SELECT report, piece, NULL, at FROM awaited JOIN reports ON id = report WHERE at >= :since UNION ALL "
            "SELECT report, piece, space, at FROM sounds WHERE at >= :since ORDER BY at DESC LIMIT :limit",
            {"since": sortable(since), "limit": limit},
        )
        return [AwaitedCopy(report, piece, space) for report, piece, space, _ in rows]

    def closed(self, before: datetime) -> list[str]:
        """Reports that were closed at or before a moment, and are not destroyed, oldest first."""
        rows = self.db.execute(f"SELECT id FROM {_CLOSED} AND closed_at <= ? ORDER BY closed_at", (sortable(before),))
        return [report for (report,) in rows]

    def first_closed(self) -> datetime | None:
        """When the first of those that are not destroyed was closed."""
        (at,) = self.db.execute(f"SELECT min(closed_at) FROM {_CLOSED}").fetchone()
        return None if at is None else datetime.fromisoformat(at)

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


_CLOSED: Final = "reports WHERE closed_at IS NOT NULL AND destroyed = 0"


def _report(row: tuple[Any, ...]) -> ReportRow:
    _, id, at, filed, _, _, state, closed_at, closed_by, explanation, _ = row
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
