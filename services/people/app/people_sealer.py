"""People's own words: sealed before they are decided on, opened when they are answered or relayed."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from contracts.sealed import Box
from libs.keyring import Destroyed, ErasureTarget, Lock, Sealed, StoreError, Words
from libs.keyring.holders import touches
from libs.keyring.keys import Keys
from libs.keyring.opening import box_of, open_box
from libs.keyring.tree import Tree
from libs.refusal import Refusal

_MOST: Final = 10_000
NAME: Final = "name"
"""The unit of what somebody is called."""
PROFILE: Final = "profile"
"""The unit of what somebody says of themself besides: bio and links."""
IDENTITY: Final = "identity"
"""The unit of who somebody is elsewhere, and what is said of them there."""
MODERATION: Final = "moderation"
"""The unit of what operators and the person write about suspensions and hosting; of a report, of everything in it."""
_PERSON: Final = "person:"
_MARKS: Final = "instance:handles", "kept"
"""Lock and unit of the key of `PeopleSealer.mark`, which seals nothing."""


def of_person(person_id: str) -> str:
    """The lock of what a person wrote, and of what was written about them."""
    return f"{_PERSON}{person_id}"


def of_report(report_id: str) -> str:
    """The lock of a report."""
    return f"report:{report_id}"


def of_space(space_id: str) -> str:
    """The lock of a Space."""
    return f"space:{space_id}"


class PeopleSealer:
    """Seals and opens by keys of this process, which owns them. Where the store of keys is away, it refuses:
    unavailable."""

    def __init__(
        self, keys: Keys, lease: float, clock: Callable[[], float], is_gone: Callable[[str], bool] = lambda _: False
    ) -> None:
        """A key is kept for `lease` seconds; `clock` never goes back. `is_gone` tells whether a person is erased:
        nothing of theirs is read then, plain words of earlier versions neither."""
        self._is_gone = is_gone
        self._keys = keys
        self._lease = lease
        self._clock = clock
        self._marking: tuple[Lock, bytes] | None = None
        """The lock of marks as it was given last, and its key."""
        self._locks: OrderedDict[str, Lock] = OrderedDict()

    def seal(self, lock: str, unit: str, text: str) -> Words:
        """Words as they are stored; none stay none. Refuses: wrong_state for who was erased."""
        if not text:
            return text
        try:
            return self._lock(lock).seal(unit, text)
        except Destroyed:
            raise Refusal("wrong_state", "What is kept of them was erased.") from None

    def seal_object(self, lock: str, unit: str, data: bytes) -> bytes:
        """An object as it is stored. Refuses: wrong_state for who was erased."""
        try:
            writer = self._lock(lock).writer(unit)
            return writer.write(data) + writer.finish()
        except Destroyed:
            raise Refusal("wrong_state", "What is kept of them was erased.") from None

    def read(self, lock: str, unit: str, words: Words) -> str:
        """Words as they were written; empty where they were erased."""
        if isinstance(words, str):
            gone = words and lock.startswith(_PERSON) and self._is_gone(lock.removeprefix(_PERSON))
            return "" if gone else words
        return self._lock(lock).legible(words, unit) or ""

    def read_name(self, person_id: str, words: Words) -> str:
        """What somebody is called."""
        return self.read(of_person(person_id), NAME, words)

    def read_about(self, person_id: str, words: Words) -> str:
        """What somebody wrote to operators, or they wrote about them."""
        return self.read(of_person(person_id), MODERATION, words)

    def told_about(self, person_id: str, words: Words) -> str | Box:
        """The same for the stream, which has it as it is stored."""
        return box_of(words, of_person(person_id)) if isinstance(words, Sealed) else self.read_about(person_id, words)

    def mark(self, text: str) -> str:
        """Stands for a text that must be found again and not read: the same text has the same mark. Refuses:
        unavailable."""
        name, unit = _MARKS
        lock = self._lock(name)
        if self._marking is None or self._marking[0] is not lock:
            self._marking = lock, lock.key_of(unit).key  # which takes longer than a mark itself
        return hmac.digest(self._marking[1], text.encode(), "sha256").hex()

    def open_box(self, box: Box) -> str | None:
        """What is in a box of an event; None where it was erased."""
        return open_box(box, self._lock)

    async def prepare(self, names: Sequence[str]) -> None:
        """Make locks that do not exist yet, all in one write; one by one, each waits for the disk.

        Refuses: unavailable.
        """
        until = self._clock() + self._lease
        try:
            trees = (await asyncio.to_thread(self._keys.give, names)).trees
        except StoreError as error:
            raise _away() from error
        for name, tree in trees.items():
            self._keep(name, tree, until)

    async def locks(self, names: Iterable[str]) -> dict[str, Lock]:
        """Many locks by name. Refuses: unavailable."""
        return {name: self._lock(name) for name in names}

    def drop(self, erased: ErasureTarget) -> None:
        """Forget the keys of what is destroyed."""
        self._marking = None
        for name in [name for name in self._locks if touches(erased, name)]:
            self._locks.pop(name).drop()

    def _lock(self, name: str) -> Lock:
        lock = self._locks.get(name)
        if lock is not None and lock.holds:
            self._locks.move_to_end(name)
            return lock
        until = self._clock() + self._lease
        try:
            tree = self._keys.give([name]).trees[name]
        except StoreError as error:
            raise _away() from error
        return self._keep(name, tree, until)

    def _keep(self, name: str, tree: Tree | None, until: float) -> Lock:
        lock = self._locks[name] = Lock(name, tree, until=until, now=self._clock)
        while len(self._locks) > _MOST:
            self._locks.popitem(last=False)[1].drop()
        return lock


def _away() -> Refusal:
    return Refusal("unavailable", "The keys cannot be reached for a moment; try again.", retry=True)
