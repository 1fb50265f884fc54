"""All Spaces and what decides who is shown them, filled from the stream."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts import subjects
from contracts.discovery.v1 import LookupQuery, SpaceCard, SpaceDetails
from contracts.envelope import PersonRef
from contracts.growing import read
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.room.follow import follow
from contracts.transcription import v1 as transcription
from libs.bus import Received
from libs.ids import to_number
from libs.names import Names
from libs.readmodel import ReadModel
from services.discovery.projection import headlines, schema, spoken
from services.discovery.projection.details import Kept, details, refs
from services.discovery.projection.names import caption_with_name, named_in, rename, with_names

_OF_THE_QUEUE: Final = (
    room.SpeakRequested,
    room.RequestCanceled,
    room.RequestDeclined,
    room.RequestHeld,
    room.InvitationClosed,
    room.RemovalRecorded,
)
"""Not for a list: who asks to speak, and why somebody was removed, is not kept here."""
_LISTED: Final = 100
"""So many people of one kind are told of a Space."""
_KEPT: Final = 2048


@dataclass(frozen=True, slots=True)
class Live:
    """What decides in whose bar a live Space is."""

    card: SpaceCard
    stage: tuple[str, ...]
    host: str
    who_can_join: room.WhoCanJoin
    removed: frozenset[str]
    invited: frozenset[str]


class SpaceDirectory(ReadModel):
    """Every known Space as a card, and who may see it; the live Spaces of `official_hosts` are in everybody's bar."""

    schema = schema.TABLES
    filters = (
        subjects.events_of("room"),
        subjects.event("presence", "*", "counted"),
        subjects.events_of("people"),
        *spoken.FILTERS,
    )

    def __init__(self, path: Path, official_hosts: Collection[str] = ()) -> None:
        super().__init__(path)
        self._official = sorted({name.removeprefix("@").lower() for name in official_hosts})
        self._names = Names(self)
        self._known: dict[str, tuple[room.Space, SpaceCard]] = {}
        """Decoded lately; of use while its version is the one in the table."""

    async def __aenter__(self) -> SpaceDirectory:
        await super().__aenter__()
        # Which hosts are official is no event, so it is looked at again at every start.
        self.db.execute(
            """
            UPDATE spaces SET official = NOT official WHERE official <> (
                host_id IN (SELECT value FROM json_each(:names)) OR host_handle IN (SELECT value FROM json_each(:names))
            )
            """,
            {"names": json.dumps(self._official)},
        )
        return self

    def clear(self) -> None:
        super().clear()
        self._known.clear()

    # -- applying ----------------------------------------------------------------------------------------------

    def apply(self, received: Received) -> None:
        match received.event:
            case presence.Counted(space_id=space_id, listeners=listeners):
                self.db.execute(
                    "UPDATE spaces SET listeners = :count, place = -:count WHERE id = :space AND phase = :live",
                    {"count": listeners, "space": space_id, "live": schema.LIVE},
                )
            case room.SpaceEvent() as event if not isinstance(event, _OF_THE_QUEUE):
                self._apply_to_space(event)
            case transcription.TranscriptionEvent() | recording.RecordingEvent() as event:
                known = self.space(event.space_id)
                kept = known is None or known.settings.recorded or known.state is room.State.LIVE
                if isinstance(event, transcription.Captioned):
                    event = caption_with_name(event, self._called)
                spoken.apply(self.db, event, kept=kept)
            case people.ProfileChanged() as event:
                self._names.apply(event)
                rename(self.db, event, self._official)
                self._known = {id: one for id, one in self._known.items() if event.person_id not in named_in(one[0])}
            case people.Suspended(person_id=person):
                self.db.execute("INSERT OR IGNORE INTO suspended VALUES (?)", (person,))
            case people.Reinstated(person_id=person):
                self.db.execute("DELETE FROM suspended WHERE person_id = ?", (person,))
            case people.Followed(person_id=person, followee_id=other):
                self.db.execute("INSERT OR IGNORE INTO follows VALUES (?, ?)", (person, other))
            case people.Unfollowed(person_id=person, followee_id=other):
                self.db.execute("DELETE FROM follows WHERE person_id = ? AND followee_id = ?", (person, other))
            case people.ReminderSet(person_id=person, space_id=space_id):
                self.db.execute("INSERT OR IGNORE INTO reminders VALUES (?, ?)", (space_id, person))
            case people.ReminderCleared(person_id=person, space_id=space_id):
                self.db.execute("DELETE FROM reminders WHERE space_id = ? AND person_id = ?", (space_id, person))
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
            if after is not before and (after.removed or after.invited):
                # They are in tables of their own: there may be thousands, and this is written with every event.
                after = after.model_copy(update={"removed": (), "invited": ()})
        if after is not before:
            # What names people may have been sent before somebody was renamed, and arrive after that.
            self._put(before, with_names(after, self._called), event)

    def _called(self, person: PersonRef) -> PersonRef:
        """Somebody as they are called now; the same one where that is no other name."""
        now = self._names.find(person.id)
        return person if now is None or (now.handle, now.name) == (person.handle, person.name) else now.ref

    def _put(self, before: room.Space | None, after: room.Space, event: room.SpaceEvent) -> None:
        phase = schema.PHASE_OF.get(after.state, schema.OVER)  # of a later version: not one to find
        begins = after.started_at or after.scheduled_start or after.created_at
        values = {
            "id": after.id,
            "phase": phase,
            "scheduled": begins.timestamp(),
            "over": -(after.ended_at or begins).timestamp(),
            "starts": begins.timestamp(),
            "host": after.host.id,
            "handle": after.host.handle.lower(),
            "number": to_number(after.host.id),
            "join": after.settings.who_can_join,
            "lang": after.settings.lang.lower(),
            "official": after.host.id in self._official or after.host.handle.lower() in self._official,
            "updated": event.at.timestamp(),
            "version": after.version,
            "space": after.model_dump_json(),
            "person": after.host.model_dump_json(),
            "talk": after.settings.kind is room.Kind.CONVERSATION,
        }
        (n,) = self.db.execute(
            f"""
            INSERT INTO spaces (
                id, phase, place, starts, host_id, host_handle, creator_id, creator_handle, creator_number,
                who_can_join, lang, official, updated, version, space, creator, talk, transcript
            ) VALUES (
                :id, :phase, :scheduled, :starts, :host, :handle, :host, :handle, :number,
                :join, :lang, :official, :updated, :version, :space, :person, :talk,
                (SELECT n FROM transcripts WHERE space_id = :id)
            )
            ON CONFLICT (id) DO UPDATE SET
                phase = :phase,
                listeners = CASE WHEN :phase = {schema.LIVE} THEN listeners ELSE 0 END,
                place = CASE :phase WHEN {schema.LIVE} THEN -listeners WHEN {schema.SCHEDULED} THEN :scheduled
                        ELSE :over END,
                starts = :starts, host_id = :host, host_handle = :handle, who_can_join = :join, lang = :lang,
                official = :official, updated = :updated, version = :version, space = :space
            RETURNING n
            """,
            values,
        ).fetchone()
        self._keep(after)
        self._put_people(n, before, after, event)
        if phase == schema.OVER and not after.settings.recorded:
            spoken.end_without_recording(self.db, after.id)
        was = None if before is None else headlines.indexed(before)
        if was != headlines.indexed(after) or after.state is room.State.CANCELED:
            headlines.put(self.db, n, after)

    def _put_people(self, n: int, before: room.Space | None, after: room.Space, event: room.SpaceEvent) -> None:
        stage = _on_stage(after)
        if before is None or _on_stage(before) != stage:
            self.db.execute("DELETE FROM stage WHERE space_id = ?", (after.id,))
            self.db.executemany("INSERT OR IGNORE INTO stage VALUES (?, ?)", [(after.id, person) for person in stage])
        match event:
            case room.StageJoined(person=who) | room.Started(host=who):
                self._list(n, "spoke", who)
                self.db.execute("INSERT OR IGNORE INTO stood VALUES (?, ?)", (after.id, who.id))
            case room.Invited(person=who):
                self._list(n, "invited", who)
                self.db.execute("INSERT OR IGNORE INTO invited VALUES (?, ?)", (after.id, who.id))
            case room.Uninvited(person_id=person):
                self._list(n, "invited", without=person)
                self.db.execute("DELETE FROM invited WHERE space_id = ? AND person_id = ?", (after.id, person))
            case room.Removed(person_id=person):
                self.db.execute("INSERT OR IGNORE INTO removed VALUES (?, ?)", (after.id, person))
            case room.Readmitted(person_id=person):
                self.db.execute("DELETE FROM removed WHERE space_id = ? AND person_id = ?", (after.id, person))
            case _:
                pass

    def _list(self, n: int, column: str, who: PersonRef | None = None, *, without: str = "") -> None:
        """Put somebody on a list of the Space, or take them off it."""
        there = refs(self.db.execute(f"SELECT {column} FROM spaces WHERE n = ?", (n,)).fetchone()[0])
        now = [one for one in there if one.id != without]
        if who is not None and len(now) < _LISTED and all(one.id != who.id for one in now):
            now.append(who)
        if len(now) != len(there):
            everybody = json.dumps([one.model_dump() for one in now])
            self.db.execute(f"UPDATE spaces SET {column} = ? WHERE n = ?", (everybody, n))

    # -- asking ------------------------------------------------------------------------------------------------

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

    def live(self, space_id: str) -> Live | None:
        """A live Space; None where there is none of this id."""
        space = self.space(space_id)
        if space is None or space.state is not room.State.LIVE:
            return None
        (card,) = self.cards([space_id])
        return Live(
            card,
            _on_stage(space),
            space.host.id,
            space.settings.who_can_join,
            removed=self._of("removed", space_id),
            invited=self._of("invited", space_id),
        )

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
            ) AND {schema.VISIBLE}
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
            details(query, self._card(*row[:4]), self._decoded(*row[:2])[0], Kept(*row[4:]), self._called)
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


def _on_stage(space: room.Space) -> tuple[str, ...]:
    return tuple(member.person.id for member in space.stage) if space.state is room.State.LIVE else ()
