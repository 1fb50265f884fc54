"""A read model of a service's own facts."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from libs.eventstore import Notification, Store
from libs.readmodel.file import ModelFile

_log = logging.getLogger(__name__)
_PAGE: Final = 1000


class StoreModel(ModelFile, ABC):
    """Subclasses give a schema and `apply`. Who asks calls `catch_up` first, and sees everything that was committed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._turn = asyncio.Lock()

    @abstractmethod
    def apply(self, notification: Notification) -> None:
        """Change the tables by one fact, inside a transaction. Facts come in the order they were committed."""

    async def catch_up(self, store: Store[Any]) -> None:
        """Apply everything that is committed and not applied yet.

        The file is filled anew where it is damaged, and where the store ends before our place: then it is another one.
        """
        async with self._turn:
            if self.damage is not None:
                self.set_aside()
            if self.sequence > await store.last_notification():
                _log.warning("the event store is another one; %s is filled anew", self.path.name)
                self.clear()
            while notifications := (
                store.newest(self.sequence, _PAGE) or await store.notifications(self.sequence, _PAGE)
            ):
                self.take(notifications)

    async def fill_anew(self, store: Store[Any]) -> None:
        """Begin anew with an empty file: facts were rewritten. Who asks meanwhile waits in `catch_up`."""
        async with self._turn:
            self.clear()
        await self.catch_up(store)

    def take(self, notifications: Sequence[Notification]) -> None:
        """Apply facts, leaving out what is applied already."""
        fresh = [notification for notification in notifications if notification.id > self.sequence]
        if not fresh:
            return
        with self.transaction():
            for notification in fresh:
                self.apply(notification)
            self._move_to(None, fresh[-1].id)
        self.sequence = fresh[-1].id
