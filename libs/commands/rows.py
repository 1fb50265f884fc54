"""The table of a service's commands: which aggregate each is about, and what that decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Generic, TypeVar

from contracts.commands import Command, Nothing
from contracts.envelope import Model, encoded
from libs.bus import Encoded, Handlers
from libs.commands.executor import Executor
from libs.eventstore import Fact
from libs.eventstore.aggregate import S

A = TypeVar("A")
C = TypeVar("C", bound=Command[Any])
T = TypeVar("T")


def nothing(state: object, command: object) -> Nothing:
    """The answer of a command that tells no more than that it was done."""
    return Nothing()


def anybody(command: object) -> None:
    """Whoever is known may command it."""


def of_kind(kind: type[A], call: Callable[[A], T]) -> Callable[[Any], T]:
    """A function of one kind of aggregate as a function of whatever a store keeps. Raises TypeError for another kind:
    an id that stands for something else is a mistake of ours."""

    def checked(state: object) -> T:
        return call(_as(kind, state))

    return checked


def _as(kind: type[A], state: object) -> A:
    if not isinstance(state, kind):
        raise TypeError(f"{state!r} is no {kind.__name__}")
    return state


class Rows(Generic[S]):
    """Enters commands into a table of handlers, each by a row.

    rows.on(v1.Unblock, Person, actor, lambda person, c: person.unblock(c.blocked_id))
    """

    def __init__(self, handlers: Handlers, executor: Executor[S]) -> None:
        self._handlers = handlers
        self._executor = executor

    def on(
        self,
        command: type[C],
        kind: type[A],
        id: Callable[[C], str],
        decide: Callable[[A, C], Iterable[Fact]],
        answer: Callable[[A, C], Model | bytes] = nothing,
        *,
        allowed: Callable[[C], object] = anybody,
        unchecked: Callable[[C], bool] = lambda command: False,
    ) -> None:
        """Let the aggregate of this kind whose id `id` reads from the command decide on it.

        `decide` returns facts, none where nothing changes, or raises Refusal. `answer` makes the result of the
        aggregate after them, as a model or as its JSON. `allowed` raises Refusal if
        the command is not for its actor. If `unchecked` is true, the executor's own check is left out.
        """

        def at(state: A, c: C, now: datetime) -> Iterable[Fact]:
            return decide(state, c)

        self.timed(command, kind, id, at, answer, allowed=allowed, unchecked=unchecked)

    def timed(
        self,
        command: type[C],
        kind: type[A],
        id: Callable[[C], str],
        decide: Callable[[A, C, datetime], Iterable[Fact]],
        answer: Callable[[A, C], Model | bytes] = nothing,
        *,
        allowed: Callable[[C], object] = anybody,
        unchecked: Callable[[C], bool] = lambda command: False,
    ) -> None:
        """The same where the decision depends on the time (UTC)."""

        async def handle(c: C) -> Encoded:
            allowed(c)
            order = self._executor.order(c)
            done = await self._executor.execute(
                order,
                id(c),
                lambda state: decide(_as(kind, state), c, order.at),
                lambda state: answer(_as(kind, state), c),
                checked=not unchecked(c),
            )
            result = done.view
            return Encoded(done.version, result if isinstance(result, bytes) else encoded(result))

        self._handlers.add(command, handle)
