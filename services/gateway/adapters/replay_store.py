"""Replays and tracks in the object store, read in ranges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from libs.bus import Unavailable
from libs.refusal import Refusal

_CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's size in bytes, entity tag (quoted), and time of change."""

    size: int
    etag: str
    changed_at: datetime


class ReplayStore:
    """The store at `url`, or the folder `otherwise`. Raises ValueError for an address that is none."""

    def __init__(self, url: str | None, otherwise: Path) -> None:
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
        try:
            meta = await obstore.head_async(self._store, name)
        except (NotFoundError, FileNotFoundError):
            raise Refusal("replay_unknown", "This recording is not there any more.") from None
        except (BaseError, OSError) as error:
            raise Unavailable(f"the object store: {error}") from error
        tag = (meta["e_tag"] or f"{meta['size']:x}-{int(meta['last_modified'].timestamp() * 1000):x}").strip('"')
        return StoredObject(meta["size"], f'"{tag}"', meta["last_modified"])

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes `start` (inclusive) to `end` (exclusive), in chunks."""
        while start < end:
            upto = min(start + _CHUNK, end)
            yield bytes(await obstore.get_range_async(self._store, name, start=start, end=upto))
            start = upto
