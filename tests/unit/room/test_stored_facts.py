"""Facts that were stored once can be read for ever.

`golden/v0.1.jsonl` is what the first version stores, a line per fact, `v0.2.jsonl` and `v0.3.jsonl` what came after
it; those say what people were called then. `v0.4.jsonl` is how the same people are stored now: by their ids; in
`v0.5.jsonl` words are sealed, and `v0.6.jsonl` has invitations that were taken back. Lines are added and never edited.
"""

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from libs.eventstore import Fact, Record, name_of
from libs.eventstore.facts import decode, encode
from libs.keyring import Sealed
from services.room.domain import facts
from services.room.domain.facts import (
    Arrived,
    Canceled,
    CohostAppointed,
    CohostDismissed,
    Created,
    Deleted,
    Ended,
    HandLowered,
    HandRaised,
    HostChanged,
    InvitationClosed,
    Invited,
    LanguageChosen,
    Lost,
    Muted,
    Pinned,
    Readmitted,
    Removed,
    RequestCanceled,
    RequestDeclined,
    RequestHeld,
    Rescheduled,
    SettingsChanged,
    SpeakRequested,
    StageJoined,
    StageLeft,
    Started,
    Uninvited,
    Unmuted,
    Unpinned,
    WordsChanged,
)
from services.room.domain.values import Settings
from tests.unit.room.given import ANN, HOST, NOW

GOLDEN = Path(__file__).parent / "golden"

CHOSEN = Settings(
    title="Über Bienen",
    topics=("bees", "honey"),
    lang="de",
    recorded=True,
    captions=True,
    who_can_join="followers",
    who_can_speak="followed",
)
FIRST_FACTS: tuple[Fact, ...] = (
    Created(host=HOST, settings=CHOSEN, scheduled_start=NOW + timedelta(days=1)),
    Created(host=HOST, settings=Settings(title="x")),
    Started(host=HOST, settings=CHOSEN),
    SpeakRequested(person=ANN, message="hello", consent_to_recording=False),
    RequestCanceled(person_id=ANN.id),
    RequestDeclined(person_id=ANN.id),
    StageJoined(person=ANN, role="speaker", consent_to_recording=False, because="followed"),
    Unmuted(person_id=ANN.id),
    Muted(person_id=ANN.id),
    StageLeft(person_id=ANN.id, reason="moved"),
    Removed(person_id=ANN.id, explanation="spam"),
    Ended(reason="platform"),
    Canceled(),
)
LATER_FACTS: tuple[Fact, ...] = (
    Created(host=HOST, settings=Settings(title="x", kind="conversation"), scheduled_start=NOW, slot=3),
    Rescheduled(scheduled_start=NOW + timedelta(days=2)),
    SettingsChanged(settings=CHOSEN),
    HostChanged(host=ANN, previous_id=HOST.id, reason="lost"),
    SpeakRequested(person=ANN, here=True),
    RequestHeld(person_id=ANN.id, until=NOW),
    RequestHeld(person_id=ANN.id),
    Invited(person=ANN, expires_at=NOW),
    Invited(person=ANN, to="join"),
    InvitationClosed(person_id=ANN.id, reason="declined"),
    StageJoined(person=ANN, because="invited"),
    StageLeft(person_id=ANN.id, reason="lost"),
    HandRaised(person_id=ANN.id),
    HandLowered(person_id=ANN.id),
    CohostAppointed(person_id=ANN.id),
    CohostDismissed(person_id=ANN.id),
    Arrived(person_id=ANN.id),
    Lost(person_id=ANN.id, until=NOW),
    Pinned(pin_id="01jd3v9f4rs7t2v6w8x0y1z234", url="https://example.org/", text="read", person=ANN),
    Unpinned(pin_id="01jd3v9f4rs7t2v6w8x0y1z234"),
    Removed(person_id=ANN.id, because="blocked"),
    Readmitted(person_id=ANN.id),
    Ended(reason="timed_out"),
)
WORDS_AND_LANGUAGES: tuple[Fact, ...] = (
    WordsChanged(words=("Dashwood", "Ní Bhriain")),
    WordsChanged(words=()),
    LanguageChosen(person_id=ANN.id, lang="de-AT"),
    LanguageChosen(person_id=ANN.id),
    StageJoined(person=ANN, lang="und"),
)
BY_IDS: tuple[Fact, ...] = (
    Created(host=HOST, settings=CHOSEN, scheduled_start=NOW + timedelta(days=1)),
    Started(host=HOST, settings=CHOSEN),
    HostChanged(host=ANN, previous_id=HOST.id, reason="handed_over"),
    SpeakRequested(person=ANN, message="hello", here=True),
    Invited(person=ANN, expires_at=NOW),
    StageJoined(person=ANN, because="everyone"),
    Pinned(pin_id="01jd3v9f4rs7t2v6w8x0y1z234", url="https://example.org/", text="read", person=ANN),
)
BOX = b"\x01" + bytes(range(40))
CLOSED = Settings(title=Sealed(unit="title", box=BOX), title_by=HOST.id, topics=("bees",))
SEALED: tuple[Fact, ...] = (
    Pinned(
        pin_id="01jd3v9f4rs7t2v6w8x0y1z234",
        url=Sealed(unit="pin/01jd3v9f4rs7t2v6w8x0y1z234", box=BOX),
        text=Sealed(unit="pin/01jd3v9f4rs7t2v6w8x0y1z234", box=BOX),
        person=ANN,
    ),
    SpeakRequested(person=ANN, message=Sealed(unit="request/3", box=BOX), here=True),
    Removed(person_id=ANN.id, explanation=Sealed(unit="removal/4", box=BOX)),
    Created(host=HOST, settings=CLOSED),
    Started(host=ANN, settings=CLOSED),
    SettingsChanged(settings=msgspec.structs.replace(CLOSED, title_by=ANN.id)),
    WordsChanged(words=Sealed(unit="words", box=BOX)),
)
OF_THE_ERASED: tuple[Fact, ...] = (
    Removed(person_id=ANN.id, because="erased"),
    HostChanged(host=ANN, previous_id=HOST.id, reason="erased"),
    Ended(reason="erased"),
    Canceled(reason="erased"),
)
NOT_KEPT: tuple[Fact, ...] = (
    Created(host=HOST, settings=Settings(title="x", ephemeral=True)),
    SettingsChanged(settings=Settings(title="x", ephemeral=True)),
    Started(host=HOST, settings=Settings(title="x", ephemeral=True)),
    Deleted(),
)
TAKEN_BACK: tuple[Fact, ...] = (Uninvited(person_id=ANN.id),)
FACTS = (*FIRST_FACTS, *LATER_FACTS, *WORDS_AND_LANGUAGES, *TAKEN_BACK, *NOT_KEPT)


def _record(fact: Fact) -> Record[Fact]:
    return Record(
        fact=fact, at=NOW, actor=HOST.id, command_id="k1", traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    )


def _golden() -> list[tuple[str, str, bytes]]:
    lines = []
    for path in sorted(GOLDEN.glob("*.jsonl")):
        for number, line in enumerate(path.read_text().splitlines()):
            entry = json.loads(line)
            lines.append((f"{path.stem}:{number}", entry["name"], json.dumps(entry["state"]).encode()))
    return lines


def test_every_fact_is_read_as_it_was_stored() -> None:
    for fact in FACTS:
        record = _record(fact)
        assert decode(name_of(fact), encode(record)) == record


def test_no_kind_of_fact_is_left_out() -> None:
    declared = {v for v in vars(facts).values() if isinstance(v, type) and issubclass(v, Fact) and v is not Fact}
    assert {type(fact) for fact in FACTS} == declared


@pytest.mark.parametrize(("name", "state"), [(n, s) for _, n, s in _golden()], ids=[i for i, _, _ in _golden()])
def test_golden_facts_still_load(name: str, state: bytes) -> None:
    record = decode(name, state)
    assert name_of(record.fact) == name


@pytest.mark.parametrize(
    ("version", "facts"), [("v0.1", FIRST_FACTS), ("v0.2", LATER_FACTS), ("v0.3", WORDS_AND_LANGUAGES)]
)
def test_facts_that_held_names_are_read_without_them(version: str, facts: tuple[Fact, ...]) -> None:
    stored = [(name, state) for where, name, state in _golden() if where.startswith(f"{version}:")]
    assert any(b'"handle"' in state for _, state in stored)
    assert [decode(name, state).fact for name, state in stored] == list(facts)


def test_people_are_stored_by_their_ids_alone() -> None:
    lines = [
        json.dumps({"name": name_of(f), "state": json.loads(encode(_record(f)))}, ensure_ascii=False) for f in BY_IDS
    ]
    assert (GOLDEN / "v0.4.jsonl").read_text().splitlines() == lines
    assert not any('"handle"' in line for line in lines)


def test_what_is_not_kept_is_stored_so() -> None:
    lines = [json.dumps({"name": name_of(f), "state": json.loads(encode(_record(f)))}) for f in NOT_KEPT]
    assert (GOLDEN / "not_kept.jsonl").read_text().splitlines() == lines


def test_what_follows_from_an_erasure_is_stored_so() -> None:
    lines = [json.dumps({"name": name_of(f), "state": json.loads(encode(_record(f)))}) for f in OF_THE_ERASED]
    assert (GOLDEN / "erased.jsonl").read_text().splitlines() == lines


def test_words_are_stored_sealed() -> None:
    lines = [json.dumps({"name": name_of(f), "state": json.loads(encode(_record(f)))}) for f in SEALED]
    assert (GOLDEN / "v0.5.jsonl").read_text().splitlines() == lines
    for fact in SEALED:
        assert decode(name_of(fact), encode(_record(fact))) == _record(fact)
