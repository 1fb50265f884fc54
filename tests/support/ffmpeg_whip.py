"""Publishes a tone with FFmpeg's WHIP muxer. A program of its own: PyAV holds the interpreter while FFmpeg connects.

    python -m tests.support.ffmpeg_whip URL HERTZ [OPTION=VALUE ...]

It ends when its standard input does, and prints each Opus packet that it sent, in hexadecimal.
"""

from __future__ import annotations

import asyncio
import fractions
import select
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import av.logging
import numpy as np
from aiortc import RTCCertificate
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.waiting import LIMIT

RATE: Final = 48_000
_FRAME: Final = 960
_ROOT: Final = Path(__file__).parents[2]


class FFmpeg:
    """One publisher."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.sent: set[bytes] = set()
        """Its Opus packets, known when it has ended."""
        self._process = process
        self._ending = asyncio.create_task(process.communicate())

    async def failed(self, within: float = LIMIT) -> str:
        """Waits until it gives up; what it says then."""
        async with asyncio.timeout(within):
            _, words = await self._ending
        assert self._process.returncode != 0, "it published"
        return words.decode()

    async def stop(self) -> None:
        """Has it say goodbye and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        async with asyncio.timeout(LIMIT):
            out, words = await self._ending
        assert self._process.returncode == 0, words.decode()[-2000:]
        self.sent |= {bytes.fromhex(line) for line in out.decode().split()}

    async def end(self) -> None:
        """Kills it where it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            print((await self._ending)[1].decode()[-2000:], file=sys.stderr)


@asynccontextmanager
async def ffmpeg(url: str, token: str, hertz: int, options: Mapping[str, str]) -> AsyncIterator[FFmpeg]:
    """FFmpeg publishing a tone inside, with these options of the muxer."""
    program = (sys.executable, "-m", "tests.support.ffmpeg_whip", url, str(hertz), f"authorization={token}")
    given = [f"{name}={value}" for name, value in options.items()]
    process = await asyncio.create_subprocess_exec(*program, *given, cwd=_ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    publisher = FFmpeg(process)
    try:
        yield publisher
    finally:
        await publisher.end()


def certificate(folder: Path) -> dict[str, str]:
    """The options for a certificate on P-256, made in a folder.

    The one that FFmpeg makes where it is built with GnuTLS is on P-224, which OpenSSL 4 does not take any more. Built
    with OpenSSL, it needs none.
    """
    made = RTCCertificate.generateCertificate()
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made._cert.public_bytes(Encoding.PEM))
    key.write_bytes(made._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"cert_file": str(cert), "key_file": str(key)}


def main(url: str, hertz: float, options: dict[str, str]) -> None:
    """Publish at the pace of the clock until told to stop."""
    # The muxer takes 48 kHz and stereo only.
    with av.open(url, "w", format="whip", options=options) as container:
        stream: Any = container.add_stream("libopus", rate=RATE, layout="stereo")
        stream.bit_rate = 32_000
        began = 0.0
        number = 0
        due = 0.0
        while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            at = (np.arange(_FRAME) + number * _FRAME) / RATE
            samples = np.repeat((0.3 * 32767 * np.sin(2 * np.pi * hertz * at)).astype(np.int16), 2)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate = RATE
            frame.pts = number * _FRAME
            frame.time_base = fractions.Fraction(1, RATE)
            for packet in stream.encode(frame):
                print(bytes(packet).hex(), flush=True)
                container.mux(packet)  # connects with the first one
                began = began or time.monotonic() - number * 0.02
            number += 1
            due = began + number * 0.02


if __name__ == "__main__":
    av.logging.set_level(av.logging.ERROR)
    main(sys.argv[1], float(sys.argv[2]), dict(option.split("=", 1) for option in sys.argv[3:]))
