"""Search and browse, on connections and threads of their own, so that a broad search delays nobody's live bar."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import json
import logging
import math
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from contracts.discovery.v1 import SearchQuery, Spoken
from libs.ids import is_id
from libs.refusal import Refusal
from services.discovery.projection import schema, spoken
from services.discovery.projection.words import as_meant, as_typed

_log = logging.getLogger(__name__)
_PHASES: Final = {
    "live": (schema.LIVE,),
    "scheduled": (schema.SCHEDULED,),
    "ended": (schema.OVER,),
    "all": (schema.LIVE, schema.SCHEDULED, schema.OVER),
}
_STEPS: Final = 5_000
"""Instructions of SQLite between two looks at the clock."""

_SPOKEN: Final = 9
"""The place of a cursor among what was found by what was said, which comes after every phase."""

# Rank is bm25, the best match lowest: a word in the headline counts most.
_RANK: Final = "SELECT rowid AS n, bm25(words, 8.0, 3.0, 4.0) AS rank FROM words WHERE words MATCH :match"
_RANKED: Final = f"({_RANK}) w JOIN spaces s ON s.n = w.n WHERE TRUE"
_NEWEST_RANKED: Final = f"""(
    SELECT * FROM ({_RANK} ORDER BY rowid DESC LIMIT :candidates)
    UNION {_RANK} AND rowid IN (SELECT n FROM spaces WHERE phase = {schema.LIVE})
) w JOIN spaces s ON s.n = w.n WHERE TRUE"""


# The few Spaces of a rare topic are put in order; those of a common one are met soon by going through all in order.
_OF_TOPIC: Final = "s.n IN (SELECT t.n FROM topics t WHERE t.topic = :topic)"
_WITH_TOPIC: Final = "EXISTS (SELECT 1 FROM topics t WHERE t.topic = :topic AND t.n = s.n)"
_RARE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """Ids of a page of Spaces, and where the next one begins."""

    space_ids: tuple[str, ...] = ()
    next_cursor: str | None = None
    spoken: tuple[Spoken, ...] = ()
    """For those that were found by what was said: the best sentence of each."""
    approximate: bool = False
    """Whether not all that have the words were ranked."""


@dataclass(frozen=True, slots=True)
class _After:
    """The last row of the page before."""

    meant: bool
    """Whether its words were read as what they may mean."""
    phase: int
    place: float
    space_id: str


class Search:
    """Asks the file of the read model. At most `waiting` searches wait, and each takes at most `seconds`.

    Where more than `candidates` Spaces have the words, only live ones and as many of the newest are ranked; of what was
    said as many sentences.
    """

    def __init__(
        self, path: Path, *, seconds: float = 1.0, threads: int = 2, waiting: int = 64, candidates: int = 30_000
    ) -> None:
        self._address = f"{path.absolute().as_uri()}?mode=ro"
        self._seconds = seconds
        self._candidates = candidates
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="search")
        self._free = threads + waiting

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def find(self, query: SearchQuery) -> Found:
        """A page of what answers to the query. Refuses: invalid, too_many_requests, unavailable."""
        after = _read(query)
        if self._free <= 0:
            raise Refusal("too_many_requests", "Too many are searching at the moment; try again.", retry=True)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._find, query, after)
        finally:
            self._free += 1

    def _find(self, query: SearchQuery, after: _After | None) -> Found:
        deadline = time.monotonic() + self._seconds
        try:
            with contextlib.closing(sqlite3.connect(self._address, uri=True, isolation_level=None)) as db:
                db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
                return _answer(db, query, after, self._candidates)
        except sqlite3.OperationalError as error:
            if time.monotonic() < deadline:
                # The file is just being filled anew.
                _log.warning("a search found no file it can read", extra={"why": str(error)})
                raise Refusal("unavailable", "Search is being prepared; try again.", retry=True) from error
            detail = "This search takes too long at the moment; use a longer word or a filter, or try again."
            raise Refusal("too_many_requests", detail, retry=True) from error


def _answer(db: sqlite3.Connection, query: SearchQuery, after: _After | None, most: int) -> Found:
    if not query.words.strip():
        return _page(db, query, None, after, most)
    typed = as_typed(query.words)
    if typed is None:
        return Found()
    if after is None or not after.meant:
        found = _as_typed(db, query, typed, after, most)
        if found.space_ids or after is not None:
            return found
    meant = as_meant(db, query.words)
    return Found() if meant is None else _page(db, query, meant, after, most, meant=True)


def _as_typed(db: sqlite3.Connection, query: SearchQuery, match: str, after: _After | None, most: int) -> Found:
    """Those whose headline, topics or host have the words; then those in whose replay they were said."""
    among_spoken = after is not None and after.phase == _SPOKEN
    found = Found() if among_spoken else _page(db, query, match, after, most)
    if found.next_cursor is not None or not query.spoken or schema.OVER not in _PHASES[query.state]:
        return found
    where, values = _conditions(db, query, match, most)
    left = query.limit - len(found.space_ids)
    place = (after.place, after.space_id) if after is not None and among_spoken else None
    rows, hits, approximate = spoken.page(db, where, values, place, left + 1)
    last = None
    if len(rows) > left:
        # A page that is full without them goes on before the first.
        last = _After(False, _SPOKEN, *(rows[left - 1] if left else (-sys.float_info.max, "0" * 26)))
    return Found(
        (*found.space_ids, *(space_id for _, space_id in rows[:left])),
        None if last is None else _write(query, last),
        tuple(hits[:left]),
        found.approximate or approximate,
    )


def _page(
    db: sqlite3.Connection,
    query: SearchQuery,
    match: str | None,
    after: _After | None,
    most: int,
    *,
    meant: bool = False,
) -> Found:
    where, values = _conditions(db, query, match, most)
    place = "s.place" if match is None else "w.rank"
    if after is not None:
        where.append(
            f"(s.phase > :phase OR s.phase = :phase AND ({place} > :place OR {place} = :place AND s.id < :id))"
        )
        values |= {"phase": after.phase, "place": after.place, "id": after.space_id}
    approximate = match is not None and spoken.are_more(db, "words", match, most)
    source = "spaces s WHERE TRUE" if match is None else _NEWEST_RANKED if approximate else _RANKED
    phases = ",".join(map(str, _PHASES[query.state]))
    rows = db.execute(
        f"SELECT s.phase, {place}, s.id FROM {source} AND s.phase IN ({phases}) AND {schema.VISIBLE}"
        f" AND {' AND '.join(where)} ORDER BY s.phase, {place}, s.id DESC LIMIT :limit",
        values,
    ).fetchall()
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    cursor = _write(query, _After(meant, *rows[-1])) if more else None
    return Found(tuple(row[2] for row in rows), cursor, approximate=approximate)


def _conditions(
    db: sqlite3.Connection, query: SearchQuery, match: str | None, most: int
) -> tuple[list[str], dict[str, Any]]:
    """What is asked for beside the words, and the values of that."""
    where = ["TRUE"]
    values: dict[str, Any] = {"actor": query.actor or "", "match": match, "limit": query.limit + 1, "candidates": most}
    if query.topic is not None:
        values["topic"] = query.topic.lower()
        where.append(_OF_TOPIC if _is_rare(db, query.topic.lower()) else _WITH_TOPIC)
    if query.lang is not None:
        where.append("(s.lang = :lang OR substr(s.lang, 1, length(:lang) + 1) = :lang || '-')")
        values["lang"] = query.lang.lower()
    if query.creator is not None:
        where.append("s.creator_id = :creator" if is_id(query.creator) else "s.creator_handle = :creator")
        values["creator"] = query.creator.removeprefix("@").lower()
    if query.starts_from is not None:
        where.append("s.starts >= :from")
        values["from"] = query.starts_from.timestamp()
    if query.starts_to is not None:
        where.append("s.starts < :to")
        values["to"] = query.starts_to.timestamp()
    return where, values


def _is_rare(db: sqlite3.Connection, topic: str) -> bool:
    few = "SELECT count(*) FROM (SELECT 1 FROM topics WHERE topic = ? LIMIT ?)"
    return bool(db.execute(few, (topic, _RARE)).fetchone()[0] < _RARE)


def _write(query: SearchQuery, after: _After) -> str:
    place = [_digest(query), after.meant, after.phase, after.place, after.space_id]
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(query: SearchQuery) -> _After | None:
    if query.cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4))
        digest, meant, phase, place, space_id = json.loads(text)
        good = (
            digest == _digest(query)
            and isinstance(meant, bool)
            and phase in (*_PHASES["all"], _SPOKEN)
            and isinstance(place, int | float)
            and math.isfinite(place)
            and isinstance(space_id, str)
            and is_id(space_id)
        )
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        good = False
    if not good:
        raise Refusal("invalid", "This cursor belongs to no search like this one; begin without a cursor.")
    return _After(meant, int(phase), float(place), space_id)


def _digest(query: SearchQuery) -> str:
    """What a cursor belongs to: the search, but for its page and how long that is."""
    what = query.model_dump_json(exclude={"cursor", "limit", "actor", "operator"})
    return hashlib.blake2b(what.encode(), digest_size=6).hexdigest()
