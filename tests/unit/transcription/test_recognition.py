"""What is recognised first when several things wait."""

from __future__ import annotations

import threading
import time

import pytest

from services.transcription.adapters.recognition import Recognition, SpeakerQueue
from services.transcription.engines import NO_HINTS, Hints, Recognised, Session
from tests.support.waiting import LIMIT


class Noted(Session):
    """A session that notes what is asked of it, and waits where it is told to."""

    def __init__(self, name: str, done: list[str], go_on: threading.Event | None = None) -> None:
        self._name = name
        self._done = done
        self._go_on = go_on
        self._heard = 0

    def begin(self, hints: Hints = NO_HINTS) -> None:
        self._heard = 0

    def feed(self, samples: bytes) -> None:
        self._heard += 1

    def partial(self) -> str:
        self._note("partial")
        return f"{self._name} {self._heard}"

    def pause(self) -> None:
        self._note("pause")

    def final(self) -> Recognised:
        self._note("final")
        return Recognised(self._name)

    def drop(self) -> None:
        pass

    def _note(self, what: str) -> None:
        if self._go_on is not None:
            assert self._go_on.wait(LIMIT)
        self._done.append(f"{what} of {self._name}")


@pytest.fixture
def done() -> list[str]:
    return []


def test_finals_come_before_first_words_these_before_what_may_be_a_final_and_all_before_more_words(
    done: list[str],
) -> None:
    go_on = threading.Event()
    recognition = Recognition(lambda _: None, lambda: None, first_words_within=0.0)
    shown: list[str] = []

    def speaking(name: str, session: Session) -> SpeakerQueue:
        speaker = recognition.queue(session)
        speaker.begin(1, NO_HINTS, shown.append)
        speaker.hear(b"\0\0")
        recognition.settle()
        return speaker

    more, pausing, first, over = (speaking(name, Noted(name, done)) for name in ("more", "pausing", "first", "over"))
    assert more.ask_partial()
    recognition.settle()
    done.clear()
    busy = speaking("busy", Noted("busy", done, go_on))
    busy.final()
    # All of these wait now.
    more.hear(b"\0\0")
    assert more.ask_partial()
    pausing.pause()
    assert first.ask_partial()
    outcome = over.final()
    go_on.set()
    assert outcome.result(LIMIT).recognised.text == "over"
    recognition.settle()
    recognition.stop()
    assert done == ["final of busy", "final of over", "partial of first", "pause of pausing", "partial of more"]
    assert shown == ["more 1", "first 1", "more 2"]
    assert first.has_shown
    assert not over.has_shown


def test_the_words_of_others_wait_for_somebodys_first_words(done: list[str]) -> None:
    recognition = Recognition(lambda _: None, lambda: None, first_words_within=60.0)
    shown: list[str] = []
    talking, beginning, silent = (recognition.queue(Noted(name, done)) for name in ("talking", "beginning", "silent"))
    talking.begin(1, NO_HINTS, shown.append)
    assert talking.ask_partial()
    recognition.settle()
    beginning.begin(1, NO_HINTS, shown.append)
    silent.begin(1, NO_HINTS, shown.append)
    assert not talking.ask_partial()
    assert beginning.ask_partial()
    recognition.settle()
    assert not talking.ask_partial(), "silent has not shown anything"
    assert not beginning.ask_partial(), "it has shown its first words"
    # What was no speech is not waited for.
    silent.drop()
    assert talking.ask_partial()
    assert beginning.ask_partial()
    recognition.settle()
    beginning.begin(2, NO_HINTS, shown.append)
    assert not talking.ask_partial()
    assert beginning.final().result(LIMIT).recognised.text == "beginning"
    assert talking.ask_partial()
    recognition.settle()
    recognition.stop()


def test_the_words_of_others_wait_no_longer_than_that(done: list[str]) -> None:
    recognition = Recognition(lambda _: None, lambda: None, first_words_within=0.0)
    talking, beginning = (recognition.queue(Noted(name, done)) for name in ("talking", "beginning"))
    talking.begin(1, NO_HINTS, lambda _: None)
    assert talking.ask_partial()
    recognition.settle()
    beginning.begin(1, NO_HINTS, lambda _: None)
    assert talking.ask_partial()
    recognition.settle()
    recognition.stop()


def test_where_the_core_is_short_partial_results_slow_down_then_stop_and_every_final_comes(done: list[str]) -> None:
    go_on = threading.Event()
    recognition = Recognition(lambda _: None, lambda: None, first_words_within=0.0)
    shown: list[str] = []
    busy, talking, *ending = (
        recognition.queue(Noted(name, done, go_on)) for name in ("busy", "talking", "one", "two", "three")
    )
    for speaker in (busy, talking, *ending):
        speaker.begin(1, NO_HINTS, shown.append)
    busy.final()
    # Nobody else is heard meanwhile, for ten bundles.
    for _ in range(10):
        for speaker in (talking, *ending):
            speaker.hear(b"\0\0")
            speaker.ask_partial()
    outcomes = [speaker.final() for speaker in ending]
    asked = time.monotonic()
    waited = time.monotonic() - asked
    go_on.set()
    finals = [outcome.result(LIMIT) for outcome in outcomes]
    recognition.settle()
    recognition.stop()
    assert done == ["final of busy", "final of one", "final of two", "final of three", "partial of talking"]
    assert shown == ["talking 10"], "one partial result of all that was heard, and none of what is over"
    assert [final.recognised.text for final in finals] == ["one", "two", "three"]
    assert finals[0].waited_s >= waited, "the lag that is measured"
