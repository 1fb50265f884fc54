"""What is kept of keys, and what a database that keeps it can do: `sqlite` by default, `postgres` by a setting.

Keys and the ledger of what was destroyed lie apart, so that a copy of the one never brings back the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class ErasureTarget(NamedTuple):
    """One thing that is destroyed: a subject (`unit` None), or a unit of a lock (`""`: the whole lock)."""

    what: str
    unit: str | None = None


class Entry(NamedTuple):
    """A line of the ledger."""

    number: int
    at: datetime
    erased: ErasureTarget


class StoreState(NamedTuple):
    """What a store of keys was begun with, and how far the ledger is applied to it."""

    ledger: str
    applied: int
    check: bytes
    """Something known, sealed under the master key."""


class StoredKeys(NamedTuple):
    """Rows as they were at one moment."""

    applied: int
    subjects: dict[str, bytes | None]
    """Wrapped secrets by name; None where one was destroyed."""
    locks: dict[str, bytes]
    """Wrapped nodes by name."""


class Ledger(Protocol):
    """Everything that was ever destroyed, in order, without any secret. Its methods block, and raise StoreError."""

    id: str
    """The same for ever; the store of keys remembers it."""

    def append(self, erased: Sequence[ErasureTarget], at: datetime) -> int:
        """Write what is not written yet, on disk when this returns; the highest number among all of these."""

    def after(self, number: int, limit: int) -> list[Entry]:
        """Entries above a number, in order."""

    def last(self) -> int:
        """The number of the newest entry, 0 without one."""

    def close(self) -> None:
        """Let go of the place."""


class KeyRows(Protocol):
    """Wrapped secrets and nodes. Its methods block, and raise StoreError."""

    def kept(self) -> StoreState | None:
        """None while nothing was begun here."""

    def begin(self, ledger: str, check: bytes) -> None:
        """Remember the ledger and the check."""

    def find(self, subjects: Sequence[str], locks: Sequence[str]) -> StoredKeys:
        """The rows that are there of these."""

    def add(self, subjects: Mapping[str, bytes], locks: Mapping[str, bytes]) -> None:
        """Keep new rows; one that is there stays as it is."""

    def apply(self, before: int, number: int, subjects: Sequence[str], locks: Mapping[str, bytes]) -> bool:
        """Destroy subjects with their locks, and replace the nodes of locks, in one transaction.

        The ledger was applied up to `before` and is up to `number` then; False, and nothing happens, where somebody
        else has applied it meanwhile. When this returns, what was replaced is gone from the place.
        """

    def close(self) -> None:
        """Let go of the place."""


class StoreError(Exception):
    """The place cannot be read or written now."""
