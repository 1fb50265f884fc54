"""The thread of a worker process that recognises, and what is asked of it, by speaker.

Finals come first, then the first words of an utterance, then what may soon be a final, then all else: when the core is
short, partial results slow down, and when it is shorter still they stop. Finals are never left out. While somebody
waits to see their first words, no other partial result is begun, since one that is under way cannot be interrupted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Final

from services.transcription.engines import Hints, Recognised, Session

_FIRST_WORDS_S: Final = 1.0
"""How long others' partial results wait for the first words of somebody who began to speak."""


class _Urgency(IntEnum):
    """What is done first."""

    FINAL = 0
    FIRST = 1
    """The first partial result of an utterance: it takes little, and somebody waits to see that they are heard."""
    PAUSE = 2
    PARTIAL = 3
    OTHER = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said in an utterance that is over."""

    recognised: Recognised
    waited_s: float
    """From the end of the utterance until this was known."""


class Recognition:
    """The thread. Queues are filled from another one."""

    def __init__(
        self,
        working: Callable[[int | None], None],
        failed: Callable[[], None],
        first_words_within: float = _FIRST_WORDS_S,
    ) -> None:
        """`working` is told the number of the utterance that it works on, and None when it is done with it.

        `failed` is called where the engine raises something, of which nothing good can come. For `first_words_within`
        seconds the partial results of others wait for the first words of whoever began to speak.
        """
        self._first_words_within = first_words_within
        self._working = working
        self._failed = failed
        self._changed = threading.Condition()
        self._waiting: list[SpeakerQueue] = []
        self._beginning: dict[SpeakerQueue, float] = {}
        """Whose first words are not shown yet, and until when others wait for them."""
        self._at_work = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="recognition", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop when what is under way is done; what waits is left undone."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()

    def settle(self) -> None:
        """Wait until all that was asked so far is done."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._at_work)

    def queue(self, session: Session) -> SpeakerQueue:
        """Recognise one more speaker."""
        return SpeakerQueue(session, self._changed, self._waiting, self._beginning, self._first_words_within)

    def _run(self) -> None:
        try:
            while (queue := self._next()) is not None:
                with self._changed:
                    utterance, work = queue.take()
                self._working(utterance)
                for task in work:
                    task()
                self._working(None)
                with self._changed:
                    self._at_work = False
                    self._changed.notify_all()
        except BaseException:
            self._failed()
            raise

    def _next(self) -> SpeakerQueue | None:
        """The queue that is most urgent; None at the end."""
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            if self._ended:
                return None
            queue = min(self._waiting, key=lambda queue: queue.urgency)
            self._waiting.remove(queue)
            self._at_work = True
            return queue


class SpeakerQueue:
    """What is asked for one speaker. The engine does it later, in order."""

    def __init__(
        self,
        session: Session,
        changed: threading.Condition,
        waiting: list[SpeakerQueue],
        beginning: dict[SpeakerQueue, float],
        first_words_within: float,
    ) -> None:
        self._session = session
        self._changed = changed
        self._waiting = waiting
        self._beginning = beginning
        self._first_words_within = first_words_within
        self._utterance = 0
        self._work: list[Callable[[], None]] = []
        self._finals = 0
        """How many there are among the work."""
        self._wanted: _Urgency = _Urgency.OTHER
        """A pause or a partial result, after all the work."""
        self._since = 0.0
        self._partial = ""
        """What was shown last."""
        self._show: Callable[[str], None] = _nowhere
        self._paused = False
        """Nothing was heard since the speaker paused."""
        self._busy = False
        """A partial result is under way."""
        self._took_s = 0.0

    def begin(self, utterance: int, hints: Hints, show: Callable[[str], None]) -> None:
        """Start an utterance. What the last one showed is forgotten at once, before the engine begins.

        `show` is called with every new partial result, in another thread, until `final` or `drop`.
        """
        with self._changed:
            self._utterance = utterance
            self._partial = ""
            self._show = show
            self._beginning[self] = time.monotonic() + self._first_words_within
            self._add(lambda: self._session.begin(hints))

    def hear(self, pcm: bytes) -> None:
        """Hear more of it. What was to be prepared for a pause is not needed any more."""
        with self._changed:
            if self._wanted == _Urgency.PAUSE:
                self._wanted = _Urgency.OTHER
            self._paused = False
            self._add(lambda: self._session.feed(pcm))

    def ask_partial(self) -> bool:
        """Ask for a partial result, of what will then have been heard.

        False while one is under way, and while somebody else waits for their first words; then ask again later.
        """
        with self._changed:
            if self._busy or self._wanted != _Urgency.OTHER or (self._partial and self._others_begin()):
                return False
            self._wanted = _Urgency.PARTIAL
            self._add()
            return True

    @property
    def has_shown(self) -> bool:
        """Whether there were words to show of the utterance."""
        return bool(self._partial)

    @property
    def partial_took_s(self) -> float:
        """What the last partial result took, in seconds of the processor."""
        return self._took_s

    def pause(self) -> None:
        """Prepare the final result: the speaker paused."""
        with self._changed:
            self._paused = True
            self._wanted = _Urgency.PAUSE
            self._add()

    def final(self) -> Future[Outcome]:
        """End the utterance. What is wanted of it besides is left out."""
        outcome: Future[Outcome] = Future()
        asked, paused = time.monotonic(), self._paused

        def final() -> None:
            if paused:
                self._session.pause()  # where there was no time for it
            recognised = self._session.final()
            outcome.set_result(Outcome(recognised, time.monotonic() - asked))

        with self._changed:
            self._over()
            self._finals += 1
            self._add(final)
        return outcome

    def drop(self) -> None:
        """Give up the utterance, if there is one, and whatever is wanted of it."""
        with self._changed:
            self._over()
            self._add(self._session.drop)

    def _over(self) -> None:
        self._wanted = _Urgency.OTHER
        self._show = _nowhere
        self._beginning.pop(self, None)

    def _others_begin(self) -> bool:
        now = time.monotonic()
        return any(now < until for queue, until in self._beginning.items() if queue is not self)

    def _add(self, *work: Callable[[], None]) -> None:
        if self not in self._waiting:
            self._since = time.monotonic()
            self._waiting.append(self)
        self._work += work
        self._changed.notify_all()

    @property
    def urgency(self) -> tuple[_Urgency, float]:
        """How urgent it is; the smallest comes first."""
        if self._finals:
            return _Urgency.FINAL, self._since
        first = self._wanted == _Urgency.PARTIAL and not self._partial
        return (_Urgency.FIRST if first else self._wanted), self._since

    def take(self) -> tuple[int, list[Callable[[], None]]]:
        """What is to be done now, and in which utterance."""
        work = self._work
        if self._wanted == _Urgency.PAUSE:
            work.append(self._session.pause)
        elif self._wanted == _Urgency.PARTIAL:
            self._busy = True
            work.append(partial(self._renew, self._utterance))
        self._work, self._finals, self._wanted = [], 0, _Urgency.OTHER
        return self._utterance, work

    def _renew(self, utterance: int) -> None:
        began_s = time.process_time()
        text = self._session.partial()
        with self._changed:
            self._took_s = time.process_time() - began_s
            self._busy = False
            # Meanwhile it may be over, and the next one may have begun.
            if utterance != self._utterance or not text or text == self._partial:
                return
            self._partial, show = text, self._show
            self._beginning.pop(self, None)
        show(text)


def _nowhere(_: str) -> None:
    pass
