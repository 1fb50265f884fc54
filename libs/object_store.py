"""Objects by name: in a folder, or in a cloud's object storage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore, from_url

from libs.private_files import sync


class ObjectStoreError(Exception):
    """The object store did not do it; it may be tried again."""


class StoredObjects:
    """One store. `url` is of any kind obstore knows (file, s3, gs, az, https); a folder is made where it is missing."""

    def __init__(self, url: str) -> None:
        """Raises ObjectStoreError for an address that is none."""
        parts = urlsplit(url)
        self._folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        try:
            self._store: ObjectStore = from_url(url, mkdir=True) if self._folder else from_url(url)
        except (BaseError, ValueError, OSError) as error:
            raise ObjectStoreError(f"{url}: {_first_line(error)}") from error

    async def put(self, name: str, content: Path | bytes, media_type: str) -> None:
        """Store a file, or bytes, under a name: whole or not at all, and on the disk when this returns.

        Raises ObjectStoreError.
        """
        try:
            attributes = None if self._folder else {"Content-Type": media_type}
            await obstore.put_async(self._store, name, content, attributes=attributes)
            if self._folder is not None:
                await asyncio.to_thread(_sync, self._folder / name)
        except (BaseError, OSError, ValueError) as error:
            raise ObjectStoreError(f"{name}: {_first_line(error)}") from error

    async def fetch(self, name: str, file: Path) -> None:
        """Copy what is stored under a name into a file. Raises ObjectStoreError, OSError."""
        try:
            found = await obstore.get_async(self._store, name)
            with open(file, "wb") as out:  # noqa: ASYNC230  (pieces of a few megabytes, to this machine's disk)
                async for piece in found.stream():
                    out.write(piece)
        except (BaseError, FileNotFoundError) as error:
            raise ObjectStoreError(f"{name}: {_first_line(error)}") from error

    async def names(self, prefix: str) -> list[str]:
        """The names there are that begin like that. Raises ObjectStoreError."""
        try:
            return [meta["path"] async for page in obstore.list(self._store, prefix) for meta in page]
        except (NotFoundError, FileNotFoundError):
            return []
        except (BaseError, OSError) as error:
            raise ObjectStoreError(f"{prefix}: {_first_line(error)}") from error

    async def remove(self, names: Sequence[str]) -> None:
        """Remove what is there of these. Raises ObjectStoreError."""
        for name in names:
            try:
                await obstore.delete_async(self._store, name)
            except (NotFoundError, FileNotFoundError):
                pass  # removed before a crash
            except (BaseError, OSError) as error:
                raise ObjectStoreError(f"{name}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _sync(path: Path) -> None:
    """A local store returns when the kernel has the bytes; wait until the disk has them, and the name."""
    sync(path)
    sync(path.parent)
