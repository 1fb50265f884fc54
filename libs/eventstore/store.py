"""Deciding commands on aggregates and keeping what was decided."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent

from libs.database import Place
from libs.eventstore.facts import Fact, Meta, Record, StoredFact, decode, encode, name_of
from libs.eventstore.recorder import Claim, CommandRow, NameTaken, Recorder, Snapshot, Write, open_recorder
from libs.eventstore.snapshots import EVERY, fingerprint, freeze, thaw
from libs.eventstore.writer import Broken, GroupWriter, Job, Lineage
from libs.refusal import Refusal
from libs.telemetry import traceparent

_log = logging.getLogger(__name__)
_ATTEMPTS: Final = 16
_PAGE: Final = 1000
_RECENT: Final = 20_000


class State(Protocol):
    """An aggregate's state as its domain writes it. `version` is kept by the store: 0 while it does not exist."""

    version: int

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take a fact in. Never refuses: it has happened."""


S = TypeVar("S", bound=State)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """The command behind a decision."""

    id: str
    """The client's idempotency key."""
    actor: str | None
    """Who ordered it, the scope of the id; None for the system."""
    at: datetime
    """Now (UTC)."""
    digest: str = ""
    """What was ordered; the same id with another digest is refused as `idempotency_conflict`."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """An accepted command, committed."""

    version: int
    """The aggregate's version after it."""
    view: T
    facts: tuple[Fact, ...] = ()
    repeated: bool = False
    """It had been accepted before, and is answered as it was then."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A committed fact at its place in the whole store: what a relay follows."""

    id: int
    aggregate_id: str
    version: int
    record: Record[Fact]

    @property
    def fact(self) -> Fact:
        return self.record.fact


@dataclass(slots=True, eq=False)
class _Live(Generic[S]):
    """A state in memory, which may be ahead of the disk."""

    state: S
    lineage: Lineage = field(default_factory=Lineage)
    waiting: int = 0
    last: asyncio.Future[None] | None = None


class Store(Generic[S]):
    """The aggregates of one kind in one event store. Made by `open_store`.

    Commands are decided one after another, in memory, on what earlier commands decided, committed in groups, and
    answered after the commit. When a commit fails, because another process wrote the same aggregate, the state is read
    again and the command decided again.
    """

    def __init__(self, recorder: Recorder, new: Callable[[str], S], *, cached: int) -> None:
        self._recorder = recorder
        self._new = new
        self._cached = cached
        self._live: OrderedDict[str, _Live[S]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[_Live[S]]] = {}
        self._ordered: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._recent: OrderedDict[tuple[str, str], CommandRow] = OrderedDict()
        self._news = asyncio.Event()
        self._trouble: str | None = None
        self._unreadable: str | None = None
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
        key: tuple[str, str],
        order: Order,
        decide: Callable[[S], Iterable[Fact]],
        view: Callable[[S], T],
        claims: Sequence[Claim],
        *,
        again: bool,
    ) -> Done[T] | None:
        """Decide and commit; None where it was decided on a state that was not the last one."""
        if (before := await self._repeated(key, order, view, look=again)) is not None:
            return before
        live = await self._load(id)
        if live.lineage.broken or key in self._ordered:
            self._forget(id, live)
            return None
        # No await from here to the submission: this is what makes one command follow another.
        try:
            facts = tuple(decide(live.state))
        except Refusal:
            if not await self._settled(id, live):
                return None
            # What was accepted once may well be refused the second time.
            if (before := await self._repeated(key, order, view, look=True)) is not None:
                return before
            raise
        try:
            done, version, result = self._submit(id, live, key, order, facts, view, claims)
        except BaseException:
            # The state took a part of the facts: nobody may decide on it.
            live.lineage.broken = True
            self._forget(id, live)
            raise
        try:
            await asyncio.shield(done)
        except NameTaken as error:
            self._forget(id, live)
            raise Refusal("name_taken", "Somebody else has this name; choose another.") from error
        except (IntegrityError, Broken):
            self._forget(id, live)
            return None
        except PersistenceError as error:
            self._forget(id, live)
            raise self._refusal_of(error) from error
        self._remember(key, CommandRow(*key, order.digest, id, version))
        return Done(version, result, facts)

    def _submit(
        self,
        id: str,
        live: _Live[S],
        key: tuple[str, str],
        order: Order,
        facts: tuple[Fact, ...],
        view: Callable[[S], T],
        claims: Sequence[Claim],
    ) -> tuple[asyncio.Future[None], int, T]:
        state = live.state
        trace = traceparent() if facts else None
        events: list[StoredEvent] = []
        for fact in facts:
            record = Record(fact=fact, at=order.at, actor=order.actor, command_id=order.id, traceparent=trace)
            state.apply(fact, record)
            state.version += 1
            events.append(StoredEvent(id, state.version, name_of(fact), encode(record)))
        snapshot = None
        if state.version // EVERY > (state.version - len(facts)) // EVERY and (code := fingerprint(type(state))):
            kept = freeze(state)
            snapshot = Snapshot(id, state.version, code, kept) if kept is not None else None
        result = view(state)
        row = CommandRow(key[0], key[1], order.digest, id, state.version)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        live.waiting += 1
        live.last = done
        self._ordered[key] = done

        def ended(future: asyncio.Future[None]) -> None:
            live.waiting -= 1
            self._ordered.pop(key, None)
            future.exception()  # seen: whoever waits gets it, and maybe nobody waits any more

        done.add_done_callback(ended)
        self._writer.submit(Job(Write(events, row, claims, snapshot), live.lineage, done))
        return done, state.version, result

    async def _repeated(
        self, key: tuple[str, str], order: Order, view: Callable[[S], T], *, look: bool
    ) -> Done[T] | None:
        """The answer of a command that was accepted before. It looks on disk only where it must (`look`): the writer
        finds repeated commands anyway, many with one question."""
        while (pending := self._ordered.get(key)) is not None:
            await asyncio.wait({pending})
        row = self._recent.get(key)
        if row is None and look:
            with self._reading():
                row = await asyncio.to_thread(self._recorder.find_command, *key)
        if row is None:
            return None
        if row.digest != order.digest:
            raise Refusal("idempotency_conflict", "This Idempotency-Key was used for something else.")
        state = await self.load(row.originator_id, at=row.version)
        return Done(row.version, view(state), repeated=True)

    def _remember(self, key: tuple[str, str], row: CommandRow) -> None:
        self._recent[key] = row
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def _refusal_of(self, error: Exception) -> Refusal:
        self._trouble = str(error)
        _log.error("the event store cannot write: %s", error)
        return self._for_now(error)

    @staticmethod
    def _for_now(error: Exception) -> Refusal:
        if "full" in str(error):
            return Refusal("storage_full", "The disk of the server is full; try again later.", retry=True)
        return Refusal("unavailable", "The event store is away for a moment; try again.", retry=True)

    # -- reading -----------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A database that is away refuses for now. Not a fact that cannot be read: that passes by no waiting."""
        try:
            yield
        except PersistenceError as error:
            self._unreadable = str(error)
            _log.error("the event store cannot read: %s", error)
            raise self._for_now(error) from error
        self._unreadable = None

    async def read(self, id: str, view: Callable[[S], T]) -> T:
        """What `view` makes of the aggregate now. Nothing is told before it is committed.

        An aggregate that does not exist is a new state of version 0.
        """
        for _ in range(_ATTEMPTS):
            live = await self._load(id)
            if live.lineage.broken:
                self._forget(id, live)
                continue
            result = view(live.state)
            if await self._settled(id, live):
                return result
        raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)

    async def load(self, id: str, *, at: int | None = None) -> S:
        """A state of its own, rebuilt from the stored facts up to version `at` (all without it)."""
        with self._reading():
            return await asyncio.to_thread(rebuild, self._recorder, id, self._new, at=at)

    def _open(self, id: str) -> S:
        """The newest state: from the last snapshot, where there is one of this code, and the facts after it."""
        state = self._new(id)
        code = fingerprint(type(state))
        if code and (kept := self._recorder.find_snapshot(id, code)) is not None:
            state = thaw(kept, state) or state
        return _evolve(self._recorder, id, state)

    async def _settled(self, id: str, live: _Live[S]) -> bool:
        """Wait until what was just read of a state is on disk; whether it is."""
        if live.waiting and (last := live.last) is not None:
            # Held fast: while we wait, another command may put its own future there, which is not done.
            await asyncio.wait({last})
            if last.exception() is not None or live.lineage.broken:
                self._forget(id, live)
                return False
        return True

    async def _load(self, id: str) -> _Live[S]:
        live = self._live.get(id)
        if live is not None:
            self._live.move_to_end(id)
            return live
        task = self._loading.get(id)
        if task is None:
            task = self._loading[id] = asyncio.create_task(self._fetch(id))
            task.add_done_callback(lambda _: self._loading.pop(id, None))
        return await asyncio.shield(task)

    async def _fetch(self, id: str) -> _Live[S]:
        with self._reading():
            live = _Live(await asyncio.to_thread(self._open, id))
        self._live[id] = live
        if len(self._live) > self._cached:
            for old, candidate in list(self._live.items()):
                if candidate.waiting == 0 and candidate is not live:
                    del self._live[old]
                    break
        return live

    def _forget(self, id: str, live: _Live[S]) -> None:
        if self._live.get(id) is live:
            del self._live[id]

    def forget(self, which: Callable[[str], bool]) -> None:
        """Read these aggregates again when they are next needed: another process may have written them."""
        for id, live in list(self._live.items()):
            if which(id):
                live.lineage.broken = live.lineage.broken or live.waiting > 0
                del self._live[id]

    def claimed(self, namespace: str, name: str) -> str | None:
        """Id of the aggregate that holds a name."""
        with self._reading():
            return self._recorder.find_claim(namespace, name)

    # -- following ---------------------------------------------------------------------------------------------

    async def notifications(self, after: int, limit: int = _PAGE) -> list[Notification]:
        """Committed facts with a notification id above `after`, in order."""
        with self._reading():
            return await asyncio.to_thread(self._select, after, limit)

    def _select(self, after: int, limit: int) -> list[Notification]:
        rows = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [Notification(r.id, str(r.originator_id), r.originator_version, decode(r.topic, r.state)) for r in rows]

    async def last_notification(self) -> int:
        """Id of the newest committed fact, 0 where there is none."""
        with self._reading():
            return (await asyncio.to_thread(self._recorder.max_notification_id)) or 0

    async def wait_for_news(self, timeout: float) -> None:
        """Until something was committed by this process, at most `timeout` seconds; others' commits are not noticed."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    def wake(self) -> None:
        """Let whoever waits for news look, whether there are any or not."""
        self._news.set()

    def _on_commit(self) -> None:
        self._trouble = None
        self._news.set()

    def trouble(self) -> str | None:
        """What is wrong with the store now, for a readiness check; None when all is well."""
        return self._trouble or self._unreadable

    async def close(self) -> None:
        await self._writer.close()
        self._recorder.close()


def rebuild(recorder: Recorder, id: str, new: Callable[[str], S], *, at: int | None = None) -> S:
    """A state from its stored facts alone, up to version `at` (all without it).

    Raises MapperDeserialisationError for a fact that cannot be read, PersistenceError for a database that is away.
    """
    return _evolve(recorder, id, new(id), at=at)


def _evolve(recorder: Recorder, id: str, state: S, *, at: int | None = None) -> S:
    """The same state, after the stored facts that it has not taken in yet."""
    apply = state.apply
    stored: StoredEvent | None = None
    for stored in recorder.select_events(id, gt=state.version or None, lte=at):
        record = decode(stored.topic, stored.state)
        apply(record.fact, record)
    if stored is not None:
        state.version = stored.originator_version
    return state


def history(recorder: Recorder, id: str) -> list[StoredFact]:
    """Every stored fact of an aggregate with what is kept beside it, in order."""
    return [StoredFact(id, e.originator_version, decode(e.topic, e.state)) for e in recorder.select_events(id)]


@asynccontextmanager
async def open_store(place: Place, new: Callable[[str], S], *, cached: int = 10_000) -> AsyncIterator[Store[S]]:
    """Open (or create) an event store; `new` makes the empty state of an id; at most `cached` states stay in memory.

    Raises OSError naming the place. Leaving the context writes what waits and closes the database.
    """
    store = Store(await asyncio.to_thread(open_recorder, place), new, cached=cached)
    try:
        yield store
    finally:
        await store.close()


def digest_of(*parts: object) -> str:
    """A short digest of what a command orders, from anything with a stable `repr`; for `Order.digest`."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
