"""What transcription knows of Spaces and of the people on their stages, from room's events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from contracts import subjects
from contracts.people.v1 import Forgotten
from contracts.recording.v1 import ReplayDeleted
from contracts.room import v1 as room
from contracts.transcription import v1
from libs import names
from libs.bus import Received
from libs.readmodel import ReadModel


@dataclass(frozen=True, slots=True)
class CaptionedSpace:
    """A Space with captions that is not known to be transcribed."""

    id: str
    lang: str
    """As it started."""
    started_at: datetime
    ended: bool


@dataclass(frozen=True, slots=True)
class KnownSpeaker:
    """Somebody who is or was on stage."""

    person_id: str
    consents: bool
    """As they last said it in this Space."""


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    """What somebody speaks at a moment."""

    lang: str
    """BCP 47 tag; `und` where it is to be found out."""
    since_us: int
    """From when on, µs since the Unix epoch; 0 for the start of the Space."""


_NAMES: Final = 20
_CHOICES: Final = 20
"""Languages of one person that are remembered, the newest ones: speech that waits needs the one of its moment."""
_CHANGES: Final = 40
"""Comings and goings of one person that are remembered, the newest ones."""
_CLOCKS_DIFFER_US: Final = 10_000_000
"""Room's clock says when somebody left the stage, and media's when they were heard."""
_SPACE: Final = ""
"""Stands for the person where a language is that of the Space."""


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def _about(settings: room.Settings) -> str:
    topics = ", ".join(topic.replace("-", " ") for topic in settings.topics)
    told = settings.title not in (room.TITLE_REMOVED, room.TITLE_UNAVAILABLE)  # which nobody says
    return ". ".join(part for part in (settings.title if told else "", topics) if part)


class Stages(ReadModel):
    """Spaces whose transcripts are open, and who speaks there."""

    overwrites = True
    schema = f"""
    {names.TABLE};
    CREATE TABLE spaces (
        id TEXT PRIMARY KEY, lang TEXT NOT NULL, started_at TEXT NOT NULL, ended INTEGER NOT NULL DEFAULT 0,
        about TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE words (space_id TEXT PRIMARY KEY, words TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE languages (
        space_id TEXT, person_id TEXT, since INTEGER, lang TEXT, PRIMARY KEY (space_id, person_id, since)
    ) WITHOUT ROWID;
    -- Whether somebody is on stage, from each moment on at which that changed.
    CREATE TABLE stands (
        space_id TEXT, person_id TEXT, since INTEGER, stands INTEGER NOT NULL, PRIMARY KEY (space_id, person_id, since)
    ) WITHOUT ROWID;
    -- What may be said besides names, from each moment on at which that changed: speech that waits needs what held at
    -- its moment.
    CREATE TABLE vocabularies (
        space_id TEXT, since INTEGER, listed TEXT NOT NULL, about TEXT NOT NULL, PRIMARY KEY (space_id, since)
    ) WITHOUT ROWID;
    -- Who is or was on stage, and since when.
    CREATE TABLE speakers (
        space_id TEXT, person_id TEXT, since INTEGER NOT NULL, consents INTEGER NOT NULL,
        PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID
    """
    filters = (
        *(
            subjects.event("room", "*", event.name)
            for event in (
                room.Started,
                room.SettingsChanged,
                room.WordsChanged,
                room.StageJoined,
                room.StageLeft,
                room.Removed,
                room.LanguageChosen,
                room.Ended,
                room.Canceled,
            )
        ),
        subjects.event("transcription", "*", v1.Completed.name),
        subjects.event("recording", "*", ReplayDeleted.name),
        *names.FILTERS,
    )

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.names = names.Names(self)
        self._unwiped = False
        """Words were removed that are in the file's log still."""
        self.news = asyncio.Event()
        """Set after every change; whoever waits for it clears it."""
        self.on_applied.append(lambda _: self.news.set())

    def apply(self, received: Received) -> None:
        self.names.apply(received.event)
        match received.event:
            case room.Started() as event:
                if event.settings.captions:
                    self.db.execute(
                        "INSERT OR IGNORE INTO spaces (id, lang, started_at, about) VALUES (?, ?, ?, ?)",
                        (event.space_id, event.settings.lang, event.at.isoformat(), _about(event.settings)),
                    )
                    self._speaks(event.space_id, _SPACE, 0, event.settings.lang)
                    self._on_stage(event.space_id, event.host.id, 0, True)
                    self._may_be_said(event.space_id, 0)
            case room.SettingsChanged() as event:
                self.db.execute("UPDATE spaces SET about = ? WHERE id = ?", (_about(event.settings), event.space_id))
                self._may_be_said(event.space_id, _us(event.at))
                now = self.spoken(event.space_id, _SPACE, _us(event.at))
                if now is not None and now.lang != event.settings.lang:
                    self._speaks(event.space_id, _SPACE, _us(event.at), event.settings.lang)
            case room.WordsChanged() as event:
                # Also of a Space that has not started yet, and that may have no captions.
                self.db.execute(
                    "INSERT OR REPLACE INTO words VALUES (?, ?)",
                    (event.space_id, json.dumps(event.words, ensure_ascii=False)),
                )
                self._may_be_said(event.space_id, _us(event.at))
            case room.LanguageChosen() as event:
                self._speaks(event.space_id, event.person_id, _us(event.at), event.lang)
            case room.StageJoined() as event:
                self._on_stage(event.space_id, event.person.id, _us(event.at), event.consent_to_recording)
                self._stands(event.space_id, event.person.id, _us(event.at), True)
            case room.StageLeft() | room.Removed() as event:
                self._stands(event.space_id, event.person_id, _us(event.at), False)
            case room.Ended() as event:
                self.db.execute("UPDATE spaces SET ended = 1 WHERE id = ?", (event.space_id,))
                if not self._has(event.space_id):
                    self._remove(event.space_id)
            case room.Canceled() as event:
                self._remove(event.space_id)
            case v1.Completed() | ReplayDeleted() as event:
                self._remove(event.space_id)
            case Forgotten(whole=(kind, id)):
                self._forget(kind, id)
            case _:
                pass

    def _forget(self, kind: str, id: str) -> None:
        """Keep no words of a person or a Space that was erased. Who on a stage wrote its headline and its list is not
        known here, so that both go with everybody; the next change brings them again."""
        if kind == "space":
            self._remove(id)
        elif kind == "person":
            here = "IN (SELECT space_id FROM speakers WHERE person_id = ?)"
            self.db.execute(f"UPDATE spaces SET about = '' WHERE id {here}", (id,))
            self.db.execute(f"UPDATE vocabularies SET listed = '', about = '' WHERE space_id {here}", (id,))
            self.db.execute(f"DELETE FROM words WHERE space_id {here}", (id,))
            self._unwiped = True

    def take(self, batch: Sequence[Received], epoch: str) -> None:
        super().take(batch, epoch)
        if self._unwiped:
            self.wipe()
            self._unwiped = False

    def _on_stage(self, space_id: str, person_id: str, since_us: int, consents: bool) -> None:
        self.db.execute(
            "INSERT INTO speakers SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM spaces WHERE id = ?)"
            " ON CONFLICT (space_id, person_id) DO UPDATE SET consents = excluded.consents",
            (space_id, person_id, since_us, consents, space_id),
        )

    def _stands(self, space_id: str, person_id: str, since_us: int, stands: bool) -> None:
        if self._has(space_id):
            self._note("stands", space_id, person_id, since_us, stands, _CHANGES)

    def _speaks(self, space_id: str, person_id: str, since_us: int, lang: str | None) -> None:
        if not self._has(space_id):
            return
        self._note("languages", space_id, person_id, since_us, lang, _CHOICES)

    def _note(self, table: str, space_id: str, person_id: str, since_us: int, what: object, most: int) -> None:
        """Note what holds of somebody from a moment on; of what was noted before, the oldest beyond so many goes."""
        self.db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", (space_id, person_id, since_us, what))
        self.db.execute(
            f"DELETE FROM {table} WHERE space_id = :space AND person_id = :person AND since > 0 AND since <= (SELECT"
            f" since FROM {table} WHERE space_id = :space AND person_id = :person"
            f" ORDER BY since DESC LIMIT 1 OFFSET {most})",
            {"space": space_id, "person": person_id},
        )

    def _may_be_said(self, space_id: str, since_us: int) -> None:
        about = self.db.execute("SELECT about FROM spaces WHERE id = ?", (space_id,)).fetchone()
        if about is None:
            return
        words = self.db.execute("SELECT words FROM words WHERE space_id = ?", (space_id,)).fetchone()
        listed = ", ".join(json.loads(words[0])) if words else ""
        self.db.execute("INSERT OR REPLACE INTO vocabularies VALUES (?, ?, ?, ?)", (space_id, since_us, listed, *about))
        self.db.execute(
            "DELETE FROM vocabularies WHERE space_id = :space AND since > 0 AND since <= ("
            f"SELECT since FROM vocabularies WHERE space_id = :space ORDER BY since DESC LIMIT 1 OFFSET {_CHOICES})",
            {"space": space_id},
        )

    def _has(self, space_id: str) -> bool:
        return self.db.execute("SELECT 1 FROM spaces WHERE id = ?", (space_id,)).fetchone() is not None

    def forget(self, space_id: str) -> None:
        """Nothing of this Space will be transcribed."""
        with self.transaction():
            self._remove(space_id)
        self.wipe()

    def _remove(self, space_id: str) -> None:
        self.db.execute("DELETE FROM spaces WHERE id = ?", (space_id,))
        for table in ("speakers", "words", "languages", "stands", "vocabularies"):
            self.db.execute(f"DELETE FROM {table} WHERE space_id = ?", (space_id,))
        self._unwiped = True

    def open(self) -> list[CaptionedSpace]:
        """Every Space that may still have something to transcribe."""
        rows = self.db.execute("SELECT id, lang, started_at, ended FROM spaces ORDER BY started_at")
        return [CaptionedSpace(id, lang, datetime.fromisoformat(at), bool(ended)) for id, lang, at, ended in rows]

    def has_ended(self, space_id: str) -> bool:
        """Whether a Space is over; also true of one that is not known here (any more)."""
        row = self.db.execute("SELECT ended FROM spaces WHERE id = ?", (space_id,)).fetchone()
        return row is None or bool(row[0])

    def vocabulary(self, space_id: str, at_us: int) -> str:
        """What may be said in a Space at a moment (µs since the Unix epoch): its hosts' words, who is or was on stage,
        its headline and its topics."""
        row = self.db.execute(
            "SELECT listed, about FROM vocabularies WHERE space_id = ? AND since <= ? ORDER BY since DESC LIMIT 1",
            (space_id, at_us),
        ).fetchone()
        if row is None:
            return ""
        listed, about = row
        called = self.db.execute(
            "SELECT p.name FROM speakers s JOIN people p ON p.id = s.person_id AND p.handle != '' "
            "WHERE s.space_id = ? AND s.since <= ? ORDER BY p.name LIMIT ?",
            (space_id, at_us, _NAMES),
        )
        return ". ".join(part for part in (listed, ", ".join(name for (name,) in called), about) if part)

    def spoken(self, space_id: str, person_id: str, at_us: int) -> SpokenLanguage | None:
        """What somebody speaks at a moment (µs since the Unix epoch): what they chose, else the language of the Space.

        None where no such Space is known (any more).
        """
        own, whole = (
            self.db.execute(
                "SELECT lang, since FROM languages WHERE space_id = ? AND person_id = ? AND since <= ?"
                " ORDER BY since DESC LIMIT 1",
                (space_id, whose, at_us),
            ).fetchone()
            for whose in (person_id, _SPACE)
        )
        if whole is None:
            return None
        if own is None:
            return SpokenLanguage(*whole)
        return SpokenLanguage(*own) if own[0] is not None else SpokenLanguage(whole[0], max(whole[1], own[1]))

    def languages(self, space_id: str) -> frozenset[str]:
        """What is or was spoken in a Space, as far as anybody chose it: BCP 47 tags."""
        rows = self.db.execute(
            "SELECT DISTINCT lang FROM languages WHERE space_id = ? AND lang IS NOT NULL", (space_id,)
        )
        return frozenset(lang for (lang,) in rows)

    def speaker(self, space_id: str, person_id: str) -> KnownSpeaker | None:
        """Somebody on the stage of a Space with captions; None while nothing is known of them."""
        row = self.db.execute(
            "SELECT consents FROM speakers WHERE space_id = ? AND person_id = ?", (space_id, person_id)
        ).fetchone()
        return None if row is None else KnownSpeaker(person_id, bool(row[0]))

    def stands(self, space_id: str, person_id: str, at_us: int) -> bool:
        """Whether somebody, who is or was on stage, is not known to have left it by a moment (µs since the Unix epoch),
        or has left it just before."""
        for moment in (at_us, at_us - _CLOCKS_DIFFER_US):
            row = self.db.execute(
                "SELECT stands FROM stands WHERE space_id = ? AND person_id = ? AND since <= ?"
                " ORDER BY since DESC LIMIT 1",
                (space_id, person_id, moment),
            ).fetchone()
            if row is None or row[0]:
                return True
        return False
