"""What an API key opened ends when the text that opened it is good no more, however often the key was rotated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.people.v1 import ApiKeyRevoked, ApiKeyRotated
from services.gateway.adapters.key_changes import KeyChanges

KEY = "01jd3v8q2n8h5s3f7g1p4zefgh"
START = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rotated(at: int, keep: int) -> ApiKeyRotated:
    """So many hours after the start, and kept for so many."""
    return ApiKeyRotated(at=START + at * HOUR, key_id=KEY, kept_until=START + (at + keep) * HOUR)


def is_over(until: datetime | None) -> bool:
    return until is not None and until < START


def test_a_key_is_good_until_it_is_revoked() -> None:
    keys = KeyChanges()
    assert keys.good_until(KEY, START, None) is None
    keys.hear(ApiKeyRevoked(at=START + HOUR, key_id="01jd3v8q2n8h5s3f7g1p4other"))
    assert keys.good_until(KEY, START, None) is None
    keys.hear(ApiKeyRevoked(at=START + HOUR, key_id=KEY))
    assert is_over(keys.good_until(KEY, START, None))
    assert is_over(keys.good_until(KEY, START + HOUR, START + 9 * HOUR))


def test_the_text_before_is_good_as_long_as_it_is_kept_and_the_one_before_that_no_more() -> None:
    keys = KeyChanges()
    keys.hear(rotated(1, keep=24))
    first_was_new, second_was_new = (START, None), (START + HOUR, None)
    assert keys.good_until(KEY, *first_was_new) == START + 25 * HOUR
    assert keys.good_until(KEY, *second_was_new) is None
    first_was_former = (START + HOUR, START + 25 * HOUR)
    assert keys.good_until(KEY, *first_was_former) == START + 25 * HOUR
    keys.hear(rotated(2, keep=24))
    assert is_over(keys.good_until(KEY, *first_was_new))
    assert is_over(keys.good_until(KEY, *first_was_former))
    assert keys.good_until(KEY, *second_was_new) == START + 26 * HOUR
    assert keys.good_until(KEY, START + 2 * HOUR, None) is None


def test_a_stream_that_is_told_anew_changes_nothing() -> None:
    keys = KeyChanges()
    for event in (rotated(1, keep=24), rotated(2, keep=24), rotated(1, keep=24), rotated(2, keep=24)):
        keys.hear(event)
    assert is_over(keys.good_until(KEY, START, None))
    assert keys.good_until(KEY, START + HOUR, None) == START + 26 * HOUR
    assert keys.good_until(KEY, START + 2 * HOUR, None) is None
