"""What is still to be told in browsers.

A piece of news is written down in the transaction that moves the place in the stream. Later it becomes a row for each
browser that is told, a page at a time. The rows stay for a while after they are sent: nobody is told twice of the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from libs.tables import Statements, Tables
from services.notifications.adapters.inbox import owe
from services.notifications.domain.news import About

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS news (id TEXT PRIMARY KEY, about TEXT NOT NULL, occasion TEXT NOT NULL, "
    "space TEXT NOT NULL, host TEXT NOT NULL, person TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, "
    "place TEXT NOT NULL, told BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS news_untold ON news (told, at)",
    "CREATE INDEX IF NOT EXISTS news_space ON news (space)",
    "CREATE TABLE IF NOT EXISTS pushes (subscription TEXT NOT NULL, space TEXT NOT NULL, occasion TEXT NOT NULL, "
    "about TEXT NOT NULL, person TEXT NOT NULL, host TEXT NOT NULL, service TEXT NOT NULL, "
    "at DOUBLE PRECISION NOT NULL, attempts BIGINT NOT NULL, rank BIGINT NOT NULL, next_at DOUBLE PRECISION, "
    "PRIMARY KEY (subscription, space, occasion))",
    "CREATE INDEX IF NOT EXISTS pushes_due ON pushes (rank, next_at)",
    "CREATE INDEX IF NOT EXISTS pushes_person ON pushes (person)",
    "CREATE INDEX IF NOT EXISTS pushes_space ON pushes (space)",
    "CREATE INDEX IF NOT EXISTS pushes_at ON pushes (at)",
)
LIVE: Final = "live"
"""The occasion of a Space that is live."""
MOST_WAITING: Final = 10_000
"""Messages that wait before further followers are looked for. Reminders are taken in at any time."""


@dataclass(frozen=True, slots=True)
class News:
    """Something to be told: to one person, or to the followers of a host."""

    id: str
    about: About
    occasion: str
    """What a browser is told of once, of a Space: that it is live, or one of its starts."""
    space: str
    host: str
    """Empty in a reminder."""
    person: str
    """Empty where followers are told."""
    at: float
    place: str = ""
    """The last follower who was looked at."""


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that is to be told."""

    person: str
    subscription: str
    service: str


@dataclass(frozen=True, slots=True)
class Push:
    """One message for one browser."""

    subscription: str
    space: str
    occasion: str
    about: About
    person: str
    host: str
    """Empty in a reminder."""
    service: str
    at: float
    attempts: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What there is one of."""
        return self.subscription, self.space, self.occasion


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    push: Push
    next_at: float | None
    """When it is tried again; None where it is not."""
    gone: str = ""
    """Why the browser is told nothing any more."""
    tried: bool = True


_PUSH: Final = "subscription, space, occasion, about, person, host, service, at, attempts"


class Pushes:
    """What is to be told. Its methods raise TablesAway."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def untold(self, limit: int) -> list[News]:
        """News whose browsers are not all known yet: to single people first, then the oldest."""

        def work(db: Statements) -> list[News]:
            rows = db.execute(
                "SELECT id, about, occasion, space, host, person, at, place FROM news WHERE told = 0 "
                "ORDER BY CASE person WHEN '' THEN 1 ELSE 0 END, at LIMIT ?", limit,
            )  # fmt: skip
            return [News(row[0], About(row[1]), *row[2:]) for row in rows]

        return await self._tables.run(work)

    async def tell(self, news: News, devices: Sequence[Device], place: str | None, now: float) -> int:
        """Write down browsers to tell, and how far the followers are looked through (None: to the end); how many are
        new."""

        def work(db: Statements) -> int:
            if not db.execute("SELECT 1 FROM news WHERE id = ?", news.id):
                return 0  # it was forgotten meanwhile
            begun = 0
            for one in devices:
                added = db.execute(
                    f"INSERT INTO pushes ({_PUSH}, rank, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?) "
                    "ON CONFLICT (subscription, space, occasion) DO NOTHING RETURNING at",
                    one.subscription, news.space, news.occasion, news.about.value, one.person, news.host, one.service,
                    news.at, int(not news.person), now,
                )  # fmt: skip
                begun += len(added)
            db.execute("UPDATE news SET place = ?, told = ? WHERE id = ?", place or "", int(place is None), news.id)
            return begun

        return await self._tables.run(work)

    async def waiting(self) -> tuple[int, float | None]:
        """How many messages wait, and when the oldest of what they tell happened."""
        rows = await self._tables.run(
            lambda db: db.execute("SELECT count(*), min(at) FROM pushes WHERE next_at IS NOT NULL")
        )
        return int(rows[0][0]), rows[0][1]

    async def due(
        self, now: float, most: int, busy: Collection[tuple[str, str, str]], full: Collection[str]
    ) -> tuple[list[Push], float | None]:
        """What is to be sent now, reminders first: none that is `busy`, and nothing to a push service that is `full`.
        And when there will be more."""

        def work(db: Statements) -> tuple[list[Push], float | None]:
            without = f"AND service NOT IN ({', '.join('?' * len(full))}) " if full else ""
            rows = db.execute(
                f"SELECT {_PUSH} FROM pushes WHERE next_at IS NOT NULL AND next_at <= ? {without}"
                "ORDER BY rank, next_at LIMIT ?",
                now, *full, most + len(busy),
            )  # fmt: skip
            found = [_push(*row) for row in rows]
            ((later,),) = db.execute("SELECT min(next_at) FROM pushes WHERE next_at > ?", now)
            return [one for one in found if one.key not in busy][:most], later

        return await self._tables.run(work)

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what became of messages; a browser that is told no more is owed to be removed."""

        def work(db: Statements) -> None:
            for one in outcomes:
                db.execute(
                    "UPDATE pushes SET next_at = ?, attempts = attempts + ? "
                    "WHERE subscription = ? AND space = ? AND occasion = ?",
                    one.next_at, int(one.tried), *one.push.key,
                )  # fmt: skip
                if one.gone:
                    owe(db, f"push_{one.gone}", f"{one.push.person}:{one.push.subscription}")

        await self._tables.run(work)

    async def purge(self, before: float) -> None:
        """Delete what tells of something before a time."""

        def work(db: Statements) -> None:
            db.execute("DELETE FROM news WHERE at < ?", before)
            db.execute("DELETE FROM pushes WHERE at < ?", before)

        await self._tables.run(work)


def _push(subscription: str, space: str, occasion: str, about: str, *rest: Any) -> Push:
    return Push(subscription, space, occasion, About(about), *rest)


def note(db: Statements, news: News) -> bool:
    """Write news down, inside the transaction that moves the place in the stream; whether they are new.

    A reminder of a Space that is live already says the same as that it is live, so a browser is told one of both.
    """
    if news.about is About.START and db.execute(
        "SELECT 1 FROM news WHERE space = ? AND occasion = ?", news.space, LIVE
    ):
        news = replace(news, about=About.LIVE, occasion=LIVE)
    added = db.execute(
        "INSERT INTO news VALUES (?, ?, ?, ?, ?, ?, ?, '', 0) ON CONFLICT (id) DO NOTHING RETURNING id",
        news.id, news.about.value, news.occasion, news.space, news.host, news.person, news.at,
    )  # fmt: skip
    return bool(added)


def forget_space(db: Statements, space: str) -> None:
    """Tell nothing of a Space any more."""
    db.execute("DELETE FROM news WHERE space = ?", space)
    db.execute("DELETE FROM pushes WHERE space = ?", space)


def forget_person(db: Statements, person: str) -> None:
    """Tell somebody nothing any more, nor of them."""
    db.execute("DELETE FROM news WHERE person = ? OR host = ?", person, person)
    db.execute("DELETE FROM pushes WHERE person = ? OR host = ?", person, person)
