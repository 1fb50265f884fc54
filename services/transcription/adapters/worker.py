"""A recognition process: `python -m services.transcription.adapters.worker`. Ends when its input does.

A process and not a thread, because engines may keep the interpreter lock. All it knows can be recognised again, so it
may die at any time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from io import RawIOBase
from pathlib import Path
from typing import Final

from contracts import capture
from services.transcription.adapters.messages import (
    Close,
    Flush,
    HearBundle,
    Notice,
    PartialShown,
    Rejected,
    Request,
    Results,
    Start,
    Tuning,
    Working,
    frame,
    read_request,
)
from services.transcription.adapters.recognition import Recognition
from services.transcription.adapters.segmenter import Segmenter
from services.transcription.engines import Hints, ModelError, Recogniser
from services.transcription.engines.choosing import find

_YEAR_2100_NS: Final = 4_102_444_800 * 10**9


class Worker:
    """Segments what it is fed, and has another thread recognise it."""

    def __init__(self, notices: RawIOBase) -> None:
        self._notices = notices
        self._writing = threading.Lock()
        self._recogniser: Recogniser
        self._recognition = Recognition(lambda utterance: self._tell(Working(utterance)), _die)
        self._tuning = Tuning()
        self._segmenters: dict[int, Segmenter] = {}

    def take(self, request: Request) -> None:
        """Do what is asked, and answer when it is done."""
        match request:
            case HearBundle():
                self._hear(request)
            case Flush():
                known = self._segmenters.get(request.session)
                if known is None:
                    self._tell(Results(session=request.session))
                else:
                    known.flush(request.sequence, self._tell, request.given_up)
            case Close():
                closed = self._segmenters.pop(request.session, None)
                if closed is not None:
                    closed.close()
                self._tell(Results(session=request.session))
            case Start():
                self._tuning = request.tuning
                try:
                    folder = Path(request.model) if request.model else None
                    _, model = find(request.engine, folder, Path(request.var))
                    self._recogniser = model.load(request.live)
                except ModelError as error:
                    self._tell(Rejected(request.session, str(error)))
                else:
                    self._tell(Results(session=request.session))

    def _hear(self, request: HearBundle) -> None:
        try:
            bundle = capture.decode(request.body)
        except ValueError as error:
            self._tell(Rejected(request.session, str(error)))
            return
        if bundle.base_ns >= _YEAR_2100_NS:
            self._tell(Rejected(request.session, "captured in a distant future"))
            return
        segmenter = self._segmenters.get(request.session)
        if segmenter is None:
            queue = self._recognition.queue(self._recogniser.session())
            segmenter = self._segmenters[request.session] = Segmenter(
                request.session,
                queue,
                self._tuning,
                lambda partial: self._tell(PartialShown(request.session, partial)),
            )
        hints = Hints(request.lang, request.vocabulary)
        segmenter.feed(request.sequence, bundle, self._tell, hints, request.given_up)

    def _tell(self, notice: Notice) -> None:
        rest = memoryview(frame(notice))
        with self._writing, contextlib.suppress(BrokenPipeError):
            while rest:
                rest = rest[self._notices.write(rest) :]


def _die() -> None:
    """End at once, as a process does whose main thread fails; the traceback is printed meanwhile."""
    threading.Timer(0.1, os._exit, [1]).start()


def main() -> None:
    """Serve the socket until it closes."""
    # The terminal's Ctrl-C is for the service, which closes the socket when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as notices:
        worker = Worker(notices)
        # A service that was killed may leave something unread.
        with contextlib.suppress(ConnectionResetError):
            while (request := read_request(sys.stdin.buffer)) is not None:
                worker.take(request)
    # Not as the interpreter ends, which waits for what is being decoded: nobody is there to be told.
    os._exit(0)


if __name__ == "__main__":
    main()
