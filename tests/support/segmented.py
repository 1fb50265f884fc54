"""A session that is segmented and recognised in this process, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from contracts.capture import Bundle, decode
from services.transcription.adapters.messages import FinalResult, PartialResult, Results, Tuning
from services.transcription.adapters.recognition import Recognition
from services.transcription.adapters.segmenter import Segmenter
from services.transcription.engines import NO_HINTS, Hints, Session


def _nothing(_: int | None = None) -> None:
    pass


@dataclass(frozen=True)
class Step:
    """What came of one bundle."""

    results: Results
    partials: list[PartialResult]

    @property
    def finals(self) -> tuple[FinalResult, ...]:
        return self.results.finals

    @property
    def needed(self) -> int | None:
        return self.results.needed

    @property
    def partial(self) -> PartialResult | None:
        """What is shown in the end."""
        return self.partials[-1] if self.partials else None


class Segmented:
    """What a worker process does for one session; every step waits until nothing is left to do."""

    def __init__(self, session: Session, tuning: Tuning | None = None, hints: Hints = NO_HINTS) -> None:
        self._recognition = Recognition(_nothing, _nothing)
        self._partials: list[PartialResult] = []
        self._speaker = self._recognition.queue(session)
        self._hints = hints
        self._begin(tuning or Tuning())

    def _begin(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._segmenter = Segmenter(0, self._speaker, tuning, self._partials.append)

    def feed(self, sequence: int, bundle: Bundle, given_up: tuple[int, ...] = ()) -> Step:
        answers: list[Results] = []
        self._segmenter.feed(sequence, bundle, answers.append, self._hints, given_up)
        self._recognition.settle()
        (answer,) = answers
        step = Step(answer, self._partials.copy())
        self._partials.clear()
        return step

    def flush(self, sequence: int) -> Results:
        answers: list[Results] = []
        self._segmenter.flush(sequence, answers.append)
        self._recognition.settle()
        (answer,) = answers
        return answer

    def finals(self, bodies: Iterable[bytes]) -> list[FinalResult]:
        """All that is said in these bundles. Nothing is shown before, which would take most of the time."""
        self._begin(msgspec.structs.replace(self._tuning, partial_every_s=math.inf, first_every_s=math.inf))
        return [final for n, body in enumerate(bodies, 1) for final in self.feed(n, decode(body)).finals]
