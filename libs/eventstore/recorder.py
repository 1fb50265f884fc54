"""What is kept, and what a database that keeps it can do.

There are two of them, `sqlite` (the default) and `postgres`; in this package only `opening` knows which one it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from eventsourcing.persistence import IntegrityError, Notification

NEWEST: Final = 2**63 - 1
"""No version is above it."""
FactRow = tuple[int, str, bytes]
"""Version, name and JSON of a stored fact."""
Rewritten = tuple[str, int, bytes, bytes]
"""The aggregate's id, version, the JSON of a stored fact as it was read, and the JSON that takes its place."""
NewFact = tuple[str, int, str, bytes]
"""The aggregate's id, and version, name and JSON of a fact that is to be stored."""


class CommandRow(msgspec.Struct, frozen=True, gc=False):
    """An accepted command: unique by (scope, command_id)."""

    scope: str
    command_id: str
    digest: str
    """What was ordered, so that the same id with another order is noticed."""
    originator_id: str
    version: int
    """The aggregate's version after it."""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A name that only one aggregate may hold (a handle, say). `owner` None gives it back."""

    namespace: str
    name: str
    owner: str | None


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """An aggregate's state at a version, as the code of `fingerprint` made it."""

    originator_id: str
    version: int
    fingerprint: str
    state: bytes


class Write(msgspec.Struct, frozen=True):
    """All that one command writes, in one transaction."""

    facts: Sequence[NewFact]
    command: CommandRow | None = None
    claims: Sequence[Claim] = ()
    snapshot: Snapshot | None = None


class CommandRepeated(IntegrityError):
    """This command id was accepted before."""


class NameTaken(IntegrityError):
    """Another aggregate holds a claimed name."""


class Recorder(Protocol):
    """Facts, command ids, claims and snapshots in one database. Its methods block, and may be called by any thread.

    What has no error of its own raises PersistenceError where the database is away, locked or full.
    """

    def write(self, writes: Sequence[Write]) -> int:
        """Write all of it in one transaction, or nothing. It is on disk when this returns.

        Returns the notification id of the last fact written, 0 where there was none; the others have the ids right
        before it, in their order. Raises CommandRepeated, NameTaken, IntegrityError (a version exists already).
        """

    def repeated(self, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these commands, by (scope, command_id), were accepted before; at most some thousands at once."""

    def find_command(self, scope: str, command_id: str) -> CommandRow | None:
        """An accepted command."""

    def find_snapshot(self, originator_id: str, fingerprint: str) -> bytes | None:
        """The last state kept of an aggregate, where this code made it."""

    def find_claim(self, namespace: str, name: str) -> str | None:
        """Who holds a name; not from two threads at once."""

    def find_names(self, namespace: str, owner: str) -> Sequence[str]:
        """The names that an aggregate holds; looks through all of them."""

    def rewrite(self, facts: Sequence[Rewritten]) -> int:
        """Put other JSON in the place of stored facts, where they still are as they were read, in one transaction.

        Nothing else of them changes. Returns how many were rewritten.
        """

    def drop_snapshots(self) -> None:
        """Delete every state that is kept."""

    def wipe(self) -> None:
        """Leave nothing of what was deleted in the files, where the database can.

        Raises OperationalError where somebody reads for so long that it cannot.
        """

    def pack(self) -> None:
        """The same, and of what earlier versions deleted without overwriting it."""

    def select_facts(self, originator_id: str, *, after: int = 0, to: int | None = None) -> Sequence[FactRow]:
        """The facts of an aggregate above version `after` and up to `to`, by version."""

    def select_notifications(
        self, start: int | None, limit: int, *, inclusive_of_start: bool = True
    ) -> Sequence[Notification]:
        """Facts of all aggregates in the order of their commits: none appears later below one that was seen."""

    def max_notification_id(self) -> int | None:
        """Id of the newest fact."""

    def close(self) -> None:
        """Let go of the database."""
