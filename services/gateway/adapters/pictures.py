"""Pictures that people upload, made small in a process of its own; see `picture_maker`."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

from contracts.pictures import LONGEST, SIDES
from libs.bus import Unavailable
from libs.refusal import Refusal
from services.gateway.adapters import picture_maker

_PROGRAM: Final = Path(picture_maker.__file__)
_SECONDS: Final = 20.0
_AT_ONCE: Final = 1
_MOST: Final = 16
"""Pictures that are made or wait for it. Each is held in memory, up to 2 MB."""


class PictureMaker:
    """Makes the sizes of pictures, a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._taken = 0

    async def make(self, picture: bytes) -> dict[int, bytes]:
        """Each size (WebP) by its side. Refuses: invalid, too_large, unavailable (too many wait). Raises Unavailable
        where it takes too long."""
        if self._taken >= _MOST:
            detail = "Many people change their pictures just now; try again in a minute."
            raise Refusal("unavailable", detail, retry=True)
        self._taken += 1
        try:
            async with self._turns:
                # In a thread: uvloop's own subprocesses fork with locks held.
                return await asyncio.to_thread(_made, picture)
        finally:
            self._taken -= 1


def _made(picture: bytes) -> dict[int, bytes]:
    command = [sys.executable, "-I", str(_PROGRAM), str(LONGEST), *map(str, SIDES)]
    try:
        done = subprocess.run(
            command, input=picture, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/",
            timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unavailable("a picture took too long") from error
    match done.returncode:
        case 0:
            return dict(zip(SIDES, _parts(done.stdout), strict=True))
        case picture_maker.TOO_LARGE:
            raise Refusal("too_large", "This picture has too many pixels; make it smaller first.")
        case _:
            raise Refusal("invalid", "This is no picture that can be read; send a JPEG, PNG or WebP.")


def _parts(data: bytes) -> list[bytes]:
    parts = []
    while data:
        (length,) = struct.unpack("!I", data[:4])
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return parts
