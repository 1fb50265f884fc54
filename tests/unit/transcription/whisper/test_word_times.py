"""A word lasts from where the decoder first looked for it to where it looked for the next."""

from __future__ import annotations

from services.transcription.engines import Word
from services.transcription.engines.whisper.word_times import word_times


def test_a_word_of_several_tokens_ends_where_the_next_begins_or_with_the_utterance() -> None:
    path = [(0, 0), (0, 10), (1, 20), (1, 25), (2, 30), (3, 40), (4, 55)]
    words = word_times([("Good", 1), ("evening", 2), ("all", 1)], path, [0.9, 0.5, 0.7, 0.8], 1.0)
    assert words == (Word("Good", 0.0, 0.4, 0.9), Word("evening", 0.4, 0.8, 0.6), Word("all", 0.8, 1.0, 0.8))
