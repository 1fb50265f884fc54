"""Keys without the people service: real locks, from trees of the test's own."""

from __future__ import annotations

from collections.abc import Iterable

from libs.keyring import ErasureTarget, Lock, Tree
from services.transcription.app.caption_sealer import CaptionSealer


class Locks:
    """Locks as the owner of keys gives them, and a sealer that uses them."""

    def __init__(self) -> None:
        self.trees: dict[str, Tree | None] = {}
        self.sealer = CaptionSealer(self.fetch)

    async def fetch(self, names: Iterable[str]) -> dict[str, Lock]:
        return {name: Lock(name, self.trees.setdefault(name, Tree.grown())) for name in names}

    def destroy(self, lock: str, *units: str) -> None:
        """Destroy units of a lock; without any, all of it."""
        tree = self.trees[lock]
        self.trees[lock] = tree.without(units) if tree is not None and units else None
        for erased in [ErasureTarget(lock, unit) for unit in units] or [
            ErasureTarget(subject) for subject in lock.split("|")
        ]:
            self.sealer.drop(erased)
