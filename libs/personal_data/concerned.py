"""Which aggregates of an event store concern a person."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from libs.eventstore import Notification, Store
from libs.readmodel import StoreModel
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_LOOK: Final = 60.0
_REST: Final = 5.0
"""Seconds between two looks: many facts at once cost less than one after another, and nobody waits for this."""


class Concerned(StoreModel):
    """Aggregates by person, of ids alone. They stay when a person or a Space is erased, as those in facts do."""

    schema = """
        CREATE TABLE concerned (person TEXT, aggregate TEXT, PRIMARY KEY (person, aggregate)) WITHOUT ROWID
    """

    def __init__(self, path: Path, people: Callable[[Notification], Iterable[str]]) -> None:
        """`people` are those whom a fact concerns."""
        super().__init__(path)
        self._people = people

    def apply(self, notification: Notification) -> None:
        for person in self._people(notification):
            self.db.execute("INSERT OR IGNORE INTO concerned VALUES (?, ?)", (person, notification.aggregate_id))

    async def run(self, store: Store[Any]) -> None:
        """Take in what is committed now and then, so that who asks does not wait for all of it."""
        heard = 0
        while True:
            try:
                await self.catch_up(store)
            except Refusal as trouble:
                _log.warning("what concerns whom is looked up later", extra={"why": trouble.detail})
            heard = await store.wait_for_news(heard, _LOOK)
            await asyncio.sleep(_REST)

    def of(self, person: str, after: str = "") -> list[str]:
        """Ids of the aggregates that concern somebody, in order, from `after` on."""
        rows = self.db.execute(
            "SELECT aggregate FROM concerned WHERE person = ? AND aggregate >= ? ORDER BY aggregate", (person, after)
        )
        return [aggregate for (aggregate,) in rows]
