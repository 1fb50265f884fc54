"""Keys for the services that need them, and what happens until something is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.aio import Rounds
from libs.bus import Unavailable
from libs.commands import Executor, of_kind
from libs.eventstore import Store
from libs.keyring import CannotOpen, Entry, ErasureTarget, Holders, StoreError
from libs.keyring.keys import Keys
from libs.refusal import Refusal
from services.people.domain.entities import FORGETTING, Entity
from services.people.domain.forgetting import Forgetting, Gone

_log = logging.getLogger(__name__)
_PENDING: Final = 500
"""Entries of the ledger that are waited for at one time."""
_AGAIN: Final = 1.0
"""Seconds after which holders that said nothing are told again."""
_LOOK: Final = 30.0
_ANSWER: Final = 512 * 1024
"""Bytes of nodes in one answer; NATS carries a megabyte, and they grow by a third on the way."""

Tell = Callable[[Sequence[Entry]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LockPart:
    """The nodes of a lock, or some of them; `size` is that of all."""

    name: str
    destroyed: bool
    nodes: bytes
    size: int


class Forgetter:
    """Gives keys out, destroys them, and says so when no process has them any more.

    When a destruction is answered, it is in the ledger and the keys are out of the store. Then all who may have a key
    in memory are told, again and again, until each has said that it dropped it, or its lease is over. Only then is
    there a fact, of which other services hear. It goes on after a crash: the ledger tells what is no fact yet.
    """

    def __init__(
        self,
        keys: Keys,
        holders: Holders,
        store: Store[Entity],
        executor: Executor[Entity],
        tell: Tell,
        drop: Callable[[ErasureTarget], None],
        clean: Callable[[], Awaitable[None]],
        must_have: Callable[[Sequence[ErasureTarget]], Awaitable[None]],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        """`tell` says what is to be dropped, and raises Unavailable; `drop` forgets it here. `clean`
        takes facts in where words are plain, to be found by. `must_have` refuses what must not be destroyed yet.
        `clock` never goes back."""
        self._keys = keys
        self._holders = holders
        self._store = store
        self._executor = executor
        self._tell = tell
        self._drop = drop
        self._clean = clean
        self._must_have = must_have
        self._now = now
        self._clock = clock
        self._pending: dict[int, Entry] = {}
        self._loaded = 0
        self._told = 0.0
        self._rounds = Rounds(
            self._look,
            log=_log,
            later="forgetting takes longer",
            away=(Refusal, Unavailable, StoreError),
            pause=_AGAIN,
        )

    @property
    def lease(self) -> float:
        """Seconds for which a key may be kept in memory."""
        return self._holders.lease

    async def check(self) -> None:
        """Refuse a ledger that ends before what this service knows to be forgotten. Raises CannotOpen."""
        self._loaded = await self._store.read(FORGETTING, of_kind(Forgetting, lambda it: it.number))
        if await asyncio.to_thread(self._keys.last) < self._loaded:
            raise CannotOpen(
                "the ledger of what was destroyed is older than the facts of people: restore the newest one, "
                "or people who were erased would come back"
            )

    async def locks(self, holder: str, names: Sequence[str], at: int) -> tuple[int, list[LockPart]]:
        """These locks, as many as fit in an answer and the first one at least, of which byte `at` and following; and
        the number up to which the ledger is applied. Refuses: unavailable."""
        self._holders.given(holder, names, self._clock())
        with _refused():
            given = await asyncio.to_thread(self._keys.give, names)
        parts: list[LockPart] = []
        room = _ANSWER
        for name in names:
            tree = given.trees[name]
            nodes = b"" if tree is None else tree.encode()
            if parts and len(nodes) > room:
                break
            part = nodes[at : at + room] if not parts else nodes
            parts.append(LockPart(name, tree is None, part, len(nodes)))
            room -= len(part)
        return given.number, parts

    async def destroy(self, erased: Sequence[ErasureTarget]) -> int:
        """Destroy for ever; the ledger's number, with which it will be said to be forgotten. Refuses: unavailable."""
        await self._must_have(erased)
        with _refused():
            number = await asyncio.to_thread(self._keys.destroy, erased, self._now())
        for one in erased:
            self._drop(one)
        self._rounds.wake()
        return number

    def dropped(self, holder: str, number: int) -> None:
        """A process has dropped everything that was destroyed up to a number."""
        self._holders.dropped(holder, number)
        self._rounds.wake()

    async def run(self) -> None:
        """For ever: tell, wait, and make facts."""
        await self._rounds.run()

    async def _look(self) -> float:
        fresh = await self._load()
        await self._settle()
        now = self._clock()
        if not self._pending:
            return _LOOK
        if fresh or now >= self._told + _AGAIN:
            self._told = now
            await self._tell(list(self._pending.values()))
        ends = self._holders.next_end(now)
        return max(min(self._told + _AGAIN, now + _LOOK if ends is None else ends) - now, 0.01)

    async def _load(self) -> bool:
        """Take entries of the ledger to be waited for; whether there were any."""
        room = _PENDING - len(self._pending)
        entries = await asyncio.to_thread(self._keys.erased, self._loaded, room) if room else []
        for entry in entries:
            self._holders.destroyed(entry, self._clock())
            self._pending[entry.number] = entry
            self._loaded = entry.number
        return bool(entries)

    async def _settle(self) -> None:
        done = self._holders.done(self._clock())
        if done is None:
            return
        gone = [
            Gone(number=entry.number, what=entry.erased.what, unit=entry.erased.unit)
            for entry in self._pending.values()
            if entry.number <= done
        ]
        forget = of_kind(Forgetting, lambda it: it.forget(gone))
        await self._executor.by_itself(FORGETTING, lambda entity, _: forget(entity))
        await self._clean()
        self._holders.settle(done)
        for one in gone:
            del self._pending[one.number]
        self._rounds.wake()  # there may be room for more


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        _log.error("the keys cannot be reached", extra={"why": str(error)})
        raise Refusal("unavailable", "The keys cannot be reached for a moment; try again.", retry=True) from error
