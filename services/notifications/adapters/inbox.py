"""How far the stream of events is taken in, and what else follows from it.

The place is kept in the same transaction as what was taken in, so nothing is lost or taken in twice by a crash. Where
the stream is filled again from the stores, each event has the number of its notification: what is not above the last
one of its context was taken in before.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from libs.tables import Statements, Tables

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS place (one BIGINT PRIMARY KEY, epoch TEXT NOT NULL, sequence BIGINT NOT NULL, "
    "n BIGINT NOT NULL, name TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS marks (context TEXT PRIMARY KEY, notification BIGINT NOT NULL, part BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS owed (kind TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, id))",
)


class Place(NamedTuple):
    """How far the stream is taken in."""

    epoch: str
    sequence: int
    n: int
    """The number of the last event that was kept."""
    name: str
    """What ids of messages begin with: another one where these tables were begun anew, or the stream."""


Mark = tuple[int, int]
"""The number of a notification, and which of its events it is."""


class Inbox:
    """The place, and what is owed. Its methods raise TablesAway."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def place(self) -> Place | None:
        """None where nothing was taken in yet."""
        rows = await self._tables.run(lambda db: db.execute("SELECT epoch, sequence, n, name FROM place"))
        return Place(*rows[0]) if rows else None

    async def begin(self, epoch: str, sequence: int, marks: dict[str, Mark], name: str) -> None:
        """Begin at a place, with everything up to these marks taken in."""

        def work(db: Statements) -> None:
            db.execute("INSERT INTO place VALUES (1, ?, ?, 0, ?)", epoch, sequence, name)
            for context, mark in marks.items():
                db.execute("INSERT INTO marks VALUES (?, ?, ?)", context, *mark)

        await self._tables.run(work)

    async def owed(self) -> list[tuple[str, str]]:
        """Kind and id of what is owed."""
        rows = await self._tables.run(lambda db: db.execute("SELECT kind, id FROM owed"))
        return [(kind, id) for kind, id in rows]

    async def settle(self, kind: str, id: str) -> None:
        """It is done."""
        await self._tables.run(lambda db: db.execute("DELETE FROM owed WHERE kind = ? AND id = ?", kind, id))


def owe(db: Statements, kind: str, id: str) -> None:
    """Remember what follows from an event, inside the transaction that moves the place."""
    db.execute("INSERT INTO owed VALUES (?, ?) ON CONFLICT (kind, id) DO NOTHING", kind, id)


def move(db: Statements, place: Place) -> None:
    """Move the place."""
    db.execute("UPDATE place SET epoch = ?, sequence = ?, n = ?, name = ?", *place)


def is_new(db: Statements, context: str, mark: Mark) -> bool:
    """Whether an event of a context was not taken in before; it is from now on."""
    rows = db.execute("SELECT notification, part FROM marks WHERE context = ?", context)
    if rows and rows[0] >= mark:
        return False
    db.execute(
        "INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT (context) DO UPDATE SET notification = excluded.notification, "
        "part = excluded.part",
        context, *mark,
    )  # fmt: skip
    return True
