"""Whether the database can be used now, and what is said to who needs it when not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.persistence import PersistenceError

from libs.refusal import Refusal

_log = logging.getLogger(__name__)


class Condition:
    """What the last uses of a database have told of it."""

    def __init__(self) -> None:
        self._unwritable: str | None = None
        self._unreadable: str | None = None

    def trouble(self) -> str | None:
        """What is wrong now; None when all is well."""
        return self._unwritable or self._unreadable

    def written(self) -> None:
        """It can be written."""
        self._unwritable = None

    def not_written(self, error: Exception) -> Refusal:
        """It cannot; the refusal of who wanted to."""
        self._unwritable = str(error)
        _log.error("the event store cannot write: %s", error)
        return _for_now(error)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A database that is away refuses for now. Not a fact that cannot be read: that passes by no waiting."""
        try:
            yield
        except PersistenceError as error:
            self._unreadable = str(error)
            _log.error("the event store cannot read: %s", error)
            raise _for_now(error) from error
        self._unreadable = None


def _for_now(error: Exception) -> Refusal:
    if "full" in str(error):
        return Refusal("storage_full", "The disk of the server is full; try again later.", retry=True)
    return Refusal("unavailable", "The event store is away for a moment; try again.", retry=True)
