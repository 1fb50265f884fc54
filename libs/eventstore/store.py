"""Deciding commands on aggregates and keeping what was decided."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

from eventsourcing.persistence import IntegrityError, PersistenceError
from eventsourcing.persistence import Notification as Stored

from libs.eventstore.aggregate import S
from libs.eventstore.cached_states import CachedState, LiveStates
from libs.eventstore.condition import Condition
from libs.eventstore.facts import Fact, Notification, Record, StoredFact, encode, name_of
from libs.eventstore.log import PAGE, Log
from libs.eventstore.order import Done, Order
from libs.eventstore.rebuild import as_of, history, rebuild
from libs.eventstore.recorder import Claim, CommandRow, NameTaken, NewFact, Recorder, Rewritten, Write
from libs.eventstore.writer import Broken, Commit, GroupWriter, PendingWrite
from libs.refusal import Refusal
from libs.telemetry import traceparent

_ATTEMPTS: Final = 16
_RECENT: Final = 20_000
_REWRITTEN: Final = Claim("rewritten", "facts", "store")
"""Held from the first fact that is rewritten until everything that was made of such facts is made anew."""

T = TypeVar("T")
_Key = tuple[str, str]
"""Scope and id of a command."""


class Store(Generic[S]):
    """The aggregates of one kind in one event store. Made by `open_store`.

    Commands are decided one after another, in memory, on what earlier commands decided, committed in groups, and
    answered after the commit. When a commit fails, because another process wrote the same aggregate, the state is read
    again and the command decided again.
    """

    def __init__(self, recorder: Recorder, new: Callable[[str], S], *, cached: int) -> None:
        self._recorder = recorder
        self._new = new
        self._condition = Condition()
        self._states = LiveStates(recorder, self._condition, new, cached)
        self._log = Log(recorder, self._condition)
        self._ordered: dict[_Key, Commit] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._recent: OrderedDict[_Key, CommandRow] = OrderedDict()
        self._writer = GroupWriter(recorder, asyncio.get_running_loop(), self._on_commit)

    # -- deciding ----------------------------------------------------------------------------------------------

    async def execute(
        self,
        id: str,
        order: Order,
        decide: Callable[[S], Iterable[Fact]],
        view: Callable[[S], T],
        *,
        claims: Sequence[Claim] = (),
    ) -> Done[T]:
        """Decide a command on aggregate `id` and commit what comes of it.

        `decide` looks at the state and returns facts, none where nothing changes, or raises Refusal; `view` makes the
        answer from the state after them. Both are plain functions and may be called again. `claims` are names the
        aggregate takes or gives back together with the facts. Raises Refusal: that of `decide`, `name_taken`,
        `idempotency_conflict`, `storage_full`, `unavailable`.
        """
        key = (order.actor or "", order.id)
        done = await self._attempt(id, key, order, decide, view, claims, again=False)
        if done is not None:
            return done
        # It met another writer. Now one at a time, so that each of those that met it has its turn.
        turn = self._turns.setdefault(id, asyncio.Lock())
        for attempt in range(_ATTEMPTS):
            async with turn:
                done = await self._attempt(id, key, order, decide, view, claims, again=True)
            if done is not None:
                return done
            await asyncio.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 7)))
        raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)

    async def _attempt(
        self,
        id: str,
        key: _Key,
        order: Order,
        decide: Callable[[S], Iterable[Fact]],
        view: Callable[[S], T],
        claims: Sequence[Claim],
        *,
        again: bool,
    ) -> Done[T] | None:
        """Decide and commit; None where it was decided on a state that was not the last one."""
        if (again or key in self._ordered or key in self._recent) and (
            before := await self._repeated(key, order, view, look=again)
        ) is not None:
            return before
        live = self._states.find(id) or await self._states.load(id)
        if live.lineage.broken or key in self._ordered:
            self._states.drop(id, live)
            return None
        # No await from here to the submission: this is what makes one command follow another.
        try:
            facts = tuple(decide(live.state))
        except Refusal:
            if not await self._states.settled(id, live):
                return None
            # What was accepted once may well be refused the second time.
            if (before := await self._repeated(key, order, view, look=True)) is not None:
                return before
            raise
        try:
            row, result, commit = self._submit(id, live, key, order, facts, view, claims)
        except BaseException:
            # The state took a part of the facts: nobody may decide on it.
            live.lineage.broken = True
            self._states.drop(id, live)
            raise
        try:
            await commit
        except NameTaken as error:
            self._states.drop(id, live)
            raise Refusal("name_taken", "Somebody else has this name; choose another.") from error
        except (IntegrityError, Broken):
            self._states.drop(id, live)
            return None
        except PersistenceError as error:
            self._states.drop(id, live)
            raise self._condition.not_written(error) from error
        self._remember(key, row)
        return Done(row.version, result, facts)

    def _submit(
        self,
        id: str,
        live: CachedState[S],
        key: _Key,
        order: Order,
        facts: tuple[Fact, ...],
        view: Callable[[S], T],
        claims: Sequence[Claim],
    ) -> tuple[CommandRow, T, Commit]:
        state = live.state
        trace = traceparent() if facts else None
        records: list[Record[Fact]] = []
        rows: list[NewFact] = []
        for fact in facts:
            record = Record(
                fact=fact, at=order.at, actor=order.actor, api_key=order.api_key, command_id=order.id, traceparent=trace
            )
            state.version += 1
            state.apply(fact, record)
            records.append(record)
            rows.append((id, state.version, name_of(fact), encode(record)))
        result = view(state)
        row = CommandRow(*key, order.digest, id, state.version)
        write = Write(rows, row, claims, live.snapshot(id) if self._states.keeps else None)
        # Nothing fails from here on: whoever sends the command again waits for this commit.
        commit = self._ordered[key] = Commit()
        self._writer.submit(PendingWrite(write, records, live.lineage, commit))
        return row, result, commit

    async def _repeated(self, key: _Key, order: Order, view: Callable[[S], T], *, look: bool) -> Done[T] | None:
        """The answer of a command that was accepted before. It looks on disk only where it must (`look`): the writer
        finds repeated commands anyway, many with one question."""
        while (pending := self._ordered.get(key)) is not None:
            await asyncio.wait({pending})
        row = self._recent.get(key)
        if row is None and look:
            with self._condition.reading():
                row = await asyncio.to_thread(self._recorder.find_command, *key)
        if row is None:
            return None
        if row.digest != order.digest:
            raise Refusal("idempotency_conflict", "This Idempotency-Key was used for something else.")
        state = await self.load(row.originator_id, at=row.version)
        return Done(row.version, view(state), repeated=True)

    def _remember(self, key: _Key, row: CommandRow) -> None:
        self._recent[key] = row
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def _on_commit(self, group: Sequence[PendingWrite]) -> None:
        committed: list[Notification] = []
        for job in group:
            if (row := job.write.command) is not None:
                self._ordered.pop((row.scope, row.command_id), None)
            committed += job.notifications()
        self._log.append(committed)
        self._condition.written()
        self._log.wake()

    # -- reading -----------------------------------------------------------------------------------------------

    async def read(self, id: str, view: Callable[[S], T]) -> T:
        """What `view` makes of the aggregate now. Nothing is told before it is committed.

        An aggregate that does not exist is a new state of version 0. Raises Refusal.
        """
        for _ in range(_ATTEMPTS):
            live = await self._states.load(id)
            if live.lineage.broken:
                self._states.drop(id, live)
                continue
            result = view(live.state)
            if await self._states.settled(id, live):
                return result
        raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)

    async def load(self, id: str, *, at: int | None = None) -> S:
        """A state of its own, rebuilt from the stored facts up to version `at` (all without it). Raises Refusal."""
        with self._condition.reading():
            return await asyncio.to_thread(rebuild, self._recorder, id, self._new, at=at)

    async def as_of(
        self, id: str, *, version: int | None = None, moment: datetime | None = None
    ) -> tuple[S, datetime | None]:
        """A state of its own as it was after a version, or at a moment, and since when it was so; None where there was
        nothing yet. Raises Refusal."""
        with self._condition.reading():
            return await asyncio.to_thread(as_of, self._recorder, id, self._new, version=version, moment=moment)

    async def facts(self, id: str, after: int, limit: int) -> list[StoredFact]:
        """Stored facts of an aggregate with a version above `after`, in order; none at its end. Raises Refusal."""
        with self._condition.reading():
            return await asyncio.to_thread(history, self._recorder, id, after=after, to=after + limit)

    def forget(self, which: Callable[[str], bool]) -> None:
        """Read these aggregates again when they are next needed: another process may have written them."""
        self._states.drop_where(which)

    def claimed(self, namespace: str, name: str) -> str | None:
        """Id of the aggregate that holds a name. Raises Refusal."""
        with self._condition.reading():
            return self._recorder.find_claim(namespace, name)

    async def names_of(self, namespace: str, id: str) -> Sequence[str]:
        """The names that an aggregate holds. Raises Refusal."""
        with self._condition.reading():
            return await asyncio.to_thread(self._recorder.find_names, namespace, id)

    async def wipe(self) -> None:
        """Leave nothing of names that were given back in the files, where the database can. Raises Refusal."""
        with self._condition.reading():
            await asyncio.to_thread(self._recorder.wipe)

    # -- rewriting ---------------------------------------------------------------------------------------------

    async def stored(self, after: int, limit: int = PAGE) -> Sequence[Stored]:
        """The same as `notifications`, as it is stored. Raises Refusal."""
        with self._condition.reading():
            return await asyncio.to_thread(self._recorder.select_notifications, after, limit, inclusive_of_start=False)

    async def rewrite(self, facts: Sequence[Rewritten]) -> int:
        """Put other JSON in the place of stored facts; see `Recorder.rewrite`. Then `begin_anew` is owed, also by
        another process: `owes_anew` says so until `settle`. Raises Refusal."""
        with self._condition.reading():
            if not self.owes_anew():
                with contextlib.suppress(NameTaken):
                    await self._writer.run(lambda: self._recorder.write([Write((), claims=[_REWRITTEN])]))
            return await self._writer.run(lambda: self._recorder.rewrite(facts))

    def owes_anew(self) -> bool:
        """Whether what was made of facts may be of some that were rewritten since. Raises Refusal."""
        return self.claimed(_REWRITTEN.namespace, _REWRITTEN.name) is not None

    async def begin_anew(self) -> None:
        """Forget every state, in memory and on disk, and what is left of what stood in the place of rewritten facts.

        Commands wait meanwhile. Raises Refusal.
        """

        def work() -> None:
            self._recorder.drop_snapshots()
            self._recorder.pack()

        with self._states.from_facts_alone(), self._condition.reading():
            await self._writer.run(work)
        # Everything that was committed before is in there by now.
        self._log.forget()

    async def settle(self) -> None:
        """Everything that was made of rewritten facts is made anew. Raises Refusal."""
        with self._condition.reading():
            settled = Claim(_REWRITTEN.namespace, _REWRITTEN.name, None)
            await self._writer.run(lambda: self._recorder.write([Write((), claims=[settled])]))

    # -- following ---------------------------------------------------------------------------------------------

    async def notifications(self, after: int, limit: int = PAGE) -> list[Notification]:
        """Committed facts with a notification id above `after`, in order. Raises Refusal."""
        return await self._log.read(after, limit)

    def newest(self, after: int, limit: int = PAGE) -> list[Notification]:
        """The same from memory, for who follows closely: what this process committed last, without what others did
        since. Empty where `after` lies too far back, or at the end."""
        return self._log.newest(after, limit)

    async def last_notification(self) -> int:
        """Id of the newest committed fact, 0 where there is none. Raises Refusal."""
        return await self._log.last()

    async def wait_for_news(self, heard: int, timeout: float) -> int:
        """Until this process committed something that whoever waits has not `heard` of, at most `timeout` seconds;
        others' commits are not noticed. Returns what to give as `heard` the next time, 0 being the first. Any number
        may wait."""
        return await self._log.wait(heard, timeout)

    def wake(self) -> None:
        """Let whoever waits for news look, whether there are any or not."""
        self._log.wake()

    def trouble(self) -> str | None:
        """What is wrong with the store now, for a readiness check; None when all is well."""
        return self._condition.trouble()

    async def close(self) -> None:
        await self._writer.close()
        self._recorder.close()
