"""Sealed words that nobody may be shown any more, and whose keys are still to be destroyed."""

from __future__ import annotations

from typing import Final

from libs.eventstore import Notification
from libs.keyring import Sealed
from libs.readmodel import StoreModel
from services.transcription.domain.facts import (
    UNITS,
    CaptionCorrected,
    CaptionDeleted,
    Captioned,
    CaptionRestored,
    Deleted,
    lock_of,
    unit_of,
)

_TOGETHER: Final = 500
"""Units in one order."""


class Unwanted(StoreModel):
    """Units to be destroyed: the host's words once others take their place, deleted captions, and everything of a
    deleted transcript.

    What was heard stays while its transcript does, since the speaker may have it shown again. When the file is lost,
    everything is destroyed once more, which changes nothing.
    """

    schema = """
        -- Whose locks something of a transcript is under.
        CREATE TABLE locks (space_id TEXT, lock TEXT, PRIMARY KEY (space_id, lock)) WITHOUT ROWID;
        -- The host's words that are shown.
        CREATE TABLE wordings (
            space_id TEXT, caption_id TEXT, lock TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (space_id, caption_id)
        ) WITHOUT ROWID;
        CREATE TABLE unwanted (lock TEXT, unit TEXT, PRIMARY KEY (lock, unit)) WITHOUT ROWID
    """

    def apply(self, notification: Notification) -> None:
        space_id = notification.aggregate_id
        match notification.fact:
            case Captioned(person_id=person_id, text=Sealed()):
                self._note(space_id, person_id)
            case CaptionCorrected(caption_id=caption_id, person_id=person_id, by=by, wording=wording):
                self._replace(space_id, caption_id)
                if wording:
                    self._note(space_id, person_id)
                    self._note(space_id, by)
                    row = space_id, caption_id, lock_of(space_id, person_id), unit_of(caption_id, wording)
                    self.db.execute("INSERT INTO wordings VALUES (?, ?, ?, ?)", row)
            case CaptionRestored(caption_id=caption_id):
                self._replace(space_id, caption_id)
            case CaptionDeleted(caption_id=caption_id, person_id=person_id):
                # With what a host put in its place, which is sealed under the speaker's keys too.
                where = "WHERE space_id = ? AND caption_id = ?"
                self.db.execute(f"DELETE FROM wordings {where}", (space_id, caption_id))
                unit = lock_of(space_id, person_id), unit_of(caption_id)
                self.db.execute("INSERT OR IGNORE INTO unwanted VALUES (?, ?)", unit)
            case Deleted():
                self.db.execute(
                    "INSERT OR IGNORE INTO unwanted SELECT lock, ? FROM locks WHERE space_id = ?", (UNITS, space_id)
                )
                for table in ("locks", "wordings"):
                    self.db.execute(f"DELETE FROM {table} WHERE space_id = ?", (space_id,))
            case _:
                pass

    def _note(self, space_id: str, person_id: str) -> None:
        self.db.execute("INSERT OR IGNORE INTO locks VALUES (?, ?)", (space_id, lock_of(space_id, person_id)))

    def _replace(self, space_id: str, caption_id: str) -> None:
        where, which = "WHERE space_id = ? AND caption_id = ?", (space_id, caption_id)
        self.db.execute(f"INSERT OR IGNORE INTO unwanted SELECT lock, unit FROM wordings {where}", which)
        self.db.execute(f"DELETE FROM wordings {where}", which)

    def next(self) -> tuple[str, tuple[str, ...]] | None:
        """A lock with units of it that are to be destroyed; None where there is nothing."""
        rows = self.db.execute(
            "SELECT lock, unit FROM unwanted WHERE lock = (SELECT min(lock) FROM unwanted) LIMIT ?", (_TOGETHER,)
        ).fetchall()
        return (rows[0][0], tuple(unit for _, unit in rows)) if rows else None

    def destroyed(self, lock: str, units: tuple[str, ...]) -> None:
        """These are destroyed."""
        with self.transaction():
            self.db.executemany("DELETE FROM unwanted WHERE lock = ? AND unit = ?", [(lock, unit) for unit in units])
