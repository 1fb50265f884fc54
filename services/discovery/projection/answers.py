"""What is asked of the Spaces that are kept, and who watches their bar."""

from __future__ import annotations

import json
from abc import ABC
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.discovery.v1 import LookupQuery, SpaceCard, SpaceDetails
from contracts.envelope import PersonRef
from contracts.growing import read
from contracts.named import with_names
from contracts.room import v1 as room
from contracts.sealed import Box
from libs.names import Names
from libs.readmodel import ReadModel
from services.discovery.projection import forgetting, schema
from services.discovery.projection.details import RowDetails, details

_LISTED: Final = 100
"""So many Spaces are told of in one answer."""
_KEPT: Final = 2048


@dataclass(frozen=True, slots=True)
class BarEntry:
    """What decides in whose bar a live Space is."""

    card: SpaceCard
    stage: tuple[str, ...]
    host: str
    who_can_join: room.WhoCanJoin
    removed: frozenset[str]
    invited: frozenset[str]


class Answers(ReadModel, ABC):
    """The questions to a read model of Spaces."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._names = Names(self)
        self._known: dict[str, tuple[room.Space, SpaceCard]] = {}
        """Decoded lately; of use while its version is the one in the table."""

    def clear(self) -> None:
        super().clear()
        self._known.clear()

    def space(self, space_id: str) -> room.Space | None:
        """A Space as far as it is known here: without its queue, and without who was removed or invited."""
        row = self.db.execute("SELECT version FROM spaces WHERE id = ?", (space_id,)).fetchone()
        return None if row is None else self._decoded(space_id, row[0])[0]

    def live_bar(self, actor: str, limit: int) -> tuple[SpaceCard, ...]:
        """Live Spaces in which the actor, or somebody they follow, is on stage, and official ones; newest first."""
        rows = self.db.execute(
            f"""
            SELECT s.id FROM spaces s
            WHERE s.id IN (
                SELECT g.space_id FROM follows f JOIN stage g ON g.person_id = f.followee_id WHERE f.person_id = :actor
                UNION SELECT g.space_id FROM stage g WHERE g.person_id = :actor
                UNION SELECT o.id FROM spaces o WHERE o.official AND o.phase = {schema.LIVE}
            ) AND {schema.IN_BAR}
            ORDER BY s.starts DESC, s.id DESC LIMIT :limit
            """,
            {"actor": actor, "limit": limit},
        ).fetchall()
        return self.cards_for(actor, [row[0] for row in rows])

    def live(self, space_id: str) -> BarEntry | None:
        """A live Space; None where there is none of this id."""
        space = self.space(space_id)
        if space is None or space.state is not room.State.LIVE:
            return None
        (card,) = self.cards([space_id])
        return BarEntry(
            card,
            on_stage(space),
            space.host.id,
            space.settings.who_can_join,
            removed=self._of("removed", space_id),
            invited=self._of("invited", space_id),
        )

    def title_box(self, space_id: str) -> Box | None:
        """What a Space's title is sealed in; None where room told it plainly."""
        return forgetting.title_box(self.db, space_id)

    def live_with(self, person_id: str) -> list[str]:
        """The live Spaces on whose stage somebody is."""
        rows = self.db.execute("SELECT space_id FROM stage WHERE person_id = ?", (person_id,))
        return [row[0] for row in rows]

    def _of(self, table: str, space_id: str) -> frozenset[str]:
        """Who is in one of the tables that list people of a Space."""
        rows = self.db.execute(f"SELECT person_id FROM {table} WHERE space_id = ?", (space_id,))
        return frozenset(row[0] for row in rows)

    def cards(self, space_ids: Sequence[str]) -> tuple[SpaceCard, ...]:
        """The cards of these Spaces, in this order, for nobody in particular."""
        marks = ",".join("?" * len(space_ids))
        rows = self.db.execute(
            f"SELECT id, version, listeners, official FROM spaces WHERE id IN ({marks})", tuple(space_ids)
        )
        found = {row[0]: self._card(*row) for row in rows}
        return tuple(found[space_id] for space_id in space_ids if space_id in found)

    def cards_for(self, actor: str | None, space_ids: Sequence[str]) -> tuple[SpaceCard, ...]:
        """The cards of these Spaces, in this order, each with whom on its stage the actor follows."""
        cards = self.cards(space_ids)
        if actor is None:
            return cards
        rows = self.db.execute(
            f"""
            SELECT DISTINCT f.followee_id FROM stage g
            CROSS JOIN follows f ON f.person_id = ? AND f.followee_id = g.person_id -- in this order
            WHERE g.space_id IN ({",".join("?" * len(cards))})
            """,
            (actor, *(card.id for card in cards)),
        )
        followed = {row[0] for row in rows}
        return tuple(
            card.model_copy(update={"because": tuple(one for one in card.speakers if one.id in followed)})
            for card in cards
        )

    def lookup(self, query: LookupQuery) -> tuple[SpaceDetails, ...]:
        """The Spaces asked for that the asker may see."""
        rows = self.db.execute(
            f"""
            SELECT s.id, s.version, s.listeners, s.official, s.creator, s.spoke, s.invited, s.updated,
                   (SELECT count(*) FROM reminders m WHERE m.space_id = s.id)
            FROM spaces s
            WHERE (
                s.id IN (SELECT value FROM json_each(:spaces))
                OR s.phase <= {schema.SCHEDULED} AND (
                    s.creator_id IN (SELECT value FROM json_each(:creators))
                    OR s.creator_number IN (SELECT value FROM json_each(:numbers))
                )
            ) AND s.phase <> {schema.DELETED} AND {schema.VISIBLE}
            ORDER BY s.id DESC LIMIT {_LISTED}
            """,
            {
                "actor": query.actor or "",
                "spaces": json.dumps(query.space_ids),
                "creators": json.dumps(query.creator_ids),
                "numbers": json.dumps(query.creator_numbers),
            },
        ).fetchall()
        found = [
            details(query, self._card(*row[:4]), self._decoded(*row[:2])[0], RowDetails(*row[4:]), self._called)
            for row in rows
        ]
        order = {space_id: place for place, space_id in enumerate(query.space_ids)}
        return tuple(sorted(found, key=lambda one: order.get(one.id, len(order))))

    def following(self, person_id: str) -> set[str]:
        """Ids of those a person follows."""
        return {row[0] for row in self.db.execute("SELECT followee_id FROM follows WHERE person_id = ?", (person_id,))}

    def followers_among(self, person_id: str, some: Collection[str]) -> set[str]:
        """Which of `some` follow a person. Looks at the smaller of both sides: the followers, or those given."""
        followers = self.db.execute(
            "SELECT person_id FROM follows WHERE followee_id = ? LIMIT ?", (person_id, len(some) + 1)
        ).fetchall()
        if len(followers) <= len(some):
            return {row[0] for row in followers if row[0] in some}
        rows = self.db.execute(
            "SELECT w.value FROM json_each(?) w WHERE EXISTS"
            " (SELECT 1 FROM follows f WHERE f.person_id = w.value AND f.followee_id = ?)",
            (json.dumps(list(some)), person_id),
        )
        return {row[0] for row in rows}

    def blocked(self, person_id: str) -> set[str]:
        """Those whom a person blocks, and those who block them."""
        rows = self.db.execute(
            "SELECT blocked_id FROM blocks WHERE person_id = :one UNION"
            " SELECT person_id FROM blocks WHERE blocked_id = :one",
            {"one": person_id},
        )
        return {row[0] for row in rows}

    # -- who watches their bar ---------------------------------------------------------------------------------
    # Not from the stream, but beside it: who asked, until when (seconds since 1970), and a mark of what each Space
    # looked like that they were shown. After a restart they are told what they missed.

    def watchers(self) -> list[tuple[str, float, dict[str, str]]]:
        """Everybody who watches, first who stops first."""
        shown: dict[str, dict[str, str]] = {}
        for person, space, look in self.db.execute("SELECT person_id, space_id, look FROM shown"):
            shown.setdefault(person, {})[space] = look
        rows = self.db.execute("SELECT person_id, until FROM watchers ORDER BY until").fetchall()
        return [(person, until, shown.get(person, {})) for person, until in rows]

    def remember_watcher(self, person_id: str, until: float) -> None:
        """They watch until then."""
        self.db.execute("INSERT OR REPLACE INTO watchers VALUES (?, ?)", (person_id, until))

    def remember_shown(self, what: Iterable[tuple[str, str, str | None]]) -> None:
        """Person, Space and its look (None where it is shown no more)."""
        told = list(what)
        with self.transaction():
            self.db.executemany(
                "INSERT OR REPLACE INTO shown VALUES (?, ?, ?)", [one for one in told if one[2] is not None]
            )
            self.db.executemany(
                "DELETE FROM shown WHERE person_id = ? AND space_id = ?", [one[:2] for one in told if one[2] is None]
            )

    def forget_watcher(self, person_id: str) -> None:
        """They watch no longer."""
        self.db.execute("DELETE FROM watchers WHERE person_id = ?", (person_id,))
        self.db.execute("DELETE FROM shown WHERE person_id = ?", (person_id,))

    # -- cards -------------------------------------------------------------------------------------------------

    def _decoded(self, space_id: str, version: int) -> tuple[room.Space, SpaceCard]:
        known = self._known.get(space_id)
        if known is None or known[0].version != version:
            (text,) = self.db.execute("SELECT space FROM spaces WHERE id = ?", (space_id,)).fetchone()
            known = self._keep(with_names(read(room.Space.model_validate_json, text), self._called))
        return known

    def _keep(self, space: room.Space) -> tuple[room.Space, SpaceCard]:
        if len(self._known) >= _KEPT:
            self._known.clear()
        known = self._known[space.id] = space, SpaceCard.of(space)
        return known

    def _card(self, space_id: str, version: int, listeners: int, official: int) -> SpaceCard:
        card = self._decoded(space_id, version)[1]
        return card.model_copy(update={"listeners": listeners, "official": bool(official)})

    def _called(self, person: PersonRef) -> PersonRef:
        """Somebody as they are called now; the same one where that is no other name."""
        now = self._names.find(person.id)
        return person if now is None else now.instead_of(person)


def on_stage(space: room.Space) -> tuple[str, ...]:
    """Who is on the stage of a live Space."""
    return tuple(member.person.id for member in space.stage) if space.state is room.State.LIVE else ()
