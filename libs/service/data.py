"""Whether the data of a service is still where it was opened.

A file that was removed or replaced while it is open takes writes all the same, and they are lost.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_LOOK_EVERY: Final = 0.25


class DataGone(Exception):
    """The data was removed or replaced under the running service; the text names what."""


class FileIdentities:
    """Files and folders as they are now; those that are not there are left out."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = {path: found for path in paths if (found := _identity(path)) is not None}

    def check(self) -> None:
        """Raises DataGone where one of them is not the same any more."""
        for path, identity in self._paths.items():
            if _identity(path) != identity:
                raise DataGone(f"{path} was removed or replaced while in use; nothing more can be kept there")


async def watch(paths: Iterable[Path]) -> None:
    """Look for ever. Raises DataGone within half a second of the change."""
    kept = FileIdentities(paths)
    while True:
        kept.check()
        await asyncio.sleep(_LOOK_EVERY)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
