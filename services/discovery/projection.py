"""The read model: Spaces as cards, who stands on which stage, who follows and blocks whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from contracts import subjects
from contracts.discovery.v1 import SpaceCard, SpaceCards
from contracts.envelope import PersonRef
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from contracts.room.follow import follow
from libs.bus import Received
from libs.readmodel import ReadModel

_OF_THE_QUEUE: Final = (room.SpeakRequested, room.RequestCanceled, room.RequestDeclined, room.RemovalRecorded)
"""Not for a list: who asks to speak, and why somebody was removed, is not kept here."""

_ORDER: Final = {
    room.State.LIVE: "s.listeners DESC, s.started_at DESC, s.id DESC",
    room.State.SCHEDULED: "s.scheduled_start, s.id",
}
_NEWEST_ENDED: Final = "s.ended_at DESC, s.id DESC"

# What nobody is shown in a list: a Space they were removed from, or whose host they block or are blocked by.
_WELCOME: Final = """
    NOT EXISTS (SELECT 1 FROM removed r WHERE r.space_id = s.id AND r.person_id = :actor)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.person_id = s.host_id AND b.blocked_id = :actor)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.person_id = :actor AND b.blocked_id = s.host_id)
"""

# The bar: somebody the actor follows is on stage, and the actor may join; or the Space is the actor's own.
_IN_BAR: Final = f"""
    s.state = 'live' AND (
        EXISTS (SELECT 1 FROM stage g WHERE g.space_id = s.id AND g.person_id = :actor)
        OR (
            EXISTS (
                SELECT 1 FROM stage g JOIN follows f ON f.followee_id = g.person_id
                WHERE g.space_id = s.id AND f.person_id = :actor
            )
            AND (
                s.who_can_join = 'everyone'
                OR (s.who_can_join = 'followers'
                    AND EXISTS (SELECT 1 FROM follows f WHERE f.person_id = :actor AND f.followee_id = s.host_id))
            )
            AND {_WELCOME}
        )
    )
"""


class Spaces(ReadModel):
    """What is on."""

    schema = """
        CREATE TABLE spaces (
            id TEXT PRIMARY KEY,
            state TEXT NOT NULL,
            host_id TEXT NOT NULL,
            who_can_join TEXT NOT NULL,
            scheduled_start REAL,
            started_at REAL,
            ended_at REAL,
            listeners INTEGER NOT NULL DEFAULT 0,
            space TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX spaces_by_state ON spaces (state, who_can_join);
        CREATE TABLE stage (
            space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (person_id, space_id)
        ) WITHOUT ROWID;
        CREATE INDEX stage_by_space ON stage (space_id);
        CREATE TABLE removed (
            space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
        ) WITHOUT ROWID;
        CREATE TABLE follows (
            person_id TEXT NOT NULL, followee_id TEXT NOT NULL, PRIMARY KEY (person_id, followee_id)
        ) WITHOUT ROWID;
        CREATE TABLE blocks (
            person_id TEXT NOT NULL, blocked_id TEXT NOT NULL, PRIMARY KEY (person_id, blocked_id)
        ) WITHOUT ROWID;
        CREATE TABLE watchers (
            person_id TEXT PRIMARY KEY, until REAL NOT NULL, shown TEXT NOT NULL
        ) WITHOUT ROWID
    """
    filters = (
        subjects.events_of("room"),
        subjects.event("presence", "*", "counted"),
        subjects.events_of("people"),
    )

    # -- applying ----------------------------------------------------------------------------------------------

    def apply(self, received: Received) -> None:
        match received.event:
            case presence.Counted(space_id=space_id, listeners=listeners):
                self.db.execute(
                    "UPDATE spaces SET listeners = ? WHERE id = ? AND state = 'live'", (listeners, space_id)
                )
            case room.SpaceEvent() as event if not isinstance(event, _OF_THE_QUEUE):
                self._apply_to_space(event)
            case people.Followed(person_id=person, followee_id=other):
                self.db.execute("INSERT OR IGNORE INTO follows VALUES (?, ?)", (person, other))
            case people.Unfollowed(person_id=person, followee_id=other):
                self.db.execute("DELETE FROM follows WHERE person_id = ? AND followee_id = ?", (person, other))
            case people.Blocked(person_id=person, blocked_id=other):
                self.db.execute("INSERT OR IGNORE INTO blocks VALUES (?, ?)", (person, other))
            case people.Unblocked(person_id=person, blocked_id=other):
                self.db.execute("DELETE FROM blocks WHERE person_id = ? AND blocked_id = ?", (person, other))
            case _:
                pass

    def _apply_to_space(self, event: room.SpaceEvent) -> None:
        before = self.space(event.space_id)
        if isinstance(event, room.Created) and before is None:
            after = room.Space(
                id=event.space_id,
                version=event.version,
                state=room.State.SCHEDULED,
                host=event.host,
                settings=event.settings,
                created_at=event.at,
                scheduled_start=event.scheduled_start,
            )
        elif before is None:
            return  # its beginning is not in the stream, so there is nothing to put in a list
        else:
            after = follow(before, event)
        if after is not before:
            self._put(after)

    def _put(self, space: room.Space) -> None:
        live = space.state is room.State.LIVE
        self.db.execute(
            """
            INSERT INTO spaces (id, state, host_id, who_can_join, scheduled_start, started_at, ended_at, space)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET
                state = excluded.state, host_id = excluded.host_id, who_can_join = excluded.who_can_join,
                scheduled_start = excluded.scheduled_start, started_at = excluded.started_at,
                ended_at = excluded.ended_at, space = excluded.space
            """,
            (
                space.id,
                space.state,
                space.host.id,
                space.settings.who_can_join,
                space.scheduled_start and space.scheduled_start.timestamp(),
                space.started_at and space.started_at.timestamp(),
                space.ended_at and space.ended_at.timestamp(),
                space.model_dump_json(),
            ),
        )
        self.db.execute("DELETE FROM stage WHERE space_id = ?", (space.id,))
        if live:
            self.db.executemany("INSERT INTO stage VALUES (?, ?)", [(space.id, m.person.id) for m in space.stage])
        else:
            self.db.execute("UPDATE spaces SET listeners = 0 WHERE id = ?", (space.id,))
        self.db.executemany(
            "INSERT OR IGNORE INTO removed VALUES (?, ?)", [(space.id, person) for person in space.removed]
        )

    # -- asking ------------------------------------------------------------------------------------------------

    def space(self, space_id: str) -> room.Space | None:
        """A Space as far as it is known here: without its queue of requests."""
        row = self.db.execute("SELECT space FROM spaces WHERE id = ?", (space_id,)).fetchone()
        return None if row is None else room.Space.model_validate_json(row[0])

    def live_bar(self, actor: str, limit: int) -> tuple[SpaceCard, ...]:
        """Live Spaces in which the actor, or somebody they follow, is on stage; newest first."""
        rows = self.db.execute(
            f"""
            SELECT s.space, s.listeners FROM spaces s
            WHERE s.id IN (
                SELECT g.space_id FROM follows f JOIN stage g ON g.person_id = f.followee_id WHERE f.person_id = :actor
                UNION SELECT g.space_id FROM stage g WHERE g.person_id = :actor
            ) AND {_IN_BAR}
            ORDER BY s.started_at DESC, s.id DESC LIMIT :limit
            """,
            {"actor": actor, "limit": limit},
        ).fetchall()
        return self._cards(rows, actor)

    def in_bar(self, actor: str, space_id: str) -> SpaceCard | None:
        """The card of one Space in the actor's live bar; None where it is not in it."""
        rows = self.db.execute(
            f"SELECT s.space, s.listeners FROM spaces s WHERE s.id = :space AND {_IN_BAR}",
            {"actor": actor, "space": space_id},
        ).fetchall()
        cards = self._cards(rows, actor)
        return cards[0] if cards else None

    def browse(self, state: room.State, actor: str | None, limit: int) -> tuple[SpaceCard, ...]:
        """Public Spaces in a state: live ones by listeners, scheduled ones by their start, the others newest first."""
        rows = self.db.execute(
            f"""
            SELECT s.space, s.listeners FROM spaces s
            WHERE s.state = :state AND s.who_can_join = 'everyone' AND {_WELCOME}
            ORDER BY {_ORDER.get(state, _NEWEST_ENDED)} LIMIT :limit
            """,
            {"state": state, "actor": actor or "", "limit": limit},
        ).fetchall()
        return self._cards(rows, actor)

    def following(self, person_id: str) -> set[str]:
        """Ids of those a person follows."""
        return {row[0] for row in self.db.execute("SELECT followee_id FROM follows WHERE person_id = ?", (person_id,))}

    def on_stage(self, space_id: str) -> set[str]:
        """Ids of those on the stage of a live Space."""
        return {row[0] for row in self.db.execute("SELECT person_id FROM stage WHERE space_id = ?", (space_id,))}

    # -- who watches their bar ---------------------------------------------------------------------------------
    # Not from the stream, but beside it: who asked, until when (seconds since 1970), what they were shown. After a
    # restart they are told what they missed.

    def watchers(self) -> list[tuple[str, float, tuple[SpaceCard, ...]]]:
        """Everybody who watches, first who stops first."""
        rows = self.db.execute("SELECT person_id, until, shown FROM watchers ORDER BY until").fetchall()
        return [(person, until, SpaceCards.model_validate_json(shown).spaces) for person, until, shown in rows]

    def remember_watcher(self, person_id: str, until: float, shown: Iterable[SpaceCard]) -> None:
        """Keep a watcher, and what they were shown last."""
        cards = SpaceCards(spaces=tuple(shown)).model_dump_json()
        self.db.execute("INSERT OR REPLACE INTO watchers VALUES (?, ?, ?)", (person_id, until, cards))

    def forget_watcher(self, person_id: str) -> None:
        """They watch no longer."""
        self.db.execute("DELETE FROM watchers WHERE person_id = ?", (person_id,))

    def _cards(self, rows: Iterable[Sequence[str | int]], actor: str | None) -> tuple[SpaceCard, ...]:
        return tuple(
            self._card(room.Space.model_validate_json(str(space)), int(listeners), actor) for space, listeners in rows
        )

    def _card(self, space: room.Space, listeners: int, actor: str | None) -> SpaceCard:
        stage = tuple(member.person for member in space.stage)
        return SpaceCard(
            id=space.id,
            title=space.settings.title,
            state=space.state,
            host=space.host,
            speakers=stage,
            listeners=listeners,
            topics=space.settings.topics,
            lang=space.settings.lang,
            recorded=space.settings.recorded,
            captions=space.settings.captions,
            scheduled_start=space.scheduled_start,
            started_at=space.started_at,
            ended_at=space.ended_at,
            because=self._followed(actor, stage) if actor else (),
        )

    def _followed(self, actor: str, stage: Sequence[PersonRef]) -> tuple[PersonRef, ...]:
        return tuple(
            person
            for person in stage
            if self.db.execute(
                "SELECT 1 FROM follows WHERE person_id = ? AND followee_id = ?", (actor, person.id)
            ).fetchone()
        )
