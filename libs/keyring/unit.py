"""The key of one unit, as it is handed to a process that may have this one and no other."""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.keyring.objects import ObjectReader, ObjectWriter
from libs.keyring.sealing import open_box


class UnitKey(NamedTuple):
    """Opens and seals what belongs to one unit. Whoever has it is ended before the unit is said to be forgotten."""

    name: bytes
    key: bytes

    def open_bytes(self, box: bytes) -> bytes:
        """What `Lock.seal_bytes` sealed. Raises Tampered."""
        return open_box(AESGCM(self.key), self.name, box)

    def writer(self) -> ObjectWriter:
        """Seals one object as its bytes come."""
        return ObjectWriter(self.key, self.name)

    def reader(self, size: int, header: bytes, tail: bytes) -> ObjectReader:
        """Opens ranges of one object; see `ObjectReader`. Raises Tampered."""
        return ObjectReader(self.key, self.name, size, header, tail)
