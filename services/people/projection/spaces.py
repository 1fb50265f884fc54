"""What people must know of Spaces: who hosts them, who has ever hosted, and what their hosts did about others.

Words are kept as the stream has them, sealed, and opened whenever they are shown: once they are erased, nobody can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from contracts import subjects
from contracts.people import v1 as people
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.sealed import Box
from libs.bus import Received
from libs.readmodel import ReadModel
from services.people.projection import acts
from services.people.projection.acts import Act, LogPlace, sortable

Open = Callable[[Box], str | None]
"""Opens words; None where they were erased. Raises Refusal unavailable."""
SAFETY_COPY_HEARD: Final = "safety_copy_heard"
"""An act of operators that hosts are not told of."""


_OF_OPERATORS: Final = ("ended", "deleted", SAFETY_COPY_HEARD, "replay_deleted")
"""Acts that stay also where their Space is forgotten."""


@dataclass(frozen=True, slots=True)
class Known:
    """A Space as others refer to it."""

    id: str
    title: str
    host: str


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A Space that was scheduled and is neither over nor canceled."""

    id: str
    title: str
    host: str
    start: datetime
    live: bool
    sealed: Box | None = None
    """Its title as room sealed it; None where it told it plainly."""


_SCHEDULED: Final = "SELECT spaces.id, title, host, start, live FROM scheduled JOIN spaces ON spaces.id = scheduled.id"


class KnownSpaces(ReadModel):
    """Spaces as the events of room tell of them. Of one that is deleted or forgotten as a whole, what hosts did about
    others is kept no longer; what operators did is. `open` opens their words."""

    overwrites = True
    schema = (
        acts.TABLE
        + """;
        CREATE TABLE spaces (id TEXT PRIMARY KEY, title TEXT NOT NULL, host TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE scheduled (
            id TEXT PRIMARY KEY, start TEXT NOT NULL, live INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
        CREATE INDEX scheduled_start ON scheduled (live, start);
        CREATE TABLE hosted (person TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE forgotten (id TEXT PRIMARY KEY) WITHOUT ROWID
    """
    )
    filters = tuple(
        subjects.event(event.context, "*", event.name)
        for event in (
            room.Created, room.Started, room.HostChanged, room.SettingsChanged, room.Ended, room.Removed,
            room.RemovalRecorded, room.Readmitted, room.Muted, room.StageLeft, room.CohostDismissed,
            room.Rescheduled, room.Canceled, room.SpaceDeleted, recording.SafetyCopyHeard, recording.ReplayDeleted,
            people.Forgotten,
        )
    )  # fmt: skip

    def __init__(self, path: Path, open: Open) -> None:
        super().__init__(path)
        self._open_box = open
        self._unwiped = False

    def take(self, batch: Sequence[Received], epoch: str) -> None:
        super().take(batch, epoch)
        if self._unwiped:
            self.wipe()
            self._unwiped = False

    def apply(self, received: Received) -> None:
        run = self.db.execute
        match received.event:
            case room.Created() as e:
                run("INSERT OR REPLACE INTO spaces VALUES (?, ?, ?)", (e.space_id, self._title(received, e), e.host.id))
                if e.scheduled_start is not None:
                    start = sortable(e.scheduled_start)
                    run("INSERT OR REPLACE INTO scheduled (id, start) VALUES (?, ?)", (e.space_id, start))
            case room.Rescheduled() as e:
                run("UPDATE scheduled SET start = ? WHERE id = ?", (sortable(e.scheduled_start), e.space_id))
            case room.Canceled() as e:
                run("DELETE FROM scheduled WHERE id = ?", (e.space_id,))
            case room.Started() as e:
                run("UPDATE scheduled SET live = 1 WHERE id = ?", (e.space_id,))
                run("INSERT OR IGNORE INTO hosted VALUES (?)", (e.host.id,))
            case room.HostChanged() as e:
                run("UPDATE spaces SET host = ? WHERE id = ?", (e.host.id, e.space_id))
                run("INSERT OR IGNORE INTO hosted VALUES (?)", (e.host.id,))
            case room.SettingsChanged() as e:
                run("UPDATE spaces SET title = ? WHERE id = ?", (self._title(received, e), e.space_id))
            case room.Ended() as e:
                run("DELETE FROM scheduled WHERE id = ?", (e.space_id,))
                if e.reason == "platform":
                    self._add(e, "ended", change=("Space", "live", "ended"))
            case room.Removed(listened=False) as e:
                self._add(e, "removed", e.person_id, e.because, change=("place", "may be in the Space", "out of it"))
            case room.RemovalRecorded() as e:
                explanation = _column(received, "explanation", e.explanation)
                run("UPDATE acts SET explanation = ? WHERE id = ?", (explanation, _id(e)))
            case room.Readmitted(listened=False) as e:
                self._add(e, "readmitted", e.person_id, change=("place", "out of the Space", "may come again"))
                run(
                    "UPDATE acts SET undone_by = ? WHERE act = 'removed' AND space = ? AND person = ? "
                    "AND undone_by IS NULL",
                    (_id(e), e.space_id, e.person_id),
                )
            case room.Muted() as e if e.actor is not None and e.actor != e.person_id:
                self._add(e, "muted", e.person_id, change=("microphone", "open", "muted"))
            case room.StageLeft(reason="moved") as e:
                self._add(e, "moved_off_stage", e.person_id, change=("place", "on stage", "listener"))
            case room.CohostDismissed() as e:
                self._add(e, "cohost_dismissed", e.person_id, change=("role", "co-host", "speaker"))
            case room.SpaceDeleted() as e:
                known = self.find(e.space_id)
                if known is not None and known.host != e.actor:
                    self._add(e, "deleted", change=("Space", "there", "deleted"))
                self._forget(e.space_id)
            case people.Forgotten(whole=("space", space_id)):
                self._forget(space_id)
            case recording.SafetyCopyHeard() as e:
                acts.add(
                    self.db, Act(_id(e), e.at, e.actor_id, SAFETY_COPY_HEARD, space=e.space_id, report=e.report_id)
                )
            case recording.ReplayDeleted(reason="platform") as e:
                acts.add(self.db, Act(_id(e), e.at, None, "replay_deleted", space=e.space_id))
            case _:
                pass

    def _title(self, received: Received, event: room.Created | room.SettingsChanged) -> str | bytes:
        """The title's column."""
        if self._is_forgotten(event.space_id):
            return room.TITLE_REMOVED
        return _column(received, "settings.title", event.settings.title)

    def _is_forgotten(self, space_id: str) -> bool:
        return self.db.execute("SELECT 1 FROM forgotten WHERE id = ?", (space_id,)).fetchone() is not None

    def _forget(self, space_id: str) -> None:
        run = self.db.execute
        # Room may tell of it still: in a stream that is filled again, what people told comes first.
        run("INSERT OR IGNORE INTO forgotten VALUES (?)", (space_id,))
        run("UPDATE spaces SET title = ? WHERE id = ?", (room.TITLE_REMOVED, space_id))
        run("DELETE FROM scheduled WHERE id = ?", (space_id,))
        keep = ",".join("?" * len(_OF_OPERATORS))
        run(f"DELETE FROM acts WHERE space = ? AND act NOT IN ({keep})", (space_id, *_OF_OPERATORS))
        self._unwiped = True

    def _add(
        self,
        event: room.SpaceEvent,
        act: str,
        person: str | None = None,
        reason: str = "",
        *,
        change: tuple[str, str, str],
    ) -> None:
        if act not in _OF_OPERATORS and self._is_forgotten(event.space_id):
            return
        what, before, after = change
        acts.add(
            self.db,
            Act(
                _id(event), event.at, event.actor, act, person, event.space_id, reason,
                what=what, before=before, after=after,
            ),
        )  # fmt: skip

    def find(self, space_id: str) -> Known | None:
        """A Space that has been created."""
        row = self.db.execute("SELECT id, title, host FROM spaces WHERE id = ?", (space_id,)).fetchone()
        return None if row is None else Known(row[0], self._shown_title(row[1]), row[2])

    def scheduled(self, space_id: str) -> Scheduled | None:
        """A Space that was scheduled and is neither over nor canceled."""
        row = self.db.execute(f"{_SCHEDULED} WHERE scheduled.id = ?", (space_id,)).fetchone()
        return None if row is None else self._scheduled(row)

    def due(self, soon: datetime) -> list[Scheduled]:
        """Scheduled Spaces that start before `soon`, and those that were scheduled and are live."""
        query = f"{_SCHEDULED} WHERE live = 1 OR start <= ? ORDER BY start"
        return [self._scheduled(row) for row in self.db.execute(query, (sortable(soon),))]

    def upcoming(self, now: datetime, ahead: timedelta) -> datetime | None:
        """The next moment after `now` at which a scheduled Space starts, or starts `ahead` later."""
        query = "SELECT min(start) FROM scheduled WHERE live = 0 AND start > ?"
        (start,) = self.db.execute(query, (sortable(now),)).fetchone()
        (later,) = self.db.execute(query, (sortable(now + ahead),)).fetchone()
        moments = [] if start is None else [datetime.fromisoformat(start)]
        if later is not None:
            moments.append(datetime.fromisoformat(later) - ahead)
        return min(moments, default=None)

    def has_hosted(self, person: str) -> bool:
        """Whether a person was ever host of a live Space."""
        return self.db.execute("SELECT 1 FROM hosted WHERE person = ?", (person,)).fetchone() is not None

    def act(self, id: str) -> Act | None:
        """One act of a host."""
        return acts.find(self.db, id, self._explanation)

    def acts(self, before: LogPlace | None, person: str | None, space: str | None, limit: int) -> list[Act]:
        """Acts of hosts before a place, newest first."""
        return acts.page(self.db, before, person, space, limit, self._explanation)

    def _shown_title(self, column: str | bytes) -> str:
        title = self._read(column)
        return room.TITLE_REMOVED if title is None else title

    def _explanation(self, column: str | bytes) -> str:
        return self._read(column) or ""

    def _read(self, column: str | bytes) -> str | None:
        return column if isinstance(column, str) else self._open_box(Box.model_validate_json(column))

    def _scheduled(self, row: tuple[str, str | bytes, str, str, int]) -> Scheduled:
        id, title, host, start, live = row
        sealed = None if isinstance(title, str) else Box.model_validate_json(title)
        return Scheduled(id, self._shown_title(title), host, datetime.fromisoformat(start), bool(live), sealed)


def _column(received: Received, path: str, plain: str) -> str | bytes:
    """What a column has of the words of an event."""
    box = (received.boxes or {}).get(path)
    return plain if box is None else box.model_dump_json().encode()


def _id(event: room.SpaceEvent | recording.RecordingEvent) -> str:
    # Versions are each aggregate's own, and a Space has one at room and one at recording.
    kind = "" if isinstance(event, room.SpaceEvent) else f"{event.context}-"
    return f"{kind}{event.space_id}-{event.version}"
