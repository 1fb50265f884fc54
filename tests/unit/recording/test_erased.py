"""What is left of a recording when somebody in it is erased. Given these facts, when this is told, then these facts."""

from __future__ import annotations

import pytest

from libs.eventstore import Fact
from services.recording.domain.facts import (
    Deleted,
    Failed,
    Finished,
    MadeAgain,
    SafetyCopyDestroyed,
    Track,
    VoiceErased,
)
from services.recording.domain.recording import Phase
from tests.unit.recording.test_domain import BEGAN, ENDED, T0, given, noted


def track(person: str) -> Track:
    return Track(person_id=person, object=f"tracks/{person}", offset_seconds=1, seconds=2, bytes=3)


P, Q = track("p"), track("q")
BOTH = (BEGAN, noted(0, True), ENDED, Finished(began_at=T0, seconds=9, bytes=7, mix="first", tracks=(P, Q)))
P_ALONE = (BEGAN, noted(0, True), ENDED, Finished(began_at=T0, seconds=9, bytes=7, mix="first", tracks=(P,)))
ERASED, DELETED = VoiceErased(person_id="q"), Deleted(reason="host")
AGAIN = {"tracks": (P,), "seconds": 5.0, "bytes": 4, "mix": "second"}


def again(shown: bool) -> MadeAgain:
    return MadeAgain(began_at=T0, seconds=5.0, bytes=4, mix="second", tracks=(P,), shown=shown)


def test_a_voice_is_erased_once_and_of_others_nothing() -> None:
    assert given(*BOTH).erase_voice("q") == [ERASED]
    assert given(*BOTH, ERASED).erase_voice("q") == []
    assert given(*BOTH).erase_voice("x") == []
    assert given(BEGAN, noted(0, True)).erase_voice("p") == []
    left = given(*BOTH, ERASED)
    assert left.finished is not None
    assert (left.finished.tracks, left.finished.mix, left.lacks_mix) == ((P,), "", True)


@pytest.mark.parametrize(("before", "shown"), [((), True), ((DELETED,), False)], ids=["replay", "safety copy"])
def test_then_the_mix_is_made_again_of_those_who_are_left(before: tuple[Fact, ...], shown: bool) -> None:
    without = given(*BOTH, *before, ERASED)
    assert without.made_again(**AGAIN) == [again(shown)]  # type: ignore[arg-type]
    done = given(*BOTH, *before, ERASED, again(shown))
    assert done.made_again(**AGAIN) == []  # type: ignore[arg-type]
    assert (done.lacks_mix, done.mixes, done.phase) == (False, 2, Phase.READY if shown else Phase.DELETED)


def test_a_mix_of_somebody_who_was_erased_meanwhile_is_none() -> None:
    late = AGAIN | {"tracks": (P, Q)}
    assert given(*BOTH, ERASED).made_again(**late) == []  # type: ignore[arg-type]
    assert given(*BOTH).made_again(**late) == []  # type: ignore[arg-type]
    assert given(*BOTH, ERASED, DELETED, SafetyCopyDestroyed()).made_again(**AGAIN) == []  # type: ignore[arg-type]


def test_where_nobody_else_spoke_nothing_is_left() -> None:
    gone, platform = VoiceErased(person_id="p"), Deleted(reason="platform")
    assert given(*P_ALONE).erase_voice("p") == [gone, platform, SafetyCopyDestroyed()]
    assert given(*P_ALONE, DELETED).erase_voice("p") == [gone, SafetyCopyDestroyed()]
    assert given(*P_ALONE, gone, platform, SafetyCopyDestroyed()).erase_voice("p") == []


def test_an_erased_space_keeps_no_safety_copy() -> None:
    assert given(*BOTH).erase() == [Deleted(reason="platform"), SafetyCopyDestroyed()]
    assert given(*BOTH, DELETED).erase() == [SafetyCopyDestroyed()]
    assert given(BEGAN, ENDED, Failed(reason="storage", detail="d")).erase() == [Deleted(reason="platform")]
    assert given(BEGAN).erase() == []
