"""What was said in replays: kept from the events of transcription and recording, and searched."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from contracts import subjects
from contracts.discovery.v1 import Spoken
from contracts.recording import v1 as recording
from contracts.transcription.v1 import Captioned
from services.discovery.projection import schema

FILTERS: Final = (
    subjects.event(Captioned.context, "*", Captioned.name),
    *(
        subjects.event(event.context, "*", event.name)
        for event in (recording.ReplayReady, recording.ReplayDeleted, recording.Failed)
    ),
)
_MOST: Final = 20_000
"""Sentences kept of one Space."""
_LONGEST: Final = 2_000
"""Letters kept of one sentence."""


def apply(db: sqlite3.Connection, event: Captioned | recording.RecordingEvent, *, recorded: bool) -> None:
    """Take in what was said, and what became of the replay. Nothing is kept of what is not `recorded`."""
    match event:
        case Captioned(space_id=space_id, caption=caption) if recorded:
            row = db.execute(
                """
                INSERT OR IGNORE INTO captions (space_id, id, at)
                SELECT :space, :id, :at
                WHERE NOT EXISTS (SELECT 1 FROM replays WHERE space_id = :space AND began IS NULL)
                    AND NOT EXISTS (SELECT 1 FROM captions WHERE space_id = :space LIMIT 1 OFFSET :most)
                RETURNING k
                """,
                {"space": space_id, "id": caption.id, "at": caption.start_at.timestamp(), "most": _MOST - 1},
            ).fetchone()
            if row is not None:
                db.execute("INSERT INTO said (rowid, text) VALUES (?, ?)", (row[0], caption.text[:_LONGEST]))
        case recording.ReplayReady(space_id=space_id, began_at=began_at):
            db.execute("INSERT OR IGNORE INTO replays VALUES (?, ?)", (space_id, began_at.timestamp()))
        case recording.ReplayDeleted(space_id=space_id) | recording.Failed(space_id=space_id):
            db.execute("INSERT OR REPLACE INTO replays VALUES (?, NULL)", (space_id,))
            db.execute("DELETE FROM said WHERE rowid IN (SELECT k FROM captions WHERE space_id = ?)", (space_id,))
            db.execute("DELETE FROM captions WHERE space_id = ?", (space_id,))
        case _:
            pass


def page(
    db: sqlite3.Connection, where: list[str], values: dict[str, Any], after: tuple[float, str] | None, limit: int
) -> tuple[list[tuple[float, str]], list[Spoken], bool]:
    """Rank and id of the Spaces in whose replay a sentence has all the words, best first, but for those whose headline,
    topics or host have them; the best sentence of each; and whether not all sentences were ranked.

    `where` and `values` are the search's own conditions, with the words as `match` and how many sentences are ranked,
    the newest first, as `candidates`; `after` is the last one of the page before.
    """
    values = values | {"limit": limit}
    beyond = ""
    if after is not None:
        beyond = "HAVING best_rank > :rank OR best_rank = :rank AND s.id < :id"
        values |= {"rank": after[0], "id": after[1]}
    rows = db.execute(
        f"""
        WITH best AS MATERIALIZED (
            SELECT rowid AS k, bm25(said) AS rank FROM said WHERE said MATCH :match
            ORDER BY rowid DESC LIMIT :candidates
        )
        SELECT min(best.rank) AS best_rank, s.id, c.id, max(0, c.at - r.began), c.k
        FROM best JOIN captions c ON c.k = best.k
        JOIN replays r ON r.space_id = c.space_id AND r.began IS NOT NULL
        JOIN spaces s ON s.id = c.space_id
        WHERE s.phase = {schema.OVER} AND {schema.AUDIBLE} AND {" AND ".join(where)}
            AND NOT EXISTS (SELECT 1 FROM words w WHERE w.words MATCH :match AND w.rowid = s.n)
        GROUP BY s.id {beyond} ORDER BY best_rank, s.id DESC LIMIT :limit
        """,
        values,
    ).fetchall()
    hits = [
        Spoken(
            space_id=space_id, caption_id=caption_id, seconds=seconds,
            text=db.execute("SELECT text FROM said WHERE rowid = ?", (k,)).fetchone()[0],
        )
        for _, space_id, caption_id, seconds, k in rows
    ]  # fmt: skip
    return [row[:2] for row in rows], hits, are_more(db, "said", values["match"], values["candidates"])


def are_more(db: sqlite3.Connection, table: str, match: str, than: int) -> bool:
    """Whether more rows of a full-text table have the words than that."""
    row = db.execute(f"SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT 1 OFFSET ?", (match, than)).fetchone()
    return row is not None
