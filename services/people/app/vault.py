"""People's own words: sealed before they are decided on, opened when they are answered or relayed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from libs.keyring import Destroyed, Erased, Lock, StoreError, Words
from libs.keyring.holders import touches
from libs.keyring.keys import Keys
from libs.refusal import Refusal

_MOST: Final = 10_000
NAME: Final = "name"
"""The unit of what somebody is called."""
PROFILE: Final = "profile"
"""The unit of what somebody says of themself besides: bio and links."""
MODERATION: Final = "moderation"
"""The unit of what operators and the person write about suspensions and hosting; of a report, of everything in it."""


def of_person(person_id: str) -> str:
    """The lock of what a person wrote, and of what was written about them."""
    return f"person:{person_id}"


def of_report(report_id: str) -> str:
    """The lock of a report."""
    return f"report:{report_id}"


class Vault:
    """Seals and opens by keys of this process, which owns them. Where the store of keys is away, it refuses:
    unavailable."""

    def __init__(self, keys: Keys, lease: float, clock: Callable[[], float]) -> None:
        """A key is kept for `lease` seconds; `clock` never goes back."""
        self._keys = keys
        self._lease = lease
        self._clock = clock
        self._locks: OrderedDict[str, Lock] = OrderedDict()

    def seal(self, lock: str, unit: str, text: str) -> Words:
        """Words as they are stored; none stay none. Refuses: wrong_state for who was erased."""
        if not text:
            return text
        try:
            return self._lock(lock).seal(unit, text)
        except Destroyed:
            raise Refusal("wrong_state", "What is kept of them was erased.") from None

    def read(self, lock: str, unit: str, words: Words) -> str:
        """Words as they were written; empty where they were erased."""
        if isinstance(words, str):
            return words
        return self._lock(lock).legible(words, unit) or ""

    def read_name(self, person_id: str, words: Words) -> str:
        """What somebody is called."""
        return self.read(of_person(person_id), NAME, words)

    def read_about(self, person_id: str, words: Words) -> str:
        """What somebody wrote to operators, or they wrote about them."""
        return self.read(of_person(person_id), MODERATION, words)

    def drop(self, erased: Erased) -> None:
        """Forget the keys of what is destroyed."""
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
            raise Refusal("unavailable", "The keys cannot be reached for a moment; try again.", retry=True) from error
        lock = self._locks[name] = Lock(name, tree, until=until, now=self._clock)
        while len(self._locks) > _MOST:
            self._locks.popitem(last=False)[1].drop()
        return lock
