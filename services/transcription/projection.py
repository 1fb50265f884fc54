"""What transcription knows of Spaces and of the people on their stages, from room's events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contracts import subjects
from contracts.recording.v1 import ReplayDeleted
from contracts.room import v1 as room
from contracts.transcription import v1
from libs.bus import Received
from libs.readmodel import ReadModel


@dataclass(frozen=True, slots=True)
class CaptionedSpace:
    """A Space with captions that is not known to be transcribed."""

    id: str
    lang: str
    started_at: datetime
    ended: bool


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who is or was on stage."""

    person_id: str
    handle: str
    name: str
    consents: bool
    """As they last said it in this Space."""


class Stages(ReadModel):
    """Spaces whose transcripts are open, and who speaks there."""

    schema = """
    CREATE TABLE spaces (
        id TEXT PRIMARY KEY, lang TEXT NOT NULL, started_at TEXT NOT NULL, ended INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE speakers (
        space_id TEXT, person_id TEXT, handle TEXT NOT NULL, name TEXT NOT NULL, consents INTEGER NOT NULL,
        PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID
    """
    filters = (
        *(subjects.event("room", "*", name) for name in ("started", "stage_joined", "ended")),
        subjects.event("transcription", "*", v1.Completed.name),
        subjects.event("recording", "*", ReplayDeleted.name),
    )

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.news = asyncio.Event()
        """Set after every change; whoever waits for it clears it."""
        self.on_applied.append(lambda _: self.news.set())

    def apply(self, received: Received) -> None:
        match received.event:
            case room.Started() as event:
                if event.settings.captions:
                    self.db.execute(
                        "INSERT OR IGNORE INTO spaces (id, lang, started_at) VALUES (?, ?, ?)",
                        (event.space_id, event.settings.lang, event.at.isoformat()),
                    )
                    self._on_stage(event.space_id, event.host.id, event.host.handle, event.host.name, True)
            case room.StageJoined() as event:
                person = event.person
                self._on_stage(event.space_id, person.id, person.handle, person.name, event.consent_to_recording)
            case room.Ended() as event:
                self.db.execute("UPDATE spaces SET ended = 1 WHERE id = ?", (event.space_id,))
            case v1.Completed() | ReplayDeleted() as event:
                self._remove(event.space_id)
            case _:
                pass

    def _on_stage(self, space_id: str, person_id: str, handle: str, name: str, consents: bool) -> None:
        self.db.execute(
            "INSERT OR REPLACE INTO speakers SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM spaces WHERE id = ?)",
            (space_id, person_id, handle, name, consents, space_id),
        )

    def forget(self, space_id: str) -> None:
        """Nothing of this Space will be transcribed."""
        with self.transaction():
            self._remove(space_id)

    def _remove(self, space_id: str) -> None:
        self.db.execute("DELETE FROM spaces WHERE id = ?", (space_id,))
        self.db.execute("DELETE FROM speakers WHERE space_id = ?", (space_id,))

    def open(self) -> list[CaptionedSpace]:
        """Every Space that may still have something to transcribe."""
        rows = self.db.execute("SELECT id, lang, started_at, ended FROM spaces ORDER BY started_at")
        return [CaptionedSpace(id, lang, datetime.fromisoformat(at), bool(ended)) for id, lang, at, ended in rows]

    def has_ended(self, space_id: str) -> bool:
        """Whether a Space is over; also true of one that is not known here (any more)."""
        row = self.db.execute("SELECT ended FROM spaces WHERE id = ?", (space_id,)).fetchone()
        return row is None or bool(row[0])

    def speaker(self, space_id: str, person_id: str) -> Speaker | None:
        """Somebody on the stage of a Space with captions; None while nothing is known of them."""
        row = self.db.execute(
            "SELECT handle, name, consents FROM speakers WHERE space_id = ? AND person_id = ?", (space_id, person_id)
        ).fetchone()
        return None if row is None else Speaker(person_id, row[0], row[1], bool(row[2]))
