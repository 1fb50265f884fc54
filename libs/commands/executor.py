"""One executor for every command of a service: load, check, decide, save, and what follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, overload

from contracts.commands import Command
from libs.eventstore import Claim, Done, Fact, Order, Store, digest_of
from libs.eventstore.aggregate import S
from libs.ids import new_id

T = TypeVar("T")
Decide = Callable[[S], Iterable[Fact]]
"""What an aggregate decides: facts, none where nothing changes; raises Refusal."""
Now = Callable[[], datetime]
"""Tells the time (UTC)."""
Ordered = Callable[[Command[Any]], tuple[object, ...]]
"""Everything that a command orders, as values with a stable `repr`. Their digest is stored: what a service gives here
may never change for a command that exists, or a retry across the change is refused as another command."""
Consequences = Mapping[type[Fact], Callable[[str, Any], None]]
"""What is done after a fact was committed, by its type: called with the aggregate's id and the fact."""


class Sealing(Protocol):
    """Seals the words of facts before they are stored, and opens those of aggregates; `libs.keyring.vault` is one.

    Its methods raise `lack` where keys are missing, which `with_keys` asks for.
    """

    lack: type[Exception]

    def seal(self, state: Any, version: int, actor: str | None, facts: Sequence[Fact], /) -> Sequence[Fact]:
        """Facts that `actor` has just caused, as they are stored; the first one follows `version`."""

    def must_show(self, state: Any, /) -> object:
        """Have everything open that an aggregate shows, as far as keys can be had."""

    async def with_keys(self, call: Callable[[], Awaitable[T]], /) -> T:
        """Do something, again where keys were missing."""


def _no_view(state: object) -> None:
    """The command's answer tells nothing of the aggregate."""


def no_check(state: object, actor: str | None) -> None:
    """Let everybody command."""


class Executor(Generic[S]):
    """Carries out commands on the aggregates of one store."""

    def __init__(
        self,
        store: Store[S],
        now: Now,
        ordered: Ordered,
        *,
        check: Callable[[S, str | None], None] = no_check,
        consequences: Consequences | None = None,
        sealing: Sealing | None = None,
    ) -> None:
        """`check` is the service's own rule of who may command an aggregate at all; it raises Refusal. `consequences`
        says what is done after the commit of a fact of some type. With `sealing`, decisions give and states hold words
        as `libs.keyring.Words`; answers are made of what it has opened."""
        self._store = store
        self._now = now
        self._ordered = ordered
        self._check = check
        self._consequences = consequences or {}
        self._sealing = sealing

    def order(self, command: Command[Any]) -> Order:
        """The order that a command is, as the store keeps it."""
        digest = digest_of(command.name, *self._ordered(command))
        return Order(id=command.command_id, actor=command.actor, at=self._now(), digest=digest, api_key=command.api_key)

    @overload
    async def execute(
        self, order: Order, id: str, decide: Decide[S], *, claims: Sequence[Claim] = (), checked: bool = True
    ) -> Done[None]: ...

    @overload
    async def execute(
        self,
        order: Order,
        id: str,
        decide: Decide[S],
        view: Callable[[S], T],
        *,
        claims: Sequence[Claim] = (),
        checked: bool = True,
    ) -> Done[T]: ...

    async def execute(
        self,
        order: Order,
        id: str,
        decide: Decide[S],
        view: Callable[[S], Any] = _no_view,
        *,
        claims: Sequence[Claim] = (),
        checked: bool = True,
    ) -> Done[Any]:
        """Let aggregate `id` decide, save what it decides, and answer with what `view` makes of it.

        `decide`, `view` and `claims` are those of `Store.execute`. `checked=False` leaves the service's check out.
        Raises Refusal: that of the check, and those of `Store.execute`.
        """

        sealing = self._sealing

        def welcomed(state: S) -> Iterable[Fact]:
            if checked:
                self._check(state, order.actor)
            facts = decide(state)
            if sealing is None:
                return facts
            facts = sealing.seal(state, state.version, order.actor, tuple(facts))
            if view is not _no_view:
                # Not when the answer is made: then the state has taken the facts in.
                sealing.must_show(state)
            return facts

        try:
            done = await self._store.execute(id, order, welcomed, view, claims=claims)
        except Exception as error:
            if sealing is None or not isinstance(error, sealing.lack):
                raise
            done = await sealing.with_keys(lambda: self._store.execute(id, order, welcomed, view, claims=claims))
        for fact in done.facts:
            if (consequence := self._consequences.get(type(fact))) is not None:
                consequence(id, fact)
        return done

    async def by_itself(
        self,
        id: str,
        decide: Callable[[S, datetime], Iterable[Fact]],
        *,
        cause: str | None = None,
        claims: Sequence[Claim] = (),
    ) -> Sequence[Fact]:
        """Let aggregate `id` decide something that nobody commanded, and return the new facts.

        `decide` is also given the time. If it decides nothing, nothing is stored. The same `cause` a second time
        changes nothing. Raises Refusal as `Store.execute` does.
        """
        now = self._now()
        if not await self._store.read(id, lambda state: list(decide(state, now))):
            return ()
        order = Order(id=new_id() if cause is None else f"{id} {cause}", actor=None, at=now)
        done = await self.execute(order, id, lambda state: decide(state, now), claims=claims, checked=False)
        return done.facts
