"""A small aggregate, and a process that counts with it until it is killed."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from libs.database import Place
from libs.eventstore import Aggregate, Fact, Meta, Order, Store, open_store, stored
from libs.refusal import Refusal
from tests.support.places import from_words


@stored("counter.added")
class Added(Fact):
    number: int


@stored("counter.noted")
class Noted(Fact):
    text: str


class Counter(Aggregate):
    sum: int = 0
    text: str = ""

    def add(self, number: int) -> Sequence[Fact]:
        if self.sum + number < 0:
            raise Refusal("invalid", "It cannot fall below zero.")
        return [Added(number=number)] if number else []

    def note(self, text: str) -> Sequence[Fact]:
        return [Noted(text=text)]

    def apply(self, fact: Fact, meta: Meta) -> None:
        match fact:
            case Added(number=number):
                self.sum += number
            case Noted(text=text):
                self.text = text
            case _:
                raise TypeError(f"{type(fact).__name__} is no fact of a counter")


def order(id: str, actor: str | None = "ann", digest: str = "") -> Order:
    return Order(id=id, actor=actor, at=datetime.now(UTC), digest=digest)


async def add(store: Store[Any], counter: str, number: int, id: str) -> int:
    """The sum after it."""
    done = await store.execute(counter, order(id), lambda c: c.add(number), lambda c: c.sum)
    total: int = done.view
    return total


async def _count_until_killed(place: Place, life: str) -> None:
    async with open_store(place, Counter) as store:

        async def one(worker: int) -> None:
            number = 0
            while True:
                id = f"{life}-{worker}-{number}"
                await add(store, f"c{worker % 5}", 1, id)
                os.write(1, f"{id}\n".encode())
                number += 1

        await asyncio.gather(*(one(worker) for worker in range(40)))


async def _fill_the_disk(path: Path) -> None:
    """Report what a disk without room does, and that it passes: a limit on file size stands in for the disk."""
    async with open_store(path, Counter) as store:
        assert await add(store, "c", 1, "before") == 1
        size = max(p.stat().st_size for p in path.parent.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
        accepted, refused = 1, 0
        for number in range(300):
            try:
                await add(store, "c", 1, f"during-{number}")
                accepted += 1
            except Refusal as no:
                if not (no.retry and no.reason in ("unavailable", "storage_full")):
                    raise
                refused += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for number in range(300):
            await add(store, "c", 1, f"during-{number}")
        assert refused > 0, "the disk was never full"
        total = await add(store, "c", 1, "after")
        assert total == 302, (total, accepted, refused)
        assert store.trouble() is None


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    asyncio.run(
        _fill_the_disk(Path(where)) if what == "fill" else _count_until_killed(from_words(where, "count"), rest[0])
    )
