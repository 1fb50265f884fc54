"""Facts that were stored once are read for ever: what stands here is added to, never edited."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.eventstore import Fact, Record
from libs.eventstore.facts import decode, encode, name_of
from libs.keyring import Sealed
from services.transcription.domain.facts import (
    CaptionCorrected,
    CaptionDeleted,
    Captioned,
    CaptionRestored,
    Completed,
    Deleted,
    HostNoted,
    TranscriptOpened,
    Unrecorded,
    Word,
)

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
META = '{"at":"2026-05-04T18:00:00Z","fact":'

GOLDEN: list[tuple[Fact, str, str]] = [
    (
        TranscriptOpened(lang="en", started_at=AT),
        "transcript.opened",
        '{"lang":"en","started_at":"2026-05-04T18:00:00Z"}',
    ),
    (
        Captioned(
            caption_id="s-1", session_id="s", person_id="p", lang="en", text="Good evening",
            start_at=AT, end_at=AT, epoch="e", sequence=5, resume=3,
        ),
        "transcript.captioned",
        '{"caption_id":"s-1","session_id":"s","person_id":"p","handle":"ann","name":"Ann","lang":"en",'
        '"text":"Good evening","start_at":"2026-05-04T18:00:00Z","end_at":"2026-05-04T18:00:00Z","epoch":"e",'
        '"sequence":5,"resume":3}',
    ),
    (
        Captioned(
            caption_id="s-2", session_id="s", person_id="p", lang="en", text="Good evening",
            start_at=AT, end_at=AT, epoch="e", sequence=5, resume=3,
            words=(Word("Good", 0.1, 0.35, 0.97), Word("evening", 0.4, 0.9)),
        ),
        "transcript.captioned",
        '{"caption_id":"s-2","session_id":"s","person_id":"p","handle":"ann","name":"Ann","lang":"en",'
        '"text":"Good evening","start_at":"2026-05-04T18:00:00Z","end_at":"2026-05-04T18:00:00Z","epoch":"e",'
        '"sequence":5,"resume":3,"words":[["Good",0.1,0.35,0.97],["evening",0.4,0.9,null]]}',
    ),
    (
        Captioned(
            caption_id="s-3", session_id="s", person_id="p", lang="de", text="Guten Abend",
            start_at=AT, end_at=AT, epoch="e", sequence=5, resume=3, detected=True,
        ),
        "transcript.captioned",
        '{"caption_id":"s-3","session_id":"s","person_id":"p","handle":"ann","name":"Ann","lang":"de",'
        '"text":"Guten Abend","start_at":"2026-05-04T18:00:00Z","end_at":"2026-05-04T18:00:00Z","epoch":"e",'
        '"sequence":5,"resume":3,"detected":true}',
    ),
    (
        Captioned(
            caption_id="s-3", session_id="s", person_id="p", lang="en", text="Good evening",
            start_at=AT, end_at=AT, epoch="e", sequence=5, resume=3, others={"t": 4},
        ),
        "transcript.captioned",
        '{"caption_id":"s-3","session_id":"s","person_id":"p","handle":"ann","name":"Ann","lang":"en",'
        '"text":"Good evening","start_at":"2026-05-04T18:00:00Z","end_at":"2026-05-04T18:00:00Z","epoch":"e",'
        '"sequence":5,"resume":3,"others":{"t":4}}',
    ),
    (Completed(captions=2, words=7), "transcript.completed", '{"captions":2,"words":7}'),
    (Deleted(), "transcript.deleted", "{}"),
    (HostNoted(host="h"), "transcript.host_noted", '{"host":"h"}'),
    (Unrecorded(), "transcript.unrecorded", "{}"),
    (
        CaptionCorrected(caption_id="s-1", person_id="p", heard="Good even", text="Good evening", by="h"),
        "transcript.caption_corrected",
        '{"caption_id":"s-1","person_id":"p","heard":"Good even","text":"Good evening","by":"h"}',
    ),
    (
        CaptionRestored(caption_id="s-1", person_id="p", heard="Good even", rejected=True),
        "transcript.caption_restored",
        '{"caption_id":"s-1","person_id":"p","heard":"Good even","rejected":true}',
    ),
    (
        Captioned(
            caption_id="s-1", session_id="s", person_id="p", lang="en",
            text=Sealed(unit="transcript/s-1", box=b"\x01\x02\x03"), start_at=AT, end_at=AT, epoch="e", sequence=5,
            resume=3, words=Sealed(unit="transcript/s-1", box=b"\x04"), count=2,
        ),
        "transcript.captioned",
        '{"caption_id":"s-1","session_id":"s","person_id":"p","lang":"en",'
        '"text":{"unit":"transcript/s-1","box":"AQID"},"start_at":"2026-05-04T18:00:00Z",'
        '"end_at":"2026-05-04T18:00:00Z","epoch":"e","sequence":5,"resume":3,'
        '"words":{"unit":"transcript/s-1","box":"BA=="},"count":2}',
    ),
    (
        CaptionCorrected(
            caption_id="s-1", person_id="p", heard=Sealed(unit="transcript/s-1", box=b"\x01"),
            text=Sealed(unit="transcript/s-1/w", box=b"\x02"), by="h", wording="w",
        ),
        "transcript.caption_corrected",
        '{"caption_id":"s-1","person_id":"p","heard":{"unit":"transcript/s-1","box":"AQ=="},'
        '"text":{"unit":"transcript/s-1/w","box":"Ag=="},"by":"h","wording":"w"}',
    ),
    (
        CaptionRestored(
            caption_id="s-1", person_id="p", heard=Sealed(unit="transcript/s-1", box=b"\x01"), rejected=False
        ),
        "transcript.caption_restored",
        '{"caption_id":"s-1","person_id":"p","heard":{"unit":"transcript/s-1","box":"AQ=="},"rejected":false}',
    ),
    (
        CaptionDeleted(caption_id="s-1", person_id="p"),
        "transcript.caption_deleted",
        '{"caption_id":"s-1","person_id":"p"}',
    ),
    (Deleted(alone=True), "transcript.deleted", '{"alone":true}'),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "name", "state"), GOLDEN, ids=[name for _, name, _ in GOLDEN])
def test_stored_facts_are_read_as_they_were_meant(fact: Fact, name: str, state: str) -> None:
    assert decode(name, (META + state + "}").encode()).fact == fact


def test_facts_are_still_written_as_they_were_but_without_what_people_are_called() -> None:
    for fact, name, state in GOLDEN:
        without_names = state.replace('"handle":"ann","name":"Ann",', "")
        assert name_of(fact) == name
        assert encode(Record(fact=fact, at=AT)).decode() == META + without_names + "}"
        assert decode(name, (META + without_names + "}").encode()).fact == fact
