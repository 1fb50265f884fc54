"""Facts that were stored once are read for ever: what stands here is added to, never edited."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.eventstore import Fact, Meta, Record
from libs.eventstore.facts import decode, encode, name_of
from libs.keyring import Sealed
from services.recording.domain.facts import (
    Began,
    Deleted,
    Discarded,
    Ended,
    Failed,
    Finished,
    HostNoted,
    MadeAgain,
    Reported,
    ReportSettled,
    SafetyCopyDestroyed,
    SafetyCopyHeard,
    SpeakerNoted,
    Track,
    VoiceErased,
)
from services.recording.domain.sounds import SoundKept, SoundMissing, SoundsRemoved, SoundWanted

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
META = '{"at":"2026-05-04T18:00:00Z","fact":'

GOLDEN: list[tuple[Fact, str, str]] = [
    (
        Began(started_at=AT, title="On rivers"),
        "recording.began",
        '{"started_at":"2026-05-04T18:00:00Z","title":"On rivers"}',
    ),
    (
        Began(started_at=AT, title=Sealed(unit="replay/title", box=b"\x01\x02\x03")),
        "recording.began",
        '{"started_at":"2026-05-04T18:00:00Z","title":{"unit":"replay/title","box":"AQID"}}',
    ),
    (
        SpeakerNoted(person_id="p", consents=False, since=AT),
        "recording.speaker_noted",
        '{"person_id":"p","handle":"ann","name":"Ann","consents":false,"since":"2026-05-04T18:00:00Z"}',
    ),
    (Ended(ended_at=AT), "recording.ended", '{"ended_at":"2026-05-04T18:00:00Z"}'),
    (
        Finished(
            began_at=AT, seconds=61.5, bytes=1000, mix="spaces/s/replay.m4a",
            tracks=(
                Track(
                    person_id="p", object="spaces/s/tracks/p.ogg",
                    offset_seconds=1.25, seconds=60.25, bytes=500,
                ),
            ),
        ),
        "recording.finished",
        '{"began_at":"2026-05-04T18:00:00Z","seconds":61.5,"bytes":1000,"mix":"spaces/s/replay.m4a","tracks":[{'
        '"person_id":"p","handle":"ann","name":"Ann","object":"spaces/s/tracks/p.ogg","offset_seconds":1.25,'
        '"seconds":60.25,"bytes":500}]}',
    ),
    (VoiceErased(person_id="p"), "recording.voice_erased", '{"person_id":"p"}'),
    (
        MadeAgain(
            began_at=AT, seconds=61.5, bytes=1000, mix="spaces/s/replay.2.m4a.sealed",
            tracks=(
                Track(
                    person_id="p", object="spaces/s/tracks/p.ogg.sealed",
                    offset_seconds=1.25, seconds=60.25, bytes=500,
                ),
            ),
            shown=True,
        ),
        "recording.made_again",
        '{"began_at":"2026-05-04T18:00:00Z","seconds":61.5,"bytes":1000,"mix":"spaces/s/replay.2.m4a.sealed",'
        '"tracks":[{"person_id":"p","object":"spaces/s/tracks/p.ogg.sealed","offset_seconds":1.25,"seconds":60.25,'
        '"bytes":500}],"shown":true}',
    ),
    (HostNoted(host="p"), "recording.host_noted", '{"host":"p"}'),
    (HostNoted(host="p", version=9), "recording.host_noted", '{"host":"p","version":9}'),
    (Deleted(reason="host"), "recording.deleted", '{"reason":"host"}'),
    (Reported(report="r"), "recording.reported", '{"report":"r"}'),
    (ReportSettled(report="r"), "recording.report_settled", '{"report":"r"}'),
    (SafetyCopyHeard(report="r"), "recording.safety_copy_heard", '{"report":"r"}'),
    (SafetyCopyDestroyed(), "recording.safety_copy_destroyed", "{}"),
    (Discarded(reason="host"), "recording.discarded", '{"reason":"host"}'),
    (
        SoundWanted(report="r", piece=1, since=AT, until=AT),
        "recording.sound_wanted",
        '{"report":"r","piece":1,"since":"2026-05-04T18:00:00Z","until":"2026-05-04T18:00:00Z"}',
    ),
    (
        SoundKept(report="r", piece=1, object="reports/r/1.m4a.sealed", began_at=AT, seconds=61.5, people=("p",)),
        "recording.sound_kept",
        '{"report":"r","piece":1,"object":"reports/r/1.m4a.sealed","began_at":"2026-05-04T18:00:00Z","seconds":61.5,'
        '"people":["p"]}',
    ),
    (
        SoundMissing(report="r", piece=1, why="none"),
        "recording.sound_missing",
        '{"report":"r","piece":1,"why":"none"}',
    ),
    (SoundsRemoved(report="r"), "recording.sounds_removed", '{"report":"r"}'),
    (Failed(reason="storage", detail="d"), "recording.failed", '{"reason":"storage","detail":"d"}'),
]  # fmt: skip


@pytest.mark.parametrize(("fact", "name", "state"), GOLDEN, ids=[name for _, name, _ in GOLDEN])
def test_stored_facts_are_read_as_they_were_meant(fact: Fact, name: str, state: str) -> None:
    record = decode(name, (META + state + "}").encode())
    assert record.fact == fact
    assert record.at == AT


def test_facts_are_still_written_as_they_were_but_without_what_people_are_called() -> None:
    for fact, name, state in GOLDEN:
        without_names = state.replace('"handle":"ann","name":"Ann",', "")
        assert name_of(fact) == name
        assert encode(Record(fact=fact, at=AT)).decode() == META + without_names + "}"
        assert decode(name, (META + without_names + "}").encode()).fact == fact
    assert Meta(at=AT).actor is None
