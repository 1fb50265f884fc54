"""Which processes may have a lock in memory, and until when: so that it is known when none has it any more."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final

from libs.keyring.names import subjects_of
from libs.keyring.rows import Entry, ErasureTarget

_EARLIER: Final = ""
"""Stands for whoever was given a lock before this process started; no holder is called so."""


def touches(erased: ErasureTarget, lock: str) -> bool:
    """Whether a lock is another one once something is destroyed."""
    return erased.what == lock if erased.unit is not None else erased.what in subjects_of(lock)


class Holders:
    """Who was given what, for `lease` seconds each time. Times are those of one monotonic clock."""

    def __init__(self, lease: float, started: float | None) -> None:
        """Until `started + lease`, somebody may hold anything: what was given out before is not remembered. None where
        nothing ever was."""
        self.lease = lease
        self._earlier = -inf if started is None else started + lease
        self._swept = -inf
        self._leases: dict[str, dict[str, float]] = {}
        """By holder, then by lock: until when."""
        self._waiting: dict[int, dict[str, float]] = {}
        """By number of the ledger's entry: who may hold what it destroyed, until when."""

    def given(self, holder: str, locks: Iterable[str], now: float) -> None:
        """A holder was given locks."""
        self._forget(now)
        held = self._leases.setdefault(holder, {})
        for lock in locks:
            held[lock] = now + self.lease

    def destroyed(self, entry: Entry, now: float) -> None:
        """Something was destroyed: from now on its holders are waited for."""
        waiting = {_EARLIER: self._earlier} if now < self._earlier else {}
        for holder, held in self._leases.items():
            ends = [until for lock, until in held.items() if until > now and touches(entry.erased, lock)]
            if ends:
                waiting[holder] = max(ends)
        self._waiting[entry.number] = waiting

    def dropped(self, holder: str, number: int) -> None:
        """A holder has dropped everything that the ledger had up to a number."""
        for waited, waiting in self._waiting.items():
            if waited <= number:
                waiting.pop(holder, None)

    def done(self, now: float) -> int | None:
        """The highest number up to which nobody holds anything, of those waited for; None where there is none."""
        done = None
        for number in sorted(self._waiting):
            if any(until > now for until in self._waiting[number].values()):
                break
            done = number
        return done

    def settle(self, number: int) -> None:
        """What was destroyed up to a number is waited for no longer."""
        for waited in [waited for waited in self._waiting if waited <= number]:
            del self._waiting[waited]

    def pending(self) -> list[int]:
        """The numbers that are waited for, in order."""
        return sorted(self._waiting)

    def next_end(self, now: float) -> float | None:
        """When the next lease ends that is waited for."""
        ends = [until for waiting in self._waiting.values() for until in waiting.values() if until > now]
        return min(ends, default=None)

    def _forget(self, now: float) -> None:
        if now < self._swept + self.lease / 10:
            return
        self._swept = now
        for holder, held in list(self._leases.items()):
            for lock in [lock for lock, until in held.items() if until <= now]:
                del held[lock]
            if not held:
                del self._leases[holder]
