"""Addresses, secrets and keys: sealed before they are stored, opened when something is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from libs.bus import Unavailable
from libs.keyring import Destroyed, Expired, Lock, Words, subjects_of
from libs.keyring.client import Keyring
from libs.refusal import Refusal

T = TypeVar("T")
_ATTEMPTS: Final = 8
PUSH_KEY: Final = "push:key"
"""The lock of the key that signs messages to browsers."""


def of_webhook(webhook: str) -> str:
    """The lock of a webhook's address and secrets."""
    return f"webhook:{webhook}"


def of_person(person_id: str) -> str:
    """The lock of somebody's browsers: it goes with them."""
    return f"person:{person_id}"


def unit_of_url(number: int) -> str:
    """The unit of a webhook's address."""
    return f"url/{number}"


def unit_of_secret(number: int) -> str:
    """The unit of a secret."""
    return f"secret/{number}"


def unit_of_subscription(subscription: str) -> str:
    """The unit of a browser."""
    return f"push/{subscription}"


class Sealer:
    """Seals and opens with the keys of this process. Refuses: unavailable, while they cannot be had."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def seal(self, lock: str, unit: str, text: str) -> Words:
        """Words as they are stored. Refuses: wrong_state for whose key was destroyed."""
        try:
            return await self._with(lock, lambda keys: keys.seal(unit, text))
        except Destroyed:
            raise Refusal("wrong_state", "What is kept of this was erased.") from None

    async def read(self, lock: str, unit: str, words: Words) -> str | None:
        """What was sealed; None where its key was destroyed."""
        return await self._with(lock, lambda keys: keys.legible(words, unit))

    async def _with(self, lock: str, work: Callable[[Lock], T]) -> T:
        for _ in range(_ATTEMPTS):
            try:
                return work(await self._keyring.lock(*subjects_of(lock)))
            except Expired:
                continue
            except Unavailable as error:
                raise Refusal("unavailable", "Keys cannot be had for a moment; try again.", retry=True) from error
        raise Refusal("unavailable", "Keys change too fast; try again.", retry=True)
