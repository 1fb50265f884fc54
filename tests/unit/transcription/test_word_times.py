"""Words are within their caption, whatever voice detector and engine say of when they were said."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from services.transcription.adapters.segmenter import inside
from services.transcription.app.speaking import moment
from services.transcription.engines import Word

_TIMES = st.lists(st.tuples(st.floats(0, 31), st.floats(0, 31)).map(sorted), max_size=8)


@given(began_ns=st.integers(0, 4 * 10**18), speech_s=st.floats(-1, 31), times=_TIMES)
@example(began_ns=1_800_000_000_123_456_789, speech_s=2.5, times=[[0.1, 0.4], [2.2, 2.81]])
def test_words_are_within_their_caption_and_in_the_order_in_which_they_were_said(
    began_ns: int, speech_s: float, times: list[list[float]]
) -> None:
    times.sort()
    end_ms, words = inside(speech_s, [Word("a", first, last) for first, last in times])
    lasts = (moment(began_ns + end_ms * 10**6) - moment(began_ns)).total_seconds()
    assert lasts > 0
    assert all(0 <= word.start_s <= word.end_s <= lasts for word in words)
    assert [word.start_s for word in words] == sorted(word.start_s for word in words)
    assert lasts >= speech_s


def test_a_last_word_that_goes_on_into_the_silence_ends_with_the_speech() -> None:
    end_ms, words = inside(2.5, [Word("all", 1.9, 2.2), Word("of it", 2.2, 2.81)])
    assert end_ms == 2500
    assert [(word.start_s, word.end_s) for word in words] == [(1.9, 2.2), (2.2, 2.5)]


def test_a_caption_covers_a_last_word_that_the_voice_detector_did_not_hear() -> None:
    end_ms, words = inside(2.0, [Word("so", 1.5, 1.8), Word("quietly", 2.3, 2.9)])
    assert end_ms == 2500
    assert words[-1].end_s == 2.5
