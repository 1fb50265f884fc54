"""Which replays and safety copies there are, and which reports are of which Space: an index of our own facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.recording.domain.chapters import ChaptersSet
from services.recording.domain.facts import (
    Deleted,
    Ended,
    Failed,
    Finished,
    MadeAgain,
    Reported,
    SafetyCopyDestroyed,
    VoiceErased,
)
from services.recording.domain.forms import FormMade, FormsRemoved
from services.recording.domain.recording import OUTDATING, UNCHAPTERING
from services.recording.domain.sounds import SoundKept, SoundMissing, SoundsRemoved, SoundWanted


class KeptSpaces(StoreModel):
    """What is kept, by the end of its Space."""

    schema = """
        -- `state` is owed, replay, failed (its transcript is kept for as long as a replay) or safety.
        CREATE TABLE kept (
            space_id TEXT PRIMARY KEY, ended_at REAL NOT NULL, state TEXT NOT NULL DEFAULT 'owed'
        ) WITHOUT ROWID;
        CREATE INDEX kept_by_end ON kept (state, ended_at);
        CREATE TABLE voices (
            person_id TEXT NOT NULL, space_id TEXT NOT NULL, PRIMARY KEY (person_id, space_id)
        ) WITHOUT ROWID;
        -- Whose mix is to be made again.
        CREATE TABLE unmixed (space_id TEXT PRIMARY KEY) WITHOUT ROWID;
        -- Forms to download, and lists of chapters. Those that are `outdated` are to be destroyed.
        CREATE TABLE forms (
            object TEXT PRIMARY KEY, space_id TEXT NOT NULL, host_id TEXT NOT NULL, form TEXT NOT NULL,
            outdated INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
        CREATE INDEX forms_by_space ON forms (space_id);
        CREATE INDEX forms_by_host ON forms (host_id);
        CREATE INDEX forms_outdated ON forms (space_id) WHERE outdated;
        CREATE TABLE reports (
            report_id TEXT NOT NULL, space_id TEXT NOT NULL, PRIMARY KEY (report_id, space_id)
        ) WITHOUT ROWID;
        -- What is kept for reports. `until` is when its stretch ends, NULL once it is settled.
        CREATE TABLE sounds (
            report_id TEXT NOT NULL, piece INTEGER NOT NULL, space_id TEXT NOT NULL, until REAL,
            PRIMARY KEY (report_id, piece, space_id)
        ) WITHOUT ROWID;
        CREATE INDEX sounds_awaited ON sounds (until) WHERE until IS NOT NULL
    """

    def apply(self, notification: Notification) -> None:
        space_id = notification.aggregate_id
        if isinstance(notification.fact, OUTDATING):
            kept = "" if isinstance(notification.fact, UNCHAPTERING) else " AND form <> 'chapters'"
            self.db.execute(f"UPDATE forms SET outdated = 1 WHERE space_id = ?{kept}", (space_id,))
        match notification.fact:
            case Ended(ended_at=ended_at):
                run = "INSERT OR IGNORE INTO kept (space_id, ended_at) VALUES (?, ?)"
                self.db.execute(run, (space_id, ended_at.timestamp()))
            case Finished(tracks=tracks):
                self.db.execute("UPDATE kept SET state = 'replay' WHERE space_id = ?", (space_id,))
                rows = [(track.person_id, space_id) for track in tracks]
                self.db.executemany("INSERT OR IGNORE INTO voices VALUES (?, ?)", rows)
            case VoiceErased(person_id=person_id):
                self.db.execute("DELETE FROM voices WHERE person_id = ? AND space_id = ?", (person_id, space_id))
                self.db.execute("INSERT OR IGNORE INTO unmixed VALUES (?)", (space_id,))
            case MadeAgain():
                self.db.execute("DELETE FROM unmixed WHERE space_id = ?", (space_id,))
            case Failed():
                self.db.execute("UPDATE kept SET state = 'failed' WHERE space_id = ?", (space_id,))
            case Deleted():
                self.db.execute("DELETE FROM kept WHERE space_id = ? AND state = 'failed'", (space_id,))
                self.db.execute("UPDATE kept SET state = 'safety' WHERE space_id = ?", (space_id,))
            case SafetyCopyDestroyed():
                for table in ("kept", "voices", "unmixed"):
                    self.db.execute(f"DELETE FROM {table} WHERE space_id = ?", (space_id,))
            case FormMade(form=form, object=object, host=host):
                self.db.execute("UPDATE forms SET outdated = 1 WHERE space_id = ? AND form = ?", (space_id, form))
                run = "INSERT OR REPLACE INTO forms (object, space_id, host_id, form) VALUES (?, ?, ?, ?)"
                self.db.execute(run, (object, space_id, host, form))
            case ChaptersSet(host=host, object=object, count=count):
                self.db.execute("UPDATE forms SET outdated = 1 WHERE space_id = ? AND form = 'chapters'", (space_id,))
                if count:
                    run = "INSERT OR REPLACE INTO forms (object, space_id, host_id, form) VALUES (?, ?, ?, 'chapters')"
                    self.db.execute(run, (object, space_id, host))
            case FormsRemoved(objects=objects):
                self.db.executemany("DELETE FROM forms WHERE object = ?", [(name,) for name in objects])
            case Reported(report=report):
                self.db.execute("INSERT OR IGNORE INTO reports VALUES (?, ?)", (report, space_id))
            case SoundWanted(report=report, piece=piece, until=until):
                run = "INSERT OR IGNORE INTO sounds VALUES (?, ?, ?, ?)"
                self.db.execute(run, (report, piece, space_id, until.timestamp()))
            case SoundKept(report=report, piece=piece) | SoundMissing(report=report, piece=piece):
                run = "UPDATE sounds SET until = NULL WHERE report_id = ? AND piece = ? AND space_id = ?"
                self.db.execute(run, (report, piece, space_id))
            case SoundsRemoved(report=report):
                self.db.execute("DELETE FROM sounds WHERE report_id = ? AND space_id = ?", (report, space_id))
            case _:
                pass

    def replays(self, before: datetime) -> list[str]:
        """Spaces with a replay, or one that failed, that ended before a moment, oldest first."""
        return self._of(("replay", "failed"), before)

    def safety_copies(self, before: datetime) -> list[str]:
        """Spaces with a deleted replay that ended before a moment, oldest first."""
        return self._of(("safety",), before)

    def outdated_forms(self) -> list[str]:
        """The Spaces of which forms are to be destroyed."""
        return [row[0] for row in self.db.execute("SELECT DISTINCT space_id FROM forms WHERE outdated")]

    def forms_of(self, host_id: str) -> list[str]:
        """The Spaces of which there are forms with words of a host."""
        rows = self.db.execute("SELECT DISTINCT space_id FROM forms WHERE host_id = ? AND NOT outdated", (host_id,))
        return [row[0] for row in rows]

    def reported(self, report: str) -> list[str]:
        """The Spaces that a report is of."""
        return [row[0] for row in self.db.execute("SELECT space_id FROM reports WHERE report_id = ?", (report,))]

    def awaited(self, limit: int) -> list[tuple[str, str, int, datetime]]:
        """Space, report, piece and end of sounds that are still to be kept, the first that ends first."""
        rows = self.db.execute(
            "SELECT space_id, report_id, piece, until FROM sounds WHERE until IS NOT NULL ORDER BY until LIMIT ?",
            (limit,),
        )
        return [
            (space_id, report, piece, datetime.fromtimestamp(until, UTC)) for space_id, report, piece, until in rows
        ]

    def sounds(self, report: str) -> list[str]:
        """The Spaces of which sound is kept for a report."""
        rows = self.db.execute("SELECT DISTINCT space_id FROM sounds WHERE report_id = ?", (report,))
        return [space_id for (space_id,) in rows]

    def heard(self, person_id: str) -> list[str]:
        """The Spaces of which a track of a person is stored."""
        return [row[0] for row in self.db.execute("SELECT space_id FROM voices WHERE person_id = ?", (person_id,))]

    def unmixed(self) -> list[str]:
        """The Spaces whose mix is to be made again."""
        return [row[0] for row in self.db.execute("SELECT space_id FROM unmixed")]

    def _of(self, states: Sequence[str], before: datetime) -> list[str]:
        among = ",".join("?" * len(states))
        rows = self.db.execute(
            f"SELECT space_id FROM kept WHERE state IN ({among}) AND ended_at <= ? ORDER BY ended_at",
            (*states, before.astimezone(UTC).timestamp()),
        )
        return [row[0] for row in rows]
