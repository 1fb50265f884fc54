"""Replays and tracks in the object store, read in ranges and opened on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from contracts import object_names
from contracts.object_names import Seal
from libs.bus import Unavailable
from libs.keyring import HEADER, Destroyed, Expired, Lock, ObjectReader, ends_of, plain_length
from libs.keyring.client import Keyring
from libs.refusal import Refusal

_CHUNK: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's size in bytes once it is opened, entity tag (quoted), and time of change."""

    name: str
    size: int
    etag: str
    changed_at: datetime
    sealed_size: int


@dataclass(slots=True)
class _Sealed:
    """A sealed object that is being read."""

    name: str
    seal: Seal
    size: int
    header: bytes
    tail: bytes
    reader: ObjectReader | None = None


class ReplayStore:
    """The store at `url`, or the folder `otherwise`. Raises ValueError for an address that is none.

    What is sealed (`contracts.object_names.seal_of`) is opened with keys of `keyring`; nobody reads on once they are
    destroyed.
    """

    def __init__(self, url: str | None, otherwise: Path, keyring: Keyring) -> None:
        self._keyring = keyring
        self._store: ObjectStore
        try:
            if url is None:
                self._store = LocalStore(otherwise.resolve(), mkdir=True)
            else:
                self._store = from_url(url)
        except (BaseError, OSError) as error:
            raise ValueError(f"{url or otherwise}: {error}") from error

    async def look(self, name: str) -> StoredObject:
        """What there is of an object. Refuses: replay_unknown. Raises Unavailable."""
        seal = object_names.seal_of(name)
        if seal is not None and not (await self._lock(seal)).has(seal.unit):
            raise _gone()
        try:
            meta = await obstore.head_async(self._store, name)
        except (NotFoundError, FileNotFoundError):
            raise _gone() from None
        except (BaseError, OSError) as error:
            raise Unavailable(f"the object store: {error}") from error
        tag = (meta["e_tag"] or f"{meta['size']:x}-{int(meta['last_modified'].timestamp() * 1000):x}").strip('"')
        size = meta["size"] if seal is None else plain_length(meta["size"])
        return StoredObject(name, size, f'"{tag}"', meta["last_modified"], meta["size"])

    async def read(self, stored: StoredObject, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes `start` (inclusive) to `end` (exclusive), in chunks. What is wrong at once is raised at once.

        Refuses: replay_unknown. Raises Unavailable; the iterator raises Unavailable and Destroyed too.
        """
        if (seal := object_names.seal_of(stored.name)) is None:
            return self._plain(stored.name, start, end)
        at, size = ends_of(stored.sealed_size)
        header, tail = await self._get(stored.name, (0, HEADER), (at, size))
        sealed = _Sealed(stored.name, seal, size, bytes(header), bytes(tail))
        try:
            sealed.reader = await self._reader(sealed)
        except Destroyed:
            raise _gone() from None
        return self._opened(sealed, start, end)

    async def _plain(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        while start < end:
            upto = min(start + _CHUNK, end)
            (piece,) = await self._get(name, (start, upto))
            yield bytes(piece)
            start = upto

    async def _opened(self, sealed: _Sealed, start: int, end: int) -> AsyncIterator[bytes]:
        while start < end:
            # To the end of a chunk of the seal, so that none is opened twice.
            upto = min((start // _CHUNK + 1) * _CHUNK, end)
            reader = await self._reader(sealed)
            (box,) = await self._get(sealed.name, reader.span(start, upto))
            try:
                piece = reader.open(start, upto, box)
            except Expired:  # meanwhile
                continue
            yield piece
            start = upto

    async def _reader(self, sealed: _Sealed) -> ObjectReader:
        """The reader as it was, or where its key was dropped meanwhile and is not destroyed, another one."""
        if sealed.reader is None or not sealed.reader.holds:
            lock = await self._lock(sealed.seal)
            sealed.reader = lock.reader(sealed.seal.unit, sealed.size, sealed.header, sealed.tail)
        return sealed.reader

    async def _lock(self, seal: Seal) -> Lock:
        return await self._keyring.lock(*seal.subjects)

    async def _get(self, name: str, *spans: tuple[int, int]) -> list[memoryview]:
        try:
            starts, ends = zip(*spans, strict=True)
            found = await obstore.get_ranges_async(self._store, name, starts=starts, ends=ends)
        except (NotFoundError, FileNotFoundError):
            raise _gone() from None
        except (BaseError, OSError) as error:
            raise Unavailable(f"the object store: {error}") from error
        return [memoryview(one) for one in found]


def _gone() -> Refusal:
    return Refusal("replay_unknown", "This recording is not there any more.")
