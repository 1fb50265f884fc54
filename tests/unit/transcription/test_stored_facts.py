"""Facts that were stored once are read for ever: what stands here is added to, never edited."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.eventstore import Fact, Record
from libs.eventstore.facts import decode, encode, name_of
from services.transcription.domain import Captioned, Completed, Deleted, Opened

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
META = '{"at":"2026-05-04T18:00:00Z","fact":'

GOLDEN: list[tuple[Fact, str, str]] = [
    (Opened(lang="en", started_at=AT), "transcript.opened", '{"lang":"en","started_at":"2026-05-04T18:00:00Z"}'),
    (
        Captioned(
            caption_id="s-1", session_id="s", person_id="p", handle="ann", name="Ann", lang="en", text="Good evening",
            start_at=AT, end_at=AT, epoch="e", sequence=5, resume=3,
        ),
        "transcript.captioned",
        '{"caption_id":"s-1","session_id":"s","person_id":"p","handle":"ann","name":"Ann","lang":"en",'
        '"text":"Good evening","start_at":"2026-05-04T18:00:00Z","end_at":"2026-05-04T18:00:00Z","epoch":"e",'
        '"sequence":5,"resume":3}',
    ),
    (Completed(captions=2, words=7), "transcript.completed", '{"captions":2,"words":7}'),
    (Deleted(), "transcript.deleted", "{}"),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "name", "state"), GOLDEN, ids=[name for _, name, _ in GOLDEN])
def test_stored_facts_are_read_and_written_as_they_were(fact: Fact, name: str, state: str) -> None:
    assert decode(name, (META + state + "}").encode()).fact == fact
    assert name_of(fact) == name
    assert encode(Record(fact=fact, at=AT)).decode() == META + state + "}"
