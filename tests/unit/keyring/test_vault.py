"""What a vault keeps open, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import cast

import pytest

from libs.bus import Unavailable
from libs.keyring import ErasureTarget, Lock, Sealed, Tree
from libs.keyring.client import Keyring
from libs.keyring.vault import Vault
from libs.keyring.worded import Lack
from libs.refusal import Refusal
from services.room.domain.facts import Pinned
from services.room.domain.space import Space
from services.room.domain.values import Person, Pin
from services.room.domain.written import WORDS
from tests.support.waiting import eventually
from tests.unit.room.given import NOW

ANN, BOB = Person("ann"), Person("bob")
TEA = "tea"


class Ring:
    """A keyring whose owner can go away."""

    def __init__(self, lease: float = 300.0) -> None:
        self.lease = lease
        self.away = self.broken = False
        self.asked = 0
        self._trees: dict[str, Tree] = {}
        self._locks: dict[str, Lock] = {}
        self._call: Callable[[ErasureTarget], object] = lambda erased: None

    def on_drop(self, call: Callable[[ErasureTarget], object]) -> None:
        self._call = call

    def cached(self, *subjects: str) -> Lock | None:
        lock = self._locks.get("|".join(sorted(subjects)))
        return lock if lock is not None and lock.holds else None

    async def locks(self, names: Iterable[str]) -> dict[str, Lock]:
        self.asked += 1
        if self.broken:
            raise ValueError("these nodes are damaged")
        if self.away:
            raise Unavailable("people is away")
        for name in names:
            tree, until = self._trees.setdefault(name, Tree.grown()), time.monotonic() + self.lease
            held = self._locks.get(name)
            if held is not None and held.holds:
                held.renew(tree, until)
            else:
                self._locks[name] = Lock(name, tree, until=until, now=time.monotonic)
        return self._locks

    def forget(self) -> None:
        """Have no keys in memory."""
        self._locks.clear()

    def destroy(self, name: str, unit: str) -> None:
        self._trees[name] = self._trees[name].without([unit])
        self._locks.pop(name).drop()
        self._call(ErasureTarget(name, unit))


def vault_of(ring: Ring) -> Vault:
    return Vault(cast(Keyring, ring), WORDS, lambda person_id, space_id: False)


async def pinned(vault: Vault, *by: Person) -> Space:
    """A Space with a pin of each of these, who has their keys."""
    space = Space(TEA)
    for person in by:

        async def seal(person: Person = person) -> Pinned:
            fact = Pinned(pin_id=person.id, url=f"https://{person.id}.example/", person=person)
            (sealed,) = vault.seal(space, space.version, person.id, [fact])
            assert isinstance(sealed, Pinned)
            return sealed

        fact = await vault.with_keys(seal)
        space.version += 1
        space.worded = space.version
        space.pins[fact.pin_id] = Pin(fact.pin_id, fact.url, fact.text, person, NOW)
    return space


def read(vault: Vault, space: Space) -> list[object]:
    return [vault.of(TEA).read(pin.person.id, pin.url) for pin in space.pins.values()]


async def test_what_is_sealed_is_open_and_asks_for_no_keys_again() -> None:
    ring = Ring()
    vault = vault_of(ring)
    space = await pinned(vault, ANN, BOB)
    assert all(isinstance(pin.url, Sealed) and pin.text == "" for pin in space.pins.values())
    asked = ring.asked
    assert vault.must_show(space)
    assert read(vault, space) == ["https://ann.example/", "https://bob.example/"]
    assert ring.asked == asked
    await vault.close()


async def test_what_is_destroyed_is_not_open_and_everything_else_is() -> None:
    ring = Ring()
    vault = vault_of(ring)
    space = await pinned(vault, ANN, BOB)
    assert vault.must_show(space)
    vault.of(TEA).parts["page"] = "made of both"
    ring.destroy("person:ann|space:tea", "pin/ann")
    assert vault.of(TEA).parts == {}
    ring.away = True
    assert vault.of(TEA).read("bob", space.pins["bob"].url) == "https://bob.example/"
    ring.away = False

    async def show() -> bool:
        return vault.must_show(space)

    assert await vault.with_keys(show)
    assert read(vault, space) == [Lack.ERASED, "https://bob.example/"]
    await vault.close()


async def test_what_is_open_stays_so_while_keys_are_renewed_and_no_longer_than_they_may_be_kept() -> None:
    ring = Ring(lease=2.0)
    vault = vault_of(ring)
    space = await pinned(vault, ANN)
    opened, first = vault.of(TEA), vault.of(TEA).until
    await eventually(lambda: vault.of(TEA).until > first)
    assert vault.of(TEA) is opened
    ring.away = True
    await eventually(lambda: not opened.texts)  # nobody asked for it meanwhile

    async def show() -> bool:
        return vault.must_show(space)

    assert not await vault.with_keys(show)
    assert read(vault, space) == [Lack.AWAY]
    with pytest.raises(Refusal, match="unavailable"):
        await pinned(vault, BOB)
    await vault.close()


async def test_keys_are_asked_for_again_also_after_an_answer_that_nobody_foresaw() -> None:
    ring = Ring()
    writer, vault = vault_of(ring), vault_of(ring)
    space = await pinned(writer, ANN)
    ring.forget()

    async def show() -> bool:
        return vault.must_show(space)

    ring.away = True
    assert not await vault.with_keys(show)
    ring.broken = True  # what asks until people is back ends with it
    asked = ring.asked
    await eventually(lambda: ring.asked > asked)
    ring.away = ring.broken = False
    assert await vault.with_keys(show)
    await vault.close()
