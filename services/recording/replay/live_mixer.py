"""The process that mixes Spaces while they run: all of them in one, and none of it in the service's own.

It is told what is captured, opened, and gives back parts; it has no keys and no files. Both ways go messages of
`msgspec`, each after its length. It ends with its parent, which holds the other end of its input.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from queue import Full, Queue
from typing import IO, TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from services.recording.replay.live import LiveMix

_log = logging.getLogger(__name__)
_LENGTH: Final = struct.Struct("<I")
_LONGEST: Final = 1024 * 1024
_WAITING: Final = 20_000
"""Messages that wait for the process at most: minutes of many speakers."""


class Begin(msgspec.Struct, tag=True, frozen=True):
    """Mix a Space; again begins anew."""

    space_id: str
    began_ns: int
    run: int
    """Of which run of parts the parts are."""
    next: int
    """The part to make first."""
    warm: bool = True
    """Whether what was said before that part is told too, so that levels are what they were."""


class Take(msgspec.Struct, tag=True, frozen=True):
    """A bundle of a speaker (`contracts.capture`), opened."""

    space_id: str
    person_id: str
    session_id: str
    body: bytes


class Advance(msgspec.Struct, tag=True, frozen=True):
    """Everything that was said in a Space before a moment is there; with `end`, nothing comes after it."""

    space_id: str
    until_ns: int
    end: bool = False


class Drop(msgspec.Struct, tag=True, frozen=True):
    """Forget a Space."""

    space_id: str


class Made(msgspec.Struct, tag=True, frozen=True):
    """A part is made."""

    space_id: str
    run: int
    number: int
    part: bytes


class Over(msgspec.Struct, tag=True, frozen=True):
    """The last part of a Space was made."""

    space_id: str
    run: int


class Header(msgspec.Struct, tag=True, frozen=True):
    """The header of all parts; told first."""

    header: bytes


ToMixer = Begin | Take | Advance | Drop
FromMixer = Made | Over | Header
_encoder = msgspec.msgpack.Encoder()


class LiveMixer:
    """A running process. `heard` is called from a thread with it and what it tells, at last None."""

    def __init__(self, heard: Callable[[LiveMixer, FromMixer | None], object]) -> None:
        self._heard = heard
        self._requests: Queue[bytes | None] = Queue(_WAITING)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for work in (self._write, self._read):
            threading.Thread(target=work, name="live mix", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def busy(self) -> bool:
        """Whether much of what it was told waits for it."""
        return self._requests.qsize() > _WAITING // 2

    def tell(self, request: ToMixer) -> None:
        """Tell it something; it is ended where it has not listened for long."""
        try:
            self._requests.put_nowait(_encoder.encode(request))
        except Full:
            if self.end():
                _log.error("the live mix does not keep up: it begins anew")

    def end(self) -> bool:
        """End the process; whether it was running."""
        if self._process.poll() is not None:
            return False
        self._process.kill()
        return True

    def close(self) -> None:
        """End the process, and wait until it has ended."""
        self.end()
        self._process.wait()
        self._write_no_more()

    def _write_no_more(self) -> None:
        with contextlib.suppress(Full):  # whoever writes finds the pipe closed
            self._requests.put_nowait(None)

    def _write(self) -> None:
        assert self._process.stdin is not None
        try:
            while (request := self._requests.get()) is not None:
                self._process.stdin.write(_LENGTH.pack(len(request)) + request)
                if self._requests.empty():
                    self._process.stdin.flush()
        except OSError:
            self.end()

    def _read(self) -> None:
        assert self._process.stdout is not None
        decoder = msgspec.msgpack.Decoder(FromMixer)
        for message in _messages(self._process.stdout):
            self._heard(self, decoder.decode(message))
        self._process.wait()
        self._write_no_more()
        self._heard(self, None)


def _messages(pipe: IO[bytes]) -> Iterator[bytes]:
    while len(head := pipe.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        message = pipe.read(length) if length <= _LONGEST else b""
        if len(message) < length:
            return
        yield message


def _main() -> None:
    from services.recording.replay import fragments
    from services.recording.replay.live import LiveMix

    def tell(told: FromMixer) -> None:
        message = _encoder.encode(told)
        sys.stdout.buffer.write(_LENGTH.pack(len(message)) + message)
        sys.stdout.buffer.flush()

    os.nice(5)
    tell(Header(fragments.header()))
    mixes: dict[str, tuple[int, LiveMix]] = {}
    decoder = msgspec.msgpack.Decoder(ToMixer)
    for message in _messages(sys.stdin.buffer):
        request = decoder.decode(message)
        if isinstance(request, Begin):
            mixes[request.space_id] = request.run, LiveMix(request.began_ns, request.next, warm=request.warm)
        elif (known := mixes.get(request.space_id)) is not None:
            try:
                _follow(request, *known, tell)
                over = isinstance(request, Drop) or (isinstance(request, Advance) and request.end)
            except BrokenPipeError:
                raise  # nobody hears what it tells
            except Exception:  # noqa: BLE001  (whatever is wrong with one Space, the others are mixed on)
                over = True
                sys.stderr.write(f"the live mix of {request.space_id} is given up: {traceback.format_exc()}\n")
            if over:
                del mixes[request.space_id]


def _follow(request: Take | Advance | Drop, run: int, live: LiveMix, tell: Callable[[FromMixer], None]) -> None:
    if isinstance(request, Take):
        try:
            live.take(request.person_id, request.session_id, request.body)
        except ValueError as error:
            sys.stderr.write(f"a bundle is left out: {error}\n")
    elif isinstance(request, Advance):
        for number, part in live.advance(request.until_ns, end=request.end):
            tell(Made(request.space_id, run, number, part))
        if request.end:
            for number, part in live.end():
                tell(Made(request.space_id, run, number, part))
            tell(Over(request.space_id, run))


if __name__ == "__main__":
    _main()
