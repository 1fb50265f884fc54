"""What is still to be sent to webhooks.

An event is kept once, whoever wants it, sealed as it stands in the stream, until it is too old to be sent again. A
webhook has a place up to which it has taken events in. A lane is a Space, or a person, with events up to that place
that are still to be sent there: the first of them is sent, then the next, so they come in order. What overtakes a lane,
or was asked for again, stands alone. So a webhook that is away for days costs nothing but its place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from libs.tables import Statements, Tables
from services.notifications.adapters import attempt_log, inbox, kept_events
from services.notifications.adapters.attempt_log import LoggedAttempt
from services.notifications.adapters.due import Due, Wants, lanes_due, singles_due

SCHEMA: Final = (
    *inbox.SCHEMA,
    *kept_events.SCHEMA,
    *attempt_log.SCHEMA,
    "CREATE TABLE IF NOT EXISTS progress (webhook TEXT PRIMARY KEY, place BIGINT NOT NULL, failures BIGINT NOT NULL, "
    "failing_since DOUBLE PRECISION, succeeded_at DOUBLE PRECISION NOT NULL, next_at DOUBLE PRECISION NOT NULL)",
    "CREATE TABLE IF NOT EXISTS lanes (webhook TEXT NOT NULL, lane TEXT NOT NULL, n BIGINT NOT NULL, "
    "attempts BIGINT NOT NULL, since DOUBLE PRECISION, next_at DOUBLE PRECISION NOT NULL, "
    "PRIMARY KEY (webhook, lane))",
    "CREATE INDEX IF NOT EXISTS lanes_due ON lanes (webhook, next_at)",
    "CREATE TABLE IF NOT EXISTS singles (webhook TEXT NOT NULL, n BIGINT NOT NULL, attempts BIGINT NOT NULL, "
    "since DOUBLE PRECISION, next_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (webhook, n))",
    "CREATE INDEX IF NOT EXISTS singles_due ON singles (webhook, next_at)",
)
MOST_LANES: Final = 1000
"""Of one webhook. With so many Spaces waiting it takes no further event in until some are through."""
MOST_SINGLES: Final = 10_000
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Progress:
    """How a webhook is doing."""

    place: int
    failures: int
    """In a row, up to now."""
    failing_since: float | None
    succeeded_at: float
    next_at: float
    """When it is tried again while it is taken to be away."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of an attempt."""

    due: Due
    at: float
    outcome: str
    status: int | None
    error: str
    milliseconds: int
    next_at: float | None = None
    """When it is tried again; None where it is not."""
    overtaken: bool = False
    """Whether those behind it in its lane wait for it no longer."""


class Deliveries:
    """What is kept. Its methods raise TablesAway."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    # -- webhooks ----------------------------------------------------------------------------------------------

    async def begin(self, webhook: str, now: float) -> Progress:
        """How a webhook is doing; one that is new begins with what happens from now on."""

        def work(db: Statements) -> Progress:
            found = _progress(db, webhook)
            if found is not None:
                return found
            ((place,),) = db.execute("SELECT coalesce(max(n), 0) FROM place")
            db.execute("INSERT INTO progress VALUES (?, ?, 0, NULL, ?, 0)", webhook, place, now)
            return Progress(place, 0, None, now, 0.0)

        return await self._tables.run(work)

    async def resume(self, webhook: str, now: float) -> None:
        """Try everything again at once, as if nothing had failed."""

        def work(db: Statements) -> None:
            again = "failures = 0, failing_since = NULL, next_at = 0"
            db.execute(f"UPDATE progress SET {again} WHERE webhook = ?", webhook)
            for table in ("lanes", "singles"):
                afresh = f"UPDATE {table} SET attempts = 0, since = NULL, next_at = ? WHERE webhook = ?"
                db.execute(afresh, now, webhook)

        await self._tables.run(work)

    async def forget(self, webhook: str) -> None:
        """Delete everything of a webhook."""

        def work(db: Statements) -> None:
            for table in ("progress", "lanes", "singles", "attempts"):
                db.execute(f"DELETE FROM {table} WHERE webhook = ?", webhook)

        await self._tables.run(work)

    async def known(self) -> list[str]:
        """The webhooks of which something is kept."""
        rows = await self._tables.run(lambda db: db.execute("SELECT webhook FROM progress"))
        return [webhook for (webhook,) in rows]

    async def standing(self, webhook: str) -> tuple[Progress | None, int, int]:
        """How a webhook is doing, how many lanes wait, and how many single events."""

        def work(db: Statements) -> tuple[Progress | None, int, int]:
            ((lanes,),) = db.execute("SELECT count(*) FROM lanes WHERE webhook = ?", webhook)
            ((singles,),) = db.execute("SELECT count(*) FROM singles WHERE webhook = ?", webhook)
            return _progress(db, webhook), lanes, singles

        return await self._tables.run(work)

    # -- sending -----------------------------------------------------------------------------------------------

    async def take_in(self, webhook: str, wants: Wants, now: float) -> int:
        """Move a webhook's place on, and let lanes begin with what it wants; how many events were looked at."""

        def work(db: Statements) -> int:
            progress = _progress(db, webhook)
            if progress is None:
                return 0
            ((lanes,),) = db.execute("SELECT count(*) FROM lanes WHERE webhook = ?", webhook)
            if lanes >= MOST_LANES:
                return 0
            rows = db.execute(
                "SELECT n, type, lane FROM events WHERE n > ? ORDER BY n LIMIT ?",
                progress.place, min(_PAGE, MOST_LANES - lanes),
            )  # fmt: skip
            begun: set[str] = set()
            for n, type, lane in rows:
                if lane not in begun and wants(type):
                    begun.add(lane)
                    db.execute(
                        "INSERT INTO lanes VALUES (?, ?, ?, 0, NULL, ?) ON CONFLICT (webhook, lane) DO NOTHING",
                        webhook, lane, n, now,
                    )  # fmt: skip
            if rows:
                db.execute("UPDATE progress SET place = ? WHERE webhook = ?", rows[-1][0], webhook)
            return len(rows)

        return await self._tables.run(work)

    async def due(
        self, webhook: str, wants: Wants, now: float, most: int, busy: Collection[str], *, soonest: bool
    ) -> tuple[list[Due], float | None]:
        """What is to be sent now, at most one event of each lane and none of those that are `busy`; and when there will
        be more. `soonest`: also what is due later, if nothing else is."""

        def work(db: Statements) -> tuple[list[Due], float | None]:
            taken = set(busy)
            until = 1e18 if soonest else now
            progress = _progress(db, webhook)
            found = lanes_due(db, webhook, 0 if progress is None else progress.place, wants, until, most, taken)
            found += singles_due(db, webhook, until, most - len(found), taken)
            ((later,),) = db.execute(
                "SELECT min(next_at) FROM (SELECT next_at FROM lanes WHERE webhook = ? AND next_at > ? UNION ALL "
                "SELECT next_at FROM singles WHERE webhook = ? AND next_at > ?) AS waiting",
                webhook, now, webhook, now,
            )  # fmt: skip
            return found, later

        return await self._tables.run(work)

    async def settle(self, webhook: str, attempts: Sequence[Attempt], gate: Progress) -> None:
        """Write down what became of some attempts, and how the webhook is doing since."""

        def work(db: Statements) -> None:
            if _progress(db, webhook) is None:
                return  # it was removed meanwhile
            for each in attempts:
                one = _room(db, webhook, each)
                attempt_log.write(db, webhook, one.due.event.n, _logged(one))
                _settle(db, webhook, one)
            db.execute(
                "UPDATE progress SET failures = ?, failing_since = ?, succeeded_at = ?, next_at = ? WHERE webhook = ?",
                gate.failures, gate.failing_since, gate.succeeded_at, gate.next_at, webhook,
            )  # fmt: skip

        await self._tables.run(work)

    async def hasten(self, webhook: str, now: float) -> None:
        """Try at once whatever waits for its next attempt: the webhook answers again."""

        def work(db: Statements) -> None:
            for table in ("lanes", "singles"):
                db.execute(f"UPDATE {table} SET next_at = ? WHERE webhook = ? AND next_at > ?", now, webhook, now)

        await self._tables.run(work)

    async def postpone(self, webhook: str, due: Due, until: float) -> None:
        """Look at an event again later, without an attempt."""

        def work(db: Statements) -> None:
            if due.lane:
                moved = "UPDATE lanes SET next_at = ? WHERE webhook = ? AND lane = ?"
                db.execute(moved, until, webhook, due.event.lane)
            else:
                db.execute("UPDATE singles SET next_at = ? WHERE webhook = ? AND n = ?", until, webhook, due.event.n)

        await self._tables.run(work)

    async def replay(
        self, webhook: str, wants: Wants, now: float, *, message: str | None, since: float | None, failed: bool
    ) -> tuple[int, bool]:
        """Send events again; how many, and whether there are more. Those that are on their way are left alone."""

        def work(db: Statements) -> tuple[int, bool]:
            progress = _progress(db, webhook)
            place = 0 if progress is None else progress.place
            ((there,),) = db.execute("SELECT count(*) FROM singles WHERE webhook = ?", webhook)
            room = MOST_SINGLES - there
            where = "e.n <= ?"
            values: list[Any] = [place]
            if message is not None:
                where += " AND e.id = ?"
                values.append(message)
            if since is not None:
                where += " AND e.at >= ?"
                values.append(since)
            if failed:
                given_up = "SELECT 1 FROM attempts AS a WHERE a.webhook = ? AND a.n = e.n AND a.outcome = "
                delivered = f"NOT EXISTS ({given_up} 'delivered')"
                where += f" AND EXISTS ({given_up} 'given_up') AND {delivered}"
                values += [webhook, webhook]
            rows = db.execute(f"SELECT e.n, e.type, e.lane FROM events AS e WHERE {where} ORDER BY e.n", *values)
            begun = 0
            for n, type, lane in rows:
                if not wants(type):
                    continue
                waits = db.execute("SELECT n FROM lanes WHERE webhook = ? AND lane = ?", webhook, lane)
                if waits and waits[0][0] <= n:
                    continue
                if begun >= room:
                    return begun, True
                db.execute(
                    "INSERT INTO singles VALUES (?, ?, 0, NULL, ?) ON CONFLICT (webhook, n) DO UPDATE SET "
                    "attempts = 0, since = NULL, next_at = excluded.next_at",
                    webhook, n, now,
                )  # fmt: skip
                begun += 1
            return begun, False

        return await self._tables.run(work)

    async def oldest(self) -> float | None:
        """When the oldest event was taken in that some webhook is still to be told of."""

        def work(db: Statements) -> float | None:
            ((oldest,),) = db.execute(
                "SELECT min(taken_at) FROM ("
                "SELECT e.taken_at FROM lanes AS l JOIN events AS e ON e.n = "
                "(SELECT min(n) FROM events WHERE lane = l.lane AND n >= l.n) "
                "UNION ALL SELECT e.taken_at FROM singles AS s JOIN events AS e ON e.n = s.n) AS waiting"
            )
            return None if oldest is None else float(oldest)

        return await self._tables.run(work)

    # -- what is kept ------------------------------------------------------------------------------------------

    async def purge(self, before: float) -> None:
        """Delete events and attempts of before a time."""

        def work(db: Statements) -> None:
            db.execute("DELETE FROM events WHERE taken_at < ?", before)
            db.execute("DELETE FROM singles WHERE n NOT IN (SELECT n FROM events)")
            db.execute("DELETE FROM attempts WHERE at < ?", before)

        await self._tables.run(work)

    async def wipe(self) -> None:
        """Leave nothing in the files of what was deleted."""
        await self._tables.wipe()


def _progress(db: Statements, webhook: str) -> Progress | None:
    rows = db.execute(
        "SELECT place, failures, failing_since, succeeded_at, next_at FROM progress WHERE webhook = ?", webhook
    )
    return Progress(*rows[0]) if rows else None


def _room(db: Statements, webhook: str, one: Attempt) -> Attempt:
    """The same; given up where it would overtake and too many have done so."""
    if one.overtaken:
        ((there,),) = db.execute("SELECT count(*) FROM singles WHERE webhook = ?", webhook)
        if there >= MOST_SINGLES:
            return replace(one, outcome="given_up", next_at=None, overtaken=False)
    return one


def _settle(db: Statements, webhook: str, one: Attempt) -> None:
    event, again = one.due.event, one.next_at is not None
    since = one.due.since if one.due.since is not None else one.at
    if one.due.lane and again and not one.overtaken:
        db.execute(
            "UPDATE lanes SET attempts = ?, since = ?, next_at = ? WHERE webhook = ? AND lane = ?",
            one.due.attempts + 1, since, one.next_at, webhook, event.lane,
        )  # fmt: skip
        return
    if one.due.lane:
        db.execute(
            "UPDATE lanes SET n = ?, attempts = 0, since = NULL, next_at = ? WHERE webhook = ? AND lane = ?",
            event.n + 1, one.at, webhook, event.lane,
        )  # fmt: skip
    if again and db.execute("SELECT 1 FROM events WHERE n = ?", event.n):  # it may be forgotten meanwhile
        db.execute(
            "INSERT INTO singles VALUES (?, ?, ?, ?, ?) ON CONFLICT (webhook, n) DO UPDATE SET "
            "attempts = excluded.attempts, since = excluded.since, next_at = excluded.next_at",
            webhook, event.n, one.due.attempts + 1, since, one.next_at,
        )  # fmt: skip
    else:
        db.execute("DELETE FROM singles WHERE webhook = ? AND n = ?", webhook, event.n)


def _logged(one: Attempt) -> LoggedAttempt:
    event = one.due.event
    return LoggedAttempt(
        0, event.id, event.type, event.space, event.at, one.at, one.due.attempts + 1, one.outcome, one.status,
        one.error, one.milliseconds,
    )  # fmt: skip
