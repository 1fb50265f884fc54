"""A recognition process: `python -m services.transcription.adapters.worker`. Ends when its input does.

A process and not a thread, because the recogniser keeps the interpreter lock. It holds nothing that cannot be heard
again, so it may die at any time.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path
from typing import Final

from contracts import capture
from services.transcription.adapters.ear import Ear
from services.transcription.adapters.messages import (
    Answer,
    Bad,
    Feed,
    Flush,
    Forget,
    Heard,
    Start,
    Tuning,
    frame,
    read_request,
)
from services.transcription.adapters.recogniser import Recognisers

_YEAR_2100_NS: Final = 4_102_444_800 * 10**9


class Worker:
    """Answers requests one after another."""

    def __init__(self) -> None:
        self._recognisers: Recognisers
        self._tuning = Tuning()
        self._ears: dict[int, Ear] = {}

    def answer(self, request: Start | Feed | Flush | Forget) -> Answer:
        """Do what is asked."""
        match request:
            case Feed():
                try:
                    bundle = capture.decode(request.body)
                except ValueError as error:
                    return Bad(str(error))
                if bundle.base_ns >= _YEAR_2100_NS:
                    return Bad("captured in a distant future")
                ear = self._ears.get(request.ear)
                if ear is None:
                    ear = self._ears[request.ear] = Ear(self._recognisers, self._tuning)
                return ear.hear(request.sequence, bundle)
            case Flush():
                known = self._ears.get(request.ear)
                return Heard() if known is None else known.flush(request.sequence)
            case Forget():
                gone = self._ears.pop(request.ear, None)
                if gone is not None:
                    gone.flush(0)
                return Heard()
            case Start():
                self._tuning = request.tuning
                try:
                    self._recognisers = Recognisers(request.decoders, Path(request.model) if request.model else None)
                except RuntimeError as error:
                    return Bad(str(error))
                return Heard()


def main() -> None:
    """Serve the socket until it closes."""
    # The terminal's Ctrl-C is for the service, which closes the socket when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = Worker()
    with open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as answers, contextlib.suppress(BrokenPipeError):
        while (request := read_request(sys.stdin.buffer)) is not None:
            answers.write(frame(worker.answer(request)))


if __name__ == "__main__":
    main()
