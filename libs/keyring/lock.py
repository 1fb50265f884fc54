"""A lock as a process holds it: its keys are derived locally, and only for as long as it may."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from weakref import WeakSet

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.keyring.errors import Destroyed, Expired, Tampered
from libs.keyring.objects import ObjectReader, ObjectWriter
from libs.keyring.sealing import Sealed, Words, nonce_of, open_box, seal
from libs.keyring.tree import Tree
from libs.keyring.unit import UnitKey

_log = logging.getLogger(__name__)
_CIPHERS: Final = 256
"""Units whose derived cipher is kept: what is open at one time of one lock."""


class Lock:
    """Seals and opens what belongs to one lock's subjects.

    Usable until `until` on the clock `now` (None: until `drop`). Every method raises Expired after that, and Destroyed
    where the unit's key is gone.
    """

    def __init__(
        self, name: str, tree: Tree | None, *, until: float | None = None, now: Callable[[], float] = lambda: 0.0
    ) -> None:
        """`tree` None: a subject of the lock was destroyed."""
        self.name = name
        self.until = until
        self._tree: Tree | None = tree
        self._now = now
        self._dropped = False
        self._ciphers: OrderedDict[str, AESGCM] = OrderedDict()
        self._readers: WeakSet[ObjectReader] = WeakSet()

    @property
    def holds(self) -> bool:
        """Whether this process may still use it."""
        return not self._dropped and (self.until is None or self._now() < self.until)

    @property
    def destroyed(self) -> bool:
        """Whether nothing can be sealed or opened with it any more, since a subject of it was destroyed."""
        return not self._dropped and (self._tree is None or not len(self._tree))

    def has(self, unit: str) -> bool:
        """Whether what was sealed for a unit can still be opened."""
        return not self._dropped and self._tree is not None and self._tree.has(unit)

    def seal(self, unit: str, text: str) -> Sealed:
        """Seal words for a unit."""
        return Sealed(unit=unit, box=seal(self._cipher(unit), self._name_of(unit), text.encode()))

    def seal_alike(self, unit: str, text: str) -> Sealed:
        """The same, and the same words of a unit are sealed as the same bytes, whoever does it: they stay equal."""
        plain = text.encode()
        box = seal(self._cipher(unit), self._name_of(unit), plain, nonce_of(self._key(unit), plain))
        return Sealed(unit=unit, box=box)

    def read(self, words: Words, unit: str) -> str:
        """What somebody wrote in a unit; a plain text of an earlier version is given back as it is.

        Raises Tampered where it was sealed for another unit or lock, or changed since.
        """
        if isinstance(words, str):
            return words
        if words.unit != unit:
            raise Tampered(f"sealed for {words.unit}, found in the place of {unit}")
        return open_box(self._cipher(unit), self._name_of(unit), words.box).decode()

    def legible(self, words: Words, unit: str) -> str | None:
        """The same; None where the words are gone, be it that they were erased or that the store is damaged.

        For whoever goes through much that is stored: one damaged row must not keep everything behind it from being
        told. It is logged.
        """
        try:
            return self.read(words, unit)
        except Destroyed:
            return None
        except Tampered as error:
            _log.error("words in %s cannot be read", self.name, extra={"why": str(error)})
            return None

    def seal_bytes(self, unit: str, data: bytes) -> bytes:
        """Seal bytes for a unit: a message of a stream, say. Larger ones are objects."""
        return seal(self._cipher(unit), self._name_of(unit), data)

    def open_bytes(self, unit: str, box: bytes) -> bytes:
        """What `seal_bytes` sealed. Raises Tampered."""
        return open_box(self._cipher(unit), self._name_of(unit), box)

    def writer(self, unit: str) -> ObjectWriter:
        """Seals one object of a unit as its bytes come."""
        return ObjectWriter(self._key(unit), self._name_of(unit))

    def reader(self, unit: str, size: int, header: bytes, tail: bytes) -> ObjectReader:
        """Opens ranges of one object of a unit, for as long as the lock holds; see `ObjectReader`. Raises Tampered."""
        reader = ObjectReader(self._key(unit), self._name_of(unit), size, header, tail)
        self._readers.add(reader)
        return reader

    def key_of(self, unit: str) -> UnitKey:
        """The key of one unit alone, for a process that this one starts and ends: nobody takes it from there."""
        return UnitKey(self._name_of(unit), self._key(unit))

    def renew(self, tree: Tree | None, until: float) -> None:
        """Go on with the keys as they are now, until then."""
        if tree != self._tree:
            self._forget()
        self._tree, self.until = tree, until

    def drop(self) -> None:
        """Forget every key; whoever still holds this object can do nothing with it."""
        self._dropped = True
        self._tree = None
        self._forget()

    def _forget(self) -> None:
        self._ciphers.clear()
        for reader in self._readers:
            reader.drop()
        self._readers.clear()

    def _name_of(self, unit: str) -> bytes:
        return f"rostrum\0{self.name}\0{unit}".encode()

    def _key(self, unit: str) -> bytes:
        if not self.holds:
            self.drop()
            raise Expired(f"the lock {self.name} must be asked for again")
        if self._tree is None:
            raise Destroyed(f"the keys of {self.name} are destroyed")
        return self._tree.key(unit)

    def _cipher(self, unit: str) -> AESGCM:
        if not self.holds or (cipher := self._ciphers.get(unit)) is None:
            cipher = AESGCM(self._key(unit))
            self._ciphers[unit] = cipher
            if len(self._ciphers) > _CIPHERS:
                self._ciphers.popitem(last=False)
        return cipher
