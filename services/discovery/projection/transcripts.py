"""The search for sentences: what was said, in Spaces whose transcript the asker may read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from contracts.discovery.v1 import Sentence, SentenceFound, TranscriptSearchQuery
from contracts.envelope import PersonRef
from libs.ids import is_id
from libs.refusal import Refusal
from services.discovery.projection.reader import Alternatives, Phrases, SearchReader, SentencePlace
from services.discovery.projection.sentences import near, speaker_term
from services.discovery.projection.terms import phrases_of

MOST: Final = 500
"""As many sentences are ranked, the newest Spaces' first."""


@dataclass(frozen=True, slots=True)
class FoundSentences:
    """A page of sentences."""

    sentences: tuple[SentenceFound, ...] = ()
    last: SentencePlace | None = None
    """Of this page, where there is another one."""
    approximate: bool = False
    guessed: bool = False


def find(
    db: sqlite3.Connection, query: TranscriptSearchQuery, after: SentencePlace | None, guessed: bool, most: int
) -> FoundSentences:
    """A page of sentences: those that have the words as typed, else (and on later pages where `guessed`) nearly so.

    Refuses: invalid.
    """
    phrases = phrases_of(query.words)
    if not phrases and query.speaker is None:
        raise Refusal("invalid", "Give words to look for, or who said it.")
    asked = _Asked(db, query, phrases, most)
    if after is None or not guessed:
        typed = asked.page(asked.as_typed(), after)
        if typed.sentences or after is not None:
            return typed
    meant = asked.as_meant()
    return FoundSentences() if meant is None else asked.page(meant, after, guessed=True)


class _Asked:
    """One search: what its asker may read, and the answer from that."""

    def __init__(self, db: sqlite3.Connection, query: TranscriptSearchQuery, phrases: Phrases, most: int) -> None:
        self._db = db
        self._query = query
        self._most = most
        self._reader = SearchReader(db, query.actor or "")
        self._narrow()
        self._speaker = None if query.speaker is None else speaker_term(self._person(query.speaker))
        self._phrases = (*phrases, *([] if self._speaker is None else [(self._speaker,)]))

    def as_typed(self) -> Alternatives | None:
        """Each word as it is; None where nobody ever said one of them."""
        return self._reader.numbers({word for phrase in self._phrases for word in phrase})

    def as_meant(self) -> Alternatives | None:
        """In place of each word that the asker hears nowhere, those that are spelt nearly so or begin so; None where
        there are none."""
        found: Alternatives = {}
        for word in {word for phrase in self._phrases for word in phrase}:
            typed = self._reader.numbers({word})
            if typed is not None and (word == self._speaker or self._reader.heard(word, typed)):
                found |= typed
            else:
                found[word] = list(near(self._db, word).values())
                if not found[word]:
                    return None
        return found

    def page(self, words: Alternatives | None, after: SentencePlace | None, *, guessed: bool = False) -> FoundSentences:
        """The page after a place."""
        if words is None:
            return FoundSentences()
        ranked, approximate = self._reader.best(self._phrases, words, self._most)
        limit = self._query.limit
        page = sorted(one for one in ranked if after is None or one[0] > after)[: limit + 1]
        return FoundSentences(
            self._told([k for _, k in page[:limit]]),
            page[limit - 1][0] if len(page) > limit else None,
            approximate,
            guessed and bool(page),
        )

    def _narrow(self) -> None:
        """Read only transcripts that may have an answer."""
        query, db = self._query, self._db
        if query.space_id is not None:
            rows = db.execute("SELECT n FROM transcripts WHERE space_id = ?", (query.space_id,)).fetchall()
            self._reader.keep(n for (n,) in rows)
        if query.said_from is not None or query.said_to is not None:
            begin = -1e300 if query.said_from is None else query.said_from.timestamp()
            end = 1e300 if query.said_to is None else query.said_to.timestamp()
            rows = db.execute("SELECT n FROM transcripts WHERE last >= ? AND first < ?", (begin, end)).fetchall()
            self._reader.keep(n for (n,) in rows)
            self._reader.between = begin, end

    def _person(self, who: str) -> str:
        """The id of somebody by id or handle."""
        if is_id(who):
            return who
        handle = who.removeprefix("@").lower()
        row = self._db.execute("SELECT person_id FROM speakers WHERE handle = ?", (handle,)).fetchone()
        return "" if row is None else str(row[0])

    # -- what is told of a sentence ----------------------------------------------------------------------------

    def _told(self, ks: Sequence[int]) -> tuple[SentenceFound, ...]:
        """What is told of sentences, with the one before and the one after: whatever no block hides."""
        beside = (
            "(SELECT b.k FROM captions b WHERE b.space_id = c.space_id AND (b.at, b.id) {} (c.at, c.id) AND b.words > 0"
            " AND b.person_id NOT IN (SELECT value FROM json_each(:blocked)) ORDER BY b.at {}, b.id {} LIMIT 1)"
        )
        rows = self._db.execute(
            f"SELECT c.k, c.space_id, max(0, c.at - coalesce(r.began, s.starts)), r.began NOTNULL,"
            f" {beside.format('<', 'DESC', 'DESC')}, {beside.format('>', 'ASC', 'ASC')}"
            " FROM json_each(:ks) j CROSS JOIN captions c ON c.k = j.value CROSS JOIN spaces s ON s.id = c.space_id"
            " LEFT JOIN replays r ON r.space_id = c.space_id",
            {"ks": json.dumps(ks), "blocked": self._reader.blocked},
        ).fetchall()
        said = self._said({k for k, *_, before, after in rows for k in (k, before, after) if k is not None})
        return tuple(
            SentenceFound(
                **dict(said[k]),
                space_id=space_id,
                seconds=seconds,
                replay=bool(replay),
                before=said.get(before),
                after=said.get(after),
            )
            for k, space_id, seconds, replay, before, after in rows
        )

    def _said(self, ks: Iterable[int]) -> dict[int, Sentence]:
        rows = self._db.execute(
            "SELECT c.k, c.id, p.person, c.lang, t.text, c.at, c.until, c.corrected"
            " FROM json_each(?) j CROSS JOIN captions c ON c.k = j.value CROSS JOIN said t ON t.k = c.k"
            " CROSS JOIN speakers p ON p.person_id = c.person_id",
            (json.dumps(list(ks)),),
        )
        return {
            k: Sentence(
                caption_id=caption_id,
                person=PersonRef.model_validate_json(person),
                lang=lang,
                text=text,
                start_at=datetime.fromtimestamp(at, UTC),
                end_at=datetime.fromtimestamp(until, UTC),
                corrected=bool(corrected),
            )
            for k, caption_id, person, lang, text, at, until, corrected in rows
        }
