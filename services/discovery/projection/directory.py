"""All Spaces and what decides who is shown them, filled from the stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from contracts import subjects
from contracts.envelope import PersonRef
from contracts.named import people_in, with_names
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.room.follow import follow
from contracts.transcription import v1 as transcription
from libs import names
from libs.bus import Received
from libs.ids import to_number
from services.discovery.projection import forgetting, headlines, schema, spoken
from services.discovery.projection.answers import Answers, on_stage
from services.discovery.projection.details import refs
from services.discovery.projection.names import rename

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
_MERGE_SECONDS: Final = 60.0
"""Between two times that the indexes are merged."""


class SpaceDirectory(Answers):
    """Every known Space as a card, and who may see it; the live Spaces of `official_hosts` are in everybody's bar."""

    overwrites = True
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
        self._unwiped = False
        """Words were removed that are in the file's log still."""
        self._merging: asyncio.TimerHandle | None = None

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
        self._merge_again()  # what a crash has left
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._merging is not None:
            self._merging.cancel()
            self._merge_again()
            if self._merging is not None:
                self._merging.cancel()
        await super().__aexit__(kind, error, trace)

    def take(self, batch: Sequence[Received], epoch: str) -> None:
        super().take(batch, epoch)
        if self._unwiped:
            self._unwiped = False
            self._merge()

    def _merge(self) -> None:
        """Leave nothing in the file of words that were removed; of the indexes only now and then, which takes long."""
        loop = asyncio.get_running_loop()
        if self._merging is None:
            self._merging = loop.call_later(_MERGE_SECONDS, self._merge_again)
            with self.transaction():
                headlines.merge(self.db)
        self.wipe()

    def _merge_again(self) -> None:
        self._merging = None
        if self.db.execute("SELECT 1 FROM unmerged").fetchone() is not None:
            self._merge()

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
                forgetting.note(self.db, event, received.boxes or {})
            case transcription.TranscriptionEvent() | recording.RecordingEvent() as event:
                known = self.space(event.space_id)
                kept = known is None or known.settings.recorded or known.state is room.State.LIVE
                kept = kept and (known is None or known.state is not room.State.DELETED)
                spoken.apply(self.db, with_names(event, self._called), kept=kept)
            case people.Registered(person_id=person) | people.ProfileChanged(person_id=person) as event:
                self._names.apply(event)
                self._rename(person)
            case people.Erased() | people.Forgotten() as event:
                self._names.apply(event)
                if (erased := names.erased_by(event)) is not None:
                    self._rename(erased)
                    forgetting.rename_everywhere(self.db, self._names(erased).ref)
                if isinstance(event, people.Forgotten):
                    for changed in forgetting.forget(self.db, event):
                        self._known.pop(changed, None)
                    self._unwiped = True
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
            if after.words:
                after = after.model_copy(update={"words": ()})
        if after is not before:
            # What names people may have been sent before somebody was renamed, and arrive after that.
            self._put(before, with_names(after, self._called), event)

    def _rename(self, person_id: str) -> None:
        now = self._names.find(person_id)
        assert now is not None
        rename(self.db, now.ref, self._official)
        self._known = {id: one for id, one in self._known.items() if person_id not in people_in(one[0])}

    def _put(self, before: room.Space | None, after: room.Space, event: room.SpaceEvent) -> None:
        phase = schema.PHASE_OF.get(after.state, schema.OVER)  # of a later version: not one to find
        gone = phase == schema.DELETED
        if after.settings.ephemeral and phase in (schema.OVER, schema.CANCELED):
            gone, phase = True, schema.CANCELED  # in no list
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
        if gone:
            self._forget_people(n, after.id)
            spoken.forget(self.db, after.id)
        elif phase == schema.OVER and not after.settings.recorded:
            spoken.end_without_recording(self.db, after.id)
        was = None if before is None else headlines.indexed(before)
        found = phase not in (schema.CANCELED, schema.DELETED)
        if was != headlines.indexed(after) or not found:
            headlines.put(self.db, n, after, found=found)

    def _put_people(self, n: int, before: room.Space | None, after: room.Space, event: room.SpaceEvent) -> None:
        stage = on_stage(after)
        if before is None or on_stage(before) != stage:
            self.db.execute("DELETE FROM stage WHERE space_id = ?", (after.id,))
            self.db.executemany("INSERT OR IGNORE INTO stage VALUES (?, ?)", [(after.id, person) for person in stage])
        match event:
            case room.StageJoined(person=who) | room.Started(host=who):
                self._list(n, "spoke", self._called(who))
                self.db.execute("INSERT OR IGNORE INTO stood VALUES (?, ?)", (after.id, who.id))
            case room.Invited(person=who):
                self._list(n, "invited", self._called(who))
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

    def _forget_people(self, n: int, space_id: str) -> None:
        """Keep nobody of a Space but who created it and who hosts it."""
        self.db.execute("UPDATE spaces SET spoke = '[]', invited = '[]' WHERE n = ?", (n,))
        for table in ("stage", "removed", "invited", "stood", "reminders"):
            self.db.execute(f"DELETE FROM {table} WHERE space_id = ?", (space_id,))

    def _list(self, n: int, column: str, who: PersonRef | None = None, *, without: str = "") -> None:
        """Put somebody on a list of the Space, or take them off it."""
        there = refs(self.db.execute(f"SELECT {column} FROM spaces WHERE n = ?", (n,)).fetchone()[0])
        now = [one for one in there if one.id != without]
        if who is not None and len(now) < _LISTED and all(one.id != who.id for one in now):
            now.append(who)
        if len(now) != len(there):
            everybody = json.dumps([one.model_dump() for one in now])
            self.db.execute(f"UPDATE spaces SET {column} = ? WHERE n = ?", (everybody, n))
