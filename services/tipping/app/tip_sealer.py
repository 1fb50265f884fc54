"""Names in jars and words of tips: sealed before they are stored, opened when they are shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

from libs.bus import Unavailable
from libs.eventstore import Fact
from libs.keyring import Destroyed, Expired, Lock, Words, lock_name, subjects_of
from libs.keyring.client import Keyring
from libs.refusal import Refusal
from services.tipping.domain.jar import PREFIX as JAR
from services.tipping.domain.jar import Filled, Jar
from services.tipping.domain.tip import PREFIX as TIP
from services.tipping.domain.tip import Offered, Tip

_ATTEMPTS: Final = 8
_JAR: Final = "jar"
"""The unit of a person's names at providers."""

T = TypeVar("T")


class MissingKey(Exception):
    """A key must be asked for, by the name of its lock, before this can be done."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def of_jar(person_id: str) -> str:
    """The lock of somebody's jar."""
    return lock_name(f"person:{person_id}")


def of_tip(offered: Offered) -> str:
    """The lock of what is said in a tip: it goes with either of the two."""
    return between(offered.payer, offered.recipient)


def between(payer: str, recipient: str) -> str:
    """The lock of tips from one person to another."""
    return lock_name(f"person:{payer}", f"person:{recipient}")


class TipSealer:
    """Seals and opens with the keys of this process. Its methods raise MissingKey, which `with_keys` asks for."""

    lack: type[Exception] = MissingKey

    def __init__(self, keyring: Keyring, is_gone: Callable[[str], bool]) -> None:
        """`is_gone` tells who is erased: what earlier versions stored plainly of them is not read."""
        self._keyring = keyring
        self._is_gone = is_gone

    # -- opening -----------------------------------------------------------------------------------------------

    def names(self, person_id: str, jar: Jar) -> dict[str, str]:
        """The names in somebody's jar; those that were erased are left out."""
        lock = of_jar(person_id)
        opened = {provider: self._read(lock, _JAR, words, person_id) for provider, words in jar.names.items()}
        return {provider: name for provider, name in opened.items() if name}

    def name(self, tip_id: str, offered: Offered) -> str:
        """Where a tip goes; empty where it was erased."""
        return self._read(of_tip(offered), unit_of(tip_id), offered.name, offered.recipient)

    def note(self, tip_id: str, offered: Offered) -> str:
        """What the payer wrote; empty where it was erased."""
        return self._read(of_tip(offered), unit_of(tip_id), offered.note, offered.payer)

    def _read(self, lock: str, unit: str, words: Words, by: str) -> str:
        if isinstance(words, str):
            return "" if words and self._is_gone(by) else words
        try:
            return self._lock(lock).legible(words, unit) or ""
        except Expired:
            raise MissingKey(lock) from None

    # -- sealing -----------------------------------------------------------------------------------------------

    def seal(self, state: Jar | Tip, version: int, actor: str | None, facts: Sequence[Fact], /) -> Sequence[Fact]:
        """Facts as they are stored. Refuses: wrong_state for who was erased."""
        return [sealed(state.id, fact, self._put) for fact in facts]

    def _put(self, lock: str, unit: str, words: Words) -> Words:
        if not words or not isinstance(words, str):
            return words
        try:
            return self._lock(lock).seal(unit, words)
        except Destroyed:
            raise Refusal("wrong_state", "What is kept of them was erased.") from None
        except Expired:
            raise MissingKey(lock) from None

    def must_show(self, state: Jar | Tip, /) -> None:
        """Have the key here of what is shown after a decision."""
        if isinstance(state, Jar):
            self.names(state.owner, state)
        elif state.offered is not None:
            self.name(state.owner, state.offered)

    # -- keys --------------------------------------------------------------------------------------------------

    def _lock(self, name: str) -> Lock:
        lock = self._keyring.cached(*subjects_of(name))
        if lock is None:
            raise MissingKey(name)
        return lock

    async def with_keys(self, call: Callable[[], Awaitable[T]], /) -> T:
        """Do something, again and again until all the keys are here that it needs. Refuses: unavailable."""
        for _ in range(_ATTEMPTS):
            try:
                return await call()
            except MissingKey as missing:
                await self.fetch([missing.name])
        raise Refusal("unavailable", "Tips cannot be shown for a moment; try again.", retry=True)

    async def fetch(self, names: Iterable[str]) -> None:
        """Have these locks here. Refuses: unavailable."""
        try:
            await self._keyring.locks(names)
        except Unavailable as error:
            raise Refusal("unavailable", "Tips cannot be shown for a moment; try again.", retry=True) from error


def unit_of(tip_id: str) -> str:
    """The unit of a tip."""
    return f"tip/{tip_id}"


Put = Callable[[str, str, Words], Words]
"""Gives what is to stand in the place of words, given lock and unit."""


def sealed(id: str, fact: Fact, put: Put) -> Fact:
    """A fact of an aggregate as it is stored, given what seals. Raises what that does."""
    match fact:
        case Filled(names=names):
            lock = of_jar(id.removeprefix(JAR))
            return Filled(
                enabled=fact.enabled, names={provider: put(lock, _JAR, words) for provider, words in names.items()}
            )
        case Offered() as offered:
            lock, unit = of_tip(offered), unit_of(id.removeprefix(TIP))
            return Offered(
                space=offered.space, payer=offered.payer, recipient=offered.recipient, provider=offered.provider,
                name=put(lock, unit, offered.name), amount_minor=offered.amount_minor, currency=offered.currency,
                note=put(lock, unit, offered.note),
            )  # fmt: skip
        case _:
            return fact
