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
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from contracts.discovery.v1 import SearchQuery, SentencePage, Spoken, TranscriptSearchQuery
from libs.ids import is_id
from libs.readmodel import is_damage
from libs.refusal import Refusal
from services.discovery.projection import schema, spoken, transcripts
from services.discovery.projection.headlines import Headlines, Hit
from services.discovery.projection.reader import SentencePlace
from services.discovery.projection.terms import as_meant, as_typed

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_PHASES: Final = {
    "live": (schema.LIVE,),
    "scheduled": (schema.SCHEDULED,),
    "ended": (schema.OVER,),
    "all": (schema.LIVE, schema.SCHEDULED, schema.OVER),
}
_MAPPED: Final = 1 << 30
"""Bytes of the file that are read as memory: a search reads many pages, each but once."""
_STEPS: Final = 5_000
"""Instructions of SQLite between two looks at the clock."""
_SENTENCES: Final = 5_000
"""As many sentences are ranked at most to find Spaces by them."""
_PREPARED: Final = "Search is being prepared; try again."
_SPOKEN: Final = 9
"""The place of a cursor among what was found by what was said, which comes after every phase."""

# The few Spaces of a rare topic are put in order; those of a common one are met soon by going through all in order.
_OF_TOPIC: Final = "s.n IN (SELECT t.n FROM topics t WHERE t.topic = :topic)"
_WITH_TOPIC: Final = "EXISTS (SELECT 1 FROM topics t WHERE t.topic = :topic AND t.n = s.n)"
_RARE: Final = 2_000


@dataclass(frozen=True, slots=True)
class SearchResults:
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
    elsewhere: int
    place: float
    space_id: str


def _nobody(error: sqlite3.Error) -> None:
    """Nobody is told of damage."""


class Search:
    """Asks the file of the read model. At most `waiting` searches wait, and each takes at most `seconds`.

    Where the asker may see more than `candidates` Spaces that have the words, only live ones and as many of the newest
    are put in order; of what was said as many sentences, and no more than 5,000. A search for sentences ranks at most
    `sentences`, those of the newest Spaces first.
    """

    def __init__(
        self,
        path: Path,
        *,
        seconds: float = 1.0,
        threads: int = 2,
        waiting: int = 64,
        candidates: int = 30_000,
        sentences: int = transcripts.MOST,
        on_damage: Callable[[sqlite3.Error], None] = _nobody,
    ) -> None:
        """`on_damage` is told when the file is damaged."""
        self._address = f"{path.absolute().as_uri()}?mode=ro"
        self._seconds = seconds
        self._candidates = candidates
        self._sentences = sentences
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="search")
        self._free = threads + waiting
        self._on_damage = on_damage

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def find(self, query: SearchQuery) -> SearchResults:
        """A page of what answers to the query. Refuses: invalid, too_many_requests, unavailable."""
        after = _read(query)
        return await self._ask(lambda db: _answer(db, query, after, self._candidates))

    async def find_sentences(self, query: TranscriptSearchQuery) -> SentencePage:
        """A page of sentences, without the cards of their Spaces. Refuses: invalid, too_many_requests, unavailable."""
        guessed, after = _read_place(query)
        found = await self._ask(lambda db: transcripts.find(db, query, after, guessed, self._sentences))
        return SentencePage(
            sentences=found.sentences,
            next_cursor=None if found.last is None else _write_place(query, found.guessed, found.last),
            approximate=found.approximate,
            guessed=found.guessed,
        )

    async def _ask(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._free <= 0:
            raise Refusal("too_many_requests", "Too many are searching at the moment; try again.", retry=True)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._in_time, work)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._on_damage(error)
            raise Refusal("unavailable", _PREPARED, retry=True) from error
        finally:
            self._free += 1

    def _in_time(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        deadline = time.monotonic() + self._seconds
        try:
            with contextlib.closing(sqlite3.connect(self._address, uri=True, isolation_level=None)) as db:
                db.execute(f"PRAGMA mmap_size = {_MAPPED}")
                db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
                db.execute("BEGIN")  # so that all of it is read as it is now
                return work(db)
        except sqlite3.OperationalError as error:
            if time.monotonic() < deadline:
                # The file is just being filled anew.
                _log.warning("a search found no file it can read", extra={"why": str(error)})
                raise Refusal("unavailable", _PREPARED, retry=True) from error
            detail = "This search takes too long at the moment; use a longer word or a filter, or try again."
            raise Refusal("too_many_requests", detail, retry=True) from error


def _answer(db: sqlite3.Connection, query: SearchQuery, after: _After | None, most: int) -> SearchResults:
    if not query.words.strip():
        return _list(db, query, after)
    typed = as_typed(query.words)
    if typed is None:
        return SearchResults()
    seen = Headlines(db, query.actor or "")
    if after is None or not after.meant:
        found = _as_typed(db, seen, query, typed, after, most)
        if found.space_ids or after is not None:
            return found
    meant = as_meant(db, query.words, seen.seen)
    return SearchResults() if meant is None else _page(db, seen, query, meant, after, most, meant=True)


def _list(db: sqlite3.Connection, query: SearchQuery, after: _After | None) -> SearchResults:
    """A page without words."""
    where, values = _conditions(db, query)
    if after is not None:
        where.append("(s.phase > :phase OR s.phase = :phase AND (s.place > :place OR s.place = :place AND s.id < :id))")
        values |= {"phase": after.phase, "place": after.place, "id": after.space_id}
    phases = ",".join(map(str, _PHASES[query.state]))
    rows = db.execute(
        f"SELECT s.phase, 0, s.place, s.id, s.n FROM spaces s WHERE s.phase IN ({phases}) AND {schema.VISIBLE}"
        f" AND {' AND '.join(where)} ORDER BY s.phase, s.place, s.id DESC LIMIT :limit",
        values | {"actor": query.actor or "", "limit": query.limit + 1},
    )
    return _found(query, [Hit._make(row) for row in rows])


def _as_typed(
    db: sqlite3.Connection, seen: Headlines, query: SearchQuery, match: str, after: _After | None, most: int
) -> SearchResults:
    """Those whose headline, topics or host have the words; then those in whose replay they were said."""
    among_spoken = after is not None and after.phase == _SPOKEN
    found = SearchResults() if among_spoken else _page(db, seen, query, match, after, most)
    if found.next_cursor is not None or not query.spoken or schema.OVER not in _PHASES[query.state]:
        return found
    where, values = _conditions(db, query)
    left = query.limit - len(found.space_ids)
    place = (after.place, after.space_id) if after is not None and among_spoken else None
    said = spoken.page(db, query, match, where, values, place, left, min(most, _SENTENCES))
    return SearchResults(
        (*found.space_ids, *(hit.space_id for hit in said.hits)),
        None if said.last is None else _write(query, _After(False, _SPOKEN, 0, *said.last)),
        said.hits,
        found.approximate or said.approximate,
    )


def _page(
    db: sqlite3.Connection,
    seen: Headlines,
    query: SearchQuery,
    match: str,
    after: _After | None,
    most: int,
    *,
    meant: bool = False,
) -> SearchResults:
    where, values = _conditions(db, query)
    hits, approximate = seen.hits(match, _PHASES[query.state], where, values, most)
    hits.sort(key=lambda hit: hit.space_id, reverse=True)
    hits.sort(key=lambda hit: hit[:3])
    if after is not None:
        place = (after.phase, after.elsewhere, after.place)
        hits = [hit for hit in hits if hit[:3] > place or (hit[:3] == place and hit.space_id < after.space_id)]
    return _found(query, hits, meant=meant, approximate=approximate)


def _found(query: SearchQuery, hits: list[Hit], *, meant: bool = False, approximate: bool = False) -> SearchResults:
    """The page that these begin with."""
    page = hits[: query.limit]
    cursor = _write(query, _After(meant, *page[-1][:4])) if len(hits) > len(page) else None
    return SearchResults(tuple(hit.space_id for hit in page), cursor, approximate=approximate)


def _conditions(db: sqlite3.Connection, query: SearchQuery) -> tuple[list[str], dict[str, Any]]:
    """What is asked for beside the words, and the values of that."""
    where = ["TRUE"]
    values: dict[str, Any] = {}
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
    return _cursor(query, after.meant, after.phase, after.elsewhere, after.place, after.space_id)


def _read(query: SearchQuery) -> _After | None:
    match _parts(query):
        case None:
            return None
        case [bool(meant), int(phase), int(elsewhere), int() | float() as place, str(space_id)] if (
            phase in (*_PHASES["all"], _SPOKEN) and math.isfinite(place) and is_id(space_id)
        ):
            return _After(meant, phase, elsewhere, float(place), space_id)
        case _:
            raise _foreign()


def _write_place(query: TranscriptSearchQuery, guessed: bool, last: SentencePlace) -> str:
    return _cursor(query, guessed, last.rank, last.before, last.caption_id)


def _read_place(query: TranscriptSearchQuery) -> tuple[bool, SentencePlace | None]:
    match _parts(query):
        case None:
            return False, None
        case [bool(guessed), float(rank), float(before), str(caption_id)]:
            return guessed, SentencePlace(rank, before, caption_id)
        case _:
            raise _foreign()


def _cursor(query: SearchQuery | TranscriptSearchQuery, *place: object) -> str:
    text = json.dumps([_digest(query), *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parts(query: SearchQuery | TranscriptSearchQuery) -> list[object] | None:
    """What a cursor says of a place. Refuses: invalid (a cursor of something else)."""
    if query.cursor is None:
        return None
    try:
        digest, *place = json.loads(base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4)))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise _foreign() from None
    if digest != _digest(query):
        raise _foreign()
    return list(place)


def _foreign() -> Refusal:
    return Refusal("invalid", "This cursor belongs to no search like this one; begin without a cursor.")


def _digest(query: SearchQuery | TranscriptSearchQuery) -> str:
    """What a cursor belongs to: the search, but for its page and how long that is."""
    what = query.model_dump_json(exclude={"cursor", "limit", "actor", "operator"})
    return hashlib.blake2b(what.encode(), digest_size=6).hexdigest()
