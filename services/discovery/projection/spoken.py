"""What was said in Spaces: kept from the events of transcription and recording; and the search for Spaces by it."""

from __future__ import annotations

import json
import sqlite3
import sys
from dataclasses import dataclass
from typing import Any, Final

from contracts import subjects
from contracts.discovery.v1 import SearchQuery, Spoken
from contracts.recording import v1 as recording
from contracts.transcription.v1 import (
    Caption,
    CaptionCorrected,
    CaptionDeleted,
    Captioned,
    CaptionRestored,
    Deleted,
    TranscriptionEvent,
)
from services.discovery.projection import headlines, schema, sentences
from services.discovery.projection.reader import SearchReader, SentencePlace
from services.discovery.projection.sentences import beginning_with
from services.discovery.projection.terms import MOST_WORDS, terms_of

FILTERS: Final = tuple(
    subjects.event(event.context, "*", event.name)
    for event in (
        Captioned, CaptionCorrected, CaptionRestored, CaptionDeleted, Deleted, recording.ReplayReady,
        recording.ReplayDeleted,
    )
)  # fmt: skip
_MOST: Final = 20_000
"""Sentences kept of one Space."""
_LONGEST: Final = 2_000
"""Letters kept of one sentence."""


def apply(db: sqlite3.Connection, event: TranscriptionEvent | recording.RecordingEvent, *, kept: bool) -> None:
    """Take in what was said, and what became of the replay. Words are taken in only where they are `kept`."""
    match event:
        case Captioned(space_id=space_id, caption=caption) if kept:
            _say(db, space_id, caption)
        case CaptionCorrected(space_id=space_id, caption_id=caption_id, text=text, by=by):
            _replace(db, space_id, caption_id, text, by=by)
        case CaptionRestored(space_id=space_id, caption_id=caption_id, text=text):
            _replace(db, space_id, caption_id, text, by=None)
        case CaptionDeleted(space_id=space_id, caption_id=caption_id):
            _remove(db, space_id, caption_id)
        case Deleted(space_id=space_id):
            forget(db, space_id)
        case recording.ReplayReady(space_id=space_id, began_at=began_at):
            db.execute("INSERT OR IGNORE INTO replays VALUES (?, ?)", (space_id, began_at.timestamp()))
        case recording.ReplayDeleted(space_id=space_id):
            db.execute("INSERT OR REPLACE INTO replays VALUES (?, NULL)", (space_id,))
            forget(db, space_id)
        case _:
            pass


def end_without_recording(db: sqlite3.Connection, space_id: str) -> None:
    """Captions were for those who were there."""
    if db.execute("SELECT 1 FROM replays WHERE space_id = ? AND began NOTNULL", (space_id,)).fetchone() is None:
        forget(db, space_id)


def forget(db: sqlite3.Connection, space_id: str) -> None:
    """Keep nothing of what was said in a Space."""
    rows = db.execute(
        "SELECT c.k, s.text, c.person_id FROM captions c JOIN said s ON s.k = c.k WHERE c.space_id = ?", (space_id,)
    ).fetchall()
    sentences.remove_all(db, rows)
    db.executemany("DELETE FROM said WHERE k = ?", [(k,) for k, _, _ in rows])
    db.execute("DELETE FROM captions WHERE space_id = ?", (space_id,))
    db.execute("DELETE FROM transcripts WHERE space_id = ?", (space_id,))
    db.execute("UPDATE spaces SET transcript = NULL WHERE id = ?", (space_id,))


def forget_said(db: sqlite3.Connection, space_id: str, person_id: str, caption_id: str | None) -> None:
    """Keep nothing of what somebody said in a Space, or only not one caption of it."""
    rows = db.execute(
        "SELECT id FROM captions WHERE space_id = ?1 AND person_id = ?2 AND (?3 IS NULL OR id = ?3)",
        (space_id, person_id, caption_id),
    ).fetchall()
    for (id,) in rows:
        _remove(db, space_id, id)


def forget_speaker(db: sqlite3.Connection, person_id: str) -> None:
    """Keep nothing of what somebody said, or put in the place of what others said."""
    for n in sentences.transcripts_with(db, person_id):
        row = db.execute("SELECT space_id FROM transcripts WHERE n = ?", (n,)).fetchone()
        if row is not None:
            forget_said(db, row[0], person_id, None)
    rows = db.execute("SELECT space_id, id FROM captions WHERE corrected_by = ?", (person_id,)).fetchall()
    for space_id, caption_id in rows:
        _remove(db, space_id, caption_id)
    db.execute("DELETE FROM speakers WHERE person_id = ?", (person_id,))


def _say(db: sqlite3.Connection, space_id: str, caption: Caption) -> None:
    deleted = db.execute("SELECT 1 FROM replays WHERE space_id = ? AND began IS NULL", (space_id,)).fetchone()
    known = db.execute("SELECT 1 FROM captions WHERE space_id = ? AND id = ?", (space_id, caption.id)).fetchone()
    if deleted or known or not caption.text:  # empty where it was erased
        return
    at, person = caption.start_at.timestamp(), caption.person
    row = db.execute(
        """
        INSERT INTO transcripts (space_id, sentences, first, last) VALUES (:space, 1, :at, :at)
        ON CONFLICT (space_id) DO UPDATE SET
            sentences = sentences + 1, first = min(first, :at), last = max(last, :at) WHERE sentences < :most
        RETURNING n, sentences
        """,
        {"space": space_id, "at": at, "most": _MOST},
    ).fetchone()
    if row is None:
        return
    n, number = row
    if number == 1:
        db.execute("UPDATE spaces SET transcript = ? WHERE id = ?", (n, space_id))
    k, text = n * sentences.SENTENCES + number - 1, caption.text[:_LONGEST]
    words = sentences.index(db, k, text, person.id)
    db.execute(
        "INSERT INTO captions VALUES (?, ?, ?, ?, ?, ?, ?, ?, FALSE, NULL)",
        (k, space_id, caption.id, person.id, caption.lang, at, caption.end_at.timestamp(), words),
    )
    db.execute("INSERT INTO said VALUES (?, ?)", (k, text))
    db.execute(
        "INSERT OR REPLACE INTO speakers VALUES (?, ?, ?)",
        (person.id, person.handle.lower(), person.model_dump_json()),
    )


def _remove(db: sqlite3.Connection, space_id: str, caption_id: str) -> None:
    row = db.execute(
        "SELECT c.k, s.text, c.person_id FROM captions c JOIN said s ON s.k = c.k WHERE c.space_id = ? AND c.id = ?",
        (space_id, caption_id),
    ).fetchone()
    if row is not None:
        sentences.remove(db, *row)
        db.execute("DELETE FROM said WHERE k = ?", (row[0],))
        db.execute("DELETE FROM captions WHERE k = ?", (row[0],))


def _replace(db: sqlite3.Connection, space_id: str, caption_id: str, text: str, *, by: str | None) -> None:
    row = db.execute(
        "SELECT c.k, s.text, c.person_id FROM captions c JOIN said s ON s.k = c.k WHERE c.space_id = ? AND c.id = ?",
        (space_id, caption_id),
    ).fetchone()
    if row is None:
        return
    k, before, person_id = row
    after = text[:_LONGEST]
    sentences.remove(db, k, before, person_id)
    words = sentences.index(db, k, after, person_id)
    corrected = (words, by is not None, by, k)
    db.execute("UPDATE captions SET words = ?, corrected = ?, corrected_by = ? WHERE k = ?", corrected)
    db.execute("UPDATE said SET text = ? WHERE k = ?", (after, k))


@dataclass(frozen=True, slots=True)
class SpokenPage:
    """A page of Spaces by what was said in them."""

    hits: tuple[Spoken, ...]
    """The best sentence of each."""
    last: tuple[float, str] | None
    """Rank and id of the last Space of the page, where there is another page."""
    approximate: bool
    """Whether not all sentences were ranked."""


def page(
    db: sqlite3.Connection,
    query: SearchQuery,
    match: str,
    where: list[str],
    values: dict[str, Any],
    after: tuple[float, str] | None,
    limit: int,
    most: int,
) -> SpokenPage:
    """Spaces in whose replay somebody said all the words, best first, but for those whose headline, topics or host have
    them. At most `most` sentences are ranked, those of the newest Spaces.

    `match` are the words as the index of headlines is asked, `where` and `values` the search's other conditions on the
    Spaces.
    """
    reader = SearchReader(db, query.actor or "")
    ids = _heard_by(db, reader, where, values)
    reader.keep(ids)
    phrases = [(word,) for word in terms_of(query.words)[:MOST_WORDS]]
    words = {word: beginning_with(db, word) for (word,) in phrases}
    ranked, approximate = reader.best(phrases, words, most) if all(words.values()) else ([], False)
    best: dict[int, tuple[SentencePlace, int]] = {}
    for one in ranked:
        n = sentences.transcript_with(one[1])
        best[n] = min(one, best.get(n, one))
    order = sorted(((place.rank, ids[n], k) for n, (place, k) in best.items()), key=lambda one: one[1], reverse=True)
    order.sort(key=lambda one: one[0])
    hits: list[Spoken] = []
    last = after
    for rank, space_id, k in order:
        if after is not None and (rank < after[0] or (rank == after[0] and space_id >= after[1])):
            continue
        hit = _told(db, k, match)
        if hit is None:
            continue
        if len(hits) == limit:
            # A page without them goes on before the first.
            return SpokenPage(tuple(hits), last or (-sys.float_info.max, "0" * 26), approximate)
        hits.append(hit)
        last = rank, space_id
    return SpokenPage(tuple(hits), None, approximate)


def _heard_by(db: sqlite3.Connection, reader: SearchReader, where: list[str], values: dict[str, Any]) -> dict[int, str]:
    """The transcripts with a replay that answer to all conditions but the words, and the ids of their Spaces."""
    rows = db.execute(
        f"""
        SELECT t.n, s.id FROM json_each(:transcripts) j CROSS JOIN transcripts t ON t.n = j.value
        CROSS JOIN spaces s ON s.id = t.space_id CROSS JOIN replays r ON r.space_id = s.id AND r.began NOTNULL
        WHERE s.phase = {schema.OVER} AND {" AND ".join(where)}
        """,
        values | {"transcripts": json.dumps(reader.transcripts)},
    )
    return dict(rows.fetchall())


def _told(db: sqlite3.Connection, k: int, match: str) -> Spoken | None:
    """What is told of a sentence; nothing where the Space was found by its headline."""
    row = db.execute(
        """
        SELECT s.id, c.id, max(0, c.at - r.began), t.text, s.n
        FROM captions c JOIN said t ON t.k = c.k
        JOIN replays r ON r.space_id = c.space_id JOIN spaces s ON s.id = c.space_id
        WHERE c.k = ?
        """,
        (k,),
    ).fetchone()
    if row is None or headlines.has_words(db, row[4], match):
        return None
    return Spoken(space_id=row[0], caption_id=row[1], seconds=row[2], text=row[3])
