"""Takes everybody out of the rows of forgotten Spaces, and erased people out of all rows; the figures stay the same."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from contracts.envelope import Event
from contracts.people.v1 import Erased, Forgotten
from contracts.room.v1 import SpaceDeleted
from libs.aio import Rounds
from libs.bus import Received
from libs.clock import utc_now
from libs.ids import new_id
from services.analytics import projection
from services.analytics.adapters.clickhouse import ClickHouse, Unreachable
from services.analytics.projection import ERASED, FORGOTTEN, NAMED, NAMELESS, SECRETS, TABLE

_log = logging.getLogger(__name__)
_OWED, _BEGUN, _REPLACED, _DONE = range(4)
"""How far something is, as its table of steps has it."""
_AGAIN: Final = 5.0
_LOOK: Final = timedelta(seconds=60)
_AT_ONCE: Final = 100
_PAGE: Final = 10_000

Row = Sequence[Any]


@dataclass(frozen=True)
class _Kind:
    """What can be forgotten, and which rows name somebody who must not be named then."""

    steps: str
    """The table that has how far each one is."""
    column: str
    """Of its id there."""
    named: str
    """A condition on the rows, of the parameter `id`."""


_IDS: Final = ("person_id", "other_id", "session_id", "subject_id")
_SPACE: Final = _Kind(
    FORGOTTEN,
    "space_id",
    "(space_id = {id:String} AND ("
    + "".join(f"({name} != '' AND NOT startsWith({name}, '{NAMELESS}')) OR " for name in _IDS)
    + f"arrayExists(one -> one != '' AND NOT startsWith(one, '{NAMELESS}'), people)))",
)
_PERSON: Final = _Kind(ERASED, "person_id", f"has({NAMED}, {{id:String}})")


class Forgetting:
    """Replaces ids in rows with random words: everybody's in a forgotten Space, an erased person's in all Spaces.

    In one Space the same id gets the same word, so that whoever came twice still counts once. Each Space gets other
    words, so that nobody can be followed from one Space to the next. They are made with a secret, which is deleted once
    it is done: then nobody can tell which word stands for whom.

    The rows are first written again with the words. Then the rows with ids are deleted, and ClickHouse's old parts with
    them. After a crash, what was not finished is done again. It begins `after` seconds after it was owed, when the
    events of the last listeners' leaving have arrived. Events that come later are not stored. They may come years
    later, when the stream is filled again; so the ids of what is forgotten stay in the tables of steps.
    """

    def __init__(self, database: ClickHouse, *, after: float = 60.0, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._after = timedelta(seconds=after)
        self._now = now
        self._turn = asyncio.Lock()
        """Nothing is stored while something is begun: from then on nothing is stored that names somebody."""
        self._erased: frozenset[str] = frozenset()
        self._rounds = Rounds(self._look, log=_log, later="rows are forgotten later", away=(Unreachable,), pause=_AGAIN)

    # -- storing -----------------------------------------------------------------------------------------------

    async def store(self, batch: Sequence[Received], epoch: str, token: str) -> int:
        """Insert the rows of a batch, but those of Spaces that are forgotten and of people who are erased; how many.
        Raises Unreachable."""
        async with self._turn:
            await self._note(batch)
            over = await self._forgotten({one.event.space for one in batch} - {None})
            every = [projection.row_of(one, epoch) for one in batch if one.event.space not in over]
            rows = _without(await self._erased_now(), every)
            if rows:
                await self._database.insert(TABLE, projection.COLUMNS, rows, token)
        return len(rows)

    async def _note(self, batch: Sequence[Received]) -> None:
        now = self._now()
        for kind, of in ((_SPACE, _space), (_PERSON, _person)):
            if owed := [id for one in batch if (id := of(one.event)) is not None]:
                await self._step(kind, [(id, _OWED, now) for id in owed])
                self._rounds.wake()

    async def _forgotten(self, space_ids: set[str | None]) -> set[str]:
        sql = f"SELECT space_id FROM {FORGOTTEN} WHERE step >= {_BEGUN} AND space_id IN {{spaces:Array(String)}}"
        return {row[0] for row in await self._database.query(sql, {"spaces": sorted(filter(None, space_ids))})}

    async def _erased_now(self) -> frozenset[str]:
        begun = f"FROM {ERASED} WHERE step >= {_BEGUN}"
        counted = await self._database.query(f"SELECT uniqExact(person_id) {begun}", {})
        if counted and counted[0][0] != len(self._erased):
            rows = await self._database.query(f"SELECT DISTINCT person_id {begun}", {})
            self._erased = frozenset(person_id for (person_id,) in rows)
        return self._erased

    async def _step(self, kind: _Kind, rows: Sequence[tuple[str, int, datetime]]) -> None:
        await self._database.insert(kind.steps, (kind.column, "step", "at"), rows, new_id())

    # -- forgetting --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever."""
        await self._rounds.run()

    async def _look(self) -> float:
        """Do what is due; seconds until there is to be another look. Raises Unreachable."""
        wait = _LOOK
        for kind in (_SPACE, _PERSON):
            sql = (
                f"SELECT {kind.column}, max(step) AS far, min(at) AS since FROM {kind.steps} GROUP BY {kind.column}"
                f" HAVING far < {_DONE} ORDER BY since LIMIT {_AT_ONCE}"
            )
            for id, step, at in await self._database.query(sql, {}):
                left: timedelta = at + self._after - self._now()
                if left > timedelta(0):
                    wait = min(wait, left)
                    break
                await self._forget(kind, id, step, at)
        return wait.total_seconds()

    async def _forget(self, kind: _Kind, id: str, step: int, at: datetime) -> None:
        if step < _REPLACED:
            async with self._turn:
                await self._step(kind, [(id, _BEGUN, at)])
            spaces = f"SELECT DISTINCT space_id FROM {TABLE} FINAL WHERE {kind.named} ORDER BY space_id"
            for (space_id,) in await self._database.query(spaces, {"id": id}):
                await self._replace(kind, id, space_id)
            await self._step(kind, [(id, _REPLACED, at)])
        await self._database.delete(TABLE, kind.named, {"id": id})
        await self._database.delete(SECRETS, "id = {id:String}", {"id": id})
        await self._step(kind, [(id, _DONE, at)])
        _log.info("nobody is named any more in rows that are forgotten", extra={kind.column: id})

    async def _replace(self, kind: _Kind, id: str, space_id: str) -> None:
        """Write the rows of a Space again, or those of no Space, with words in the place of ids."""
        words = await self._words(kind, id, space_id)
        sql = f"""
            SELECT {", ".join(projection.COLUMNS)} FROM {TABLE} FINAL
            WHERE space_id = {{space:String}} AND {kind.named} AND (context, name, at, event_id)
                > ({{context:String}}, {{name:String}}, {{at:DateTime64(6, 'UTC')}}, {{event_id:String}})
            ORDER BY context, name, at, event_id LIMIT {_PAGE}
        """
        place: tuple[Any, ...] = ("", "", datetime.fromtimestamp(0, self._now().tzinfo), "")
        while rows := await self._database.query(
            sql, {"id": id, "space": space_id, **dict(zip(_PLACE, place, strict=True))}
        ):
            await self._database.insert(TABLE, projection.COLUMNS, [_replaced(row, words) for row in rows], new_id())
            last = dict(zip(projection.COLUMNS, rows[-1], strict=True))
            place = tuple(last[name] for name in _PLACE)

    async def _words(self, kind: _Kind, id: str, space_id: str) -> dict[str, str]:
        """What is to stand in the place of each id, in rows of that Space; nothing, in rows of no Space."""
        ids: Collection[str] = [id]
        if kind is _SPACE:
            sql = f"SELECT DISTINCT arrayJoin(arrayConcat([{', '.join(_IDS)}], people)) FROM {TABLE} FINAL"
            rows = await self._database.query(f"{sql} WHERE {kind.named}", {"id": id})
            ids = {one for (one,) in rows if one and not one.startswith(NAMELESS)}
        secret = await self._secret(id)
        return {one: _word(secret, space_id, one) if space_id else "" for one in ids}

    async def _secret(self, id: str) -> bytes:
        """From what the words are made for something: the same one after a crash."""
        sql = f"SELECT min(secret) FROM {SECRETS} WHERE id = {{id:String}} HAVING count() > 0"
        while not (found := await self._database.query(sql, {"id": id})):
            await self._database.insert(SECRETS, ("id", "secret"), [(id, secrets.token_hex(32))], new_id())
        return bytes.fromhex(found[0][0])


def _word(secret: bytes, space_id: str, id: str) -> str:
    return f"{NAMELESS}{hmac.digest(secret, f'{space_id} {id}'.encode(), 'sha256').hex()[:16]}"


def _space(event: Event) -> str | None:
    """The Space that is forgotten as a whole with an event."""
    match event:
        case SpaceDeleted(space_id=space_id) | Forgotten(whole=("space", space_id)):
            return space_id
        case _:
            return None


def _person(event: Event) -> str | None:
    """The person who is erased with an event."""
    return event.person_id if isinstance(event, Erased) else None


_PLACE: Final = ("context", "name", "at", "event_id")
_ONE: Final = tuple(projection.COLUMNS.index(name) for name in _IDS)
_PEOPLE: Final = projection.COLUMNS.index("people")
_NAMING: Final = tuple(projection.COLUMNS.index(name) for name in ("person_id", "other_id"))
"""Columns whose id makes a row one about that person."""


def _replaced(row: Row, words: Mapping[str, str]) -> Row:
    """A row with words in the place of ids."""
    replaced = list(row)
    for column in _ONE:
        replaced[column] = words.get(row[column], row[column])
    replaced[_PEOPLE] = [words.get(one, one) for one in row[_PEOPLE]]
    return replaced


def _without(erased: frozenset[str], rows: Sequence[Row]) -> list[Row]:
    """The rows that are not about erased people, and without them where several are named."""
    kept: list[Row] = []
    for row in rows:
        if not erased.isdisjoint(row[column] for column in _NAMING):
            continue
        if erased.isdisjoint(row[_PEOPLE]):
            kept.append(row)
        else:
            others = [one for one in row[_PEOPLE] if one not in erased]
            kept.append((*row[:_PEOPLE], others, *row[_PEOPLE + 1 :]))
    return kept
