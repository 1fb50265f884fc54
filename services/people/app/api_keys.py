"""API keys, with which servers of the host product act here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from libs.commands import Executor, of_kind
from libs.eventstore import Fact, Order, Store
from services.people.domain.api_keys import ApiKey, ApiKeys
from services.people.domain.entities import API_KEYS, Entity


class KeyRing:
    """The API keys of the instance."""

    def __init__(self, store: Store[Entity], executor: Executor[Entity]) -> None:
        self._store = store
        self._executor = executor

    async def issue(self, order: Order, key: str, digest: str, title: str, scopes: tuple[str, ...]) -> ApiKey:
        """Make a key. Refuses: wrong_state."""
        return await self._change(order, key, lambda keys: keys.issue(key, digest, title, scopes))

    async def rotate(self, order: Order, key: str, digest: str, keep: timedelta) -> ApiKey:
        """Replace a key; the one before is good for a while. Refuses: not_found, wrong_state."""
        return await self._change(order, key, lambda keys: keys.rotate(key, digest, order.at + keep))

    async def revoke(self, order: Order, key: str) -> ApiKey:
        """Make a key worthless. Refuses: not_found."""
        return await self._change(order, key, lambda keys: keys.revoke(key))

    async def use(self, order: Order, key: str, digest: str, scope: str) -> ApiKey:
        """A key that is used for something now. Refuses: unauthenticated, not_allowed."""
        look = of_kind(ApiKeys, lambda keys: replace(keys.must_open(key, digest, scope, order.at)))
        found = await self._store.read(API_KEYS, look)
        note = of_kind(ApiKeys, lambda keys: keys.note_use(key, order.at))
        await self._executor.by_itself(API_KEYS, lambda keys, _: note(keys))
        return found

    async def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        look = of_kind(ApiKeys, lambda keys: [replace(key) for key in keys.keys.values()])
        return await self._store.read(API_KEYS, look)

    async def _change(self, order: Order, key: str, decide: Callable[[ApiKeys], list[Fact]]) -> ApiKey:
        view = of_kind(ApiKeys, lambda keys: replace(keys.keys[key]))
        return (await self._executor.execute(order, API_KEYS, of_kind(ApiKeys, decide), view)).view
