"""Which events are to be sent to a webhook now."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from libs.tables import Statements
from services.notifications.adapters.kept_events import EVENT, Kept

_FEW: Final = 64
"""Events of a lane that are looked at together."""
_EVENT_OF_SINGLE: Final = ", ".join(f"e.{name}" for name in EVENT.split(", "))
Wants = Callable[[str], bool]
"""Whether a webhook wants a type of events."""


@dataclass(frozen=True, slots=True)
class Due:
    """An event that is to be sent to a webhook now."""

    event: Kept
    lane: bool
    """Whether others of its lane wait behind it."""
    attempts: int
    """So many failed."""
    since: float | None
    """When the first of them did."""


def lanes_due(
    db: Statements, webhook: str, place: int, wants: Wants, until: float, most: int, taken: set[str]
) -> list[Due]:
    """The first events of lanes that are due, up to the webhook's place; a lane in which nothing more is wanted ends.
    Adds lanes to `taken`."""
    found: list[Due] = []
    while len(found) < most:  # again where lanes ended: others are due behind them
        lanes = db.execute(
            f"SELECT lane, n, attempts, since FROM lanes WHERE webhook = ? AND next_at <= ? AND {_none_of(taken)} "
            "ORDER BY next_at LIMIT ?",
            webhook, until, *taken, most - len(found),
        )  # fmt: skip
        if not lanes:
            break
        for lane, n, attempts, since in lanes:
            event = _first_wanted(db, lane, n, place, wants)
            if event is None:
                db.execute("DELETE FROM lanes WHERE webhook = ? AND lane = ?", webhook, lane)
                continue
            if event.n != n:
                db.execute("UPDATE lanes SET n = ? WHERE webhook = ? AND lane = ?", event.n, webhook, lane)
            taken.add(lane)
            found.append(Due(event, True, attempts, since))
    return found


def singles_due(db: Statements, webhook: str, until: float, most: int, taken: set[str]) -> list[Due]:
    """Events that stand alone and are due, at most one of each lane. Adds lanes to `taken`."""
    found: list[Due] = []
    while len(found) < most:
        rows = db.execute(
            f"SELECT {_EVENT_OF_SINGLE}, s.attempts, s.since FROM singles AS s JOIN events AS e ON e.n = s.n "
            f"WHERE s.webhook = ? AND s.next_at <= ? AND {_none_of(taken)} ORDER BY s.next_at, s.n LIMIT 1",
            webhook, until, *taken,
        )  # fmt: skip
        if not rows:
            break
        *event, attempts, since = rows[0]
        due = Due(Kept(*event), False, attempts, since)
        taken.add(due.event.lane)
        found.append(due)
    return found


def _first_wanted(db: Statements, lane: str, n: int, place: int, wants: Wants) -> Kept | None:
    while True:
        rows = db.execute(
            f"SELECT {EVENT} FROM events WHERE lane = ? AND n >= ? AND n <= ? ORDER BY n LIMIT ?",
            lane, n, place, _FEW,
        )  # fmt: skip
        for row in rows:
            if wants(row[2]):
                return Kept(*row)
        if len(rows) < _FEW:
            return None
        n = rows[-1][0] + 1


def _none_of(lanes: Collection[str]) -> str:
    return f"lane NOT IN ({', '.join('?' * len(lanes))})" if lanes else "1 = 1"
