"""Facts as they are stored today."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from eventsourcing.persistence import MapperDeserialisationError
from eventsourcing.persistence import Notification as Stored

from libs.eventstore import Fact, Notification
from libs.eventstore.facts import Record, decode, encode
from libs.eventstore.recorder import Rewritten
from libs.keyring import Destroyed, Expired, Lock, Sealed, Words
from libs.keyring.client import Fetch

Put = Callable[[str, str, Words], Words]
"""Gives what is to stand in the place of words, given lock and unit."""
Today = Callable[[Notification, Put], Fact]
"""The fact as it is stored today: the same one where nothing of it changes."""

_ROUNDS: Final = 8
_TOGETHER: Final = 20
"""Facts that are sealed before others have their turn."""


class CannotRewrite(Exception):
    """A stored fact cannot be read, or would not be the same."""


class _Sealing:
    """Seals with the locks that are here, and notes which others are needed."""

    def __init__(self) -> None:
        self.locks: dict[str, Lock] = {}
        self.missing: set[str] = set()
        self.lacked = False
        """Whether one was missing since this was last set to False."""

    def put(self, name: str, unit: str, words: Words) -> Words:
        """The words sealed; what is sealed already, or empty, stays."""
        if not isinstance(words, str) or not words:
            return words
        lock = self.locks.get(name)
        if lock is None:
            self.missing.add(name)
            self.lacked = True
            return words
        try:
            # Alike, so that words that are the same stay so: whether a handle changed is read from that.
            return lock.seal_alike(unit, words)
        except Destroyed:
            return Sealed(unit=unit, box=b"")  # what nobody can open, as all else that was erased


async def rewritten(page: Sequence[Stored], today: Today, fetch: Fetch) -> list[Rewritten]:
    """What of a page is stored otherwise today. Raises CannotRewrite, and what `fetch` does."""
    sealing = _Sealing()
    left, done = list(page), list[Rewritten]()
    for _ in range(_ROUNDS):
        again: list[Stored] = []
        for number, stored in enumerate(left):
            if number % _TOGETHER == _TOGETHER - 1:
                await asyncio.sleep(0)
            sealing.lacked = False
            try:
                one = _rewritten(stored, today, sealing)
            except Expired:
                sealing.locks.clear()
                sealing.lacked = True
            if sealing.lacked:
                again.append(stored)
            elif one is not None:
                done.append(one)
        if not again:
            return done
        left = again
        sealing.locks |= await fetch(sealing.missing)
        sealing.missing.clear()
    raise CannotRewrite("keys are destroyed faster than they can be asked for")


def _rewritten(stored: Stored, today: Today, sealing: _Sealing) -> Rewritten | None:
    id, version, state = str(stored.originator_id), stored.originator_version, bytes(stored.state)
    try:
        record = decode(stored.topic, state)
        fact = today(Notification(stored.id, id, version, record), sealing.put)
    except (MapperDeserialisationError, ValueError) as error:
        raise CannotRewrite(f"stored fact {stored.id} ({stored.topic} of {id}) cannot be read: {error}") from error
    if sealing.lacked:
        return None
    new = Record(
        fact=fact, at=record.at, actor=record.actor, command_id=record.command_id, traceparent=record.traceparent
    )
    after = encode(new)
    if decode(stored.topic, after) != new:
        raise CannotRewrite(f"stored fact {stored.id} ({stored.topic} of {id}) would not be read as it is written")
    return None if after == state else (id, version, state, after)
