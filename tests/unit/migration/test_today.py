"""Facts of every version, as the golden files have them, are rewritten as today's version stores them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import Notification as Stored

from libs.eventstore import Fact
from libs.eventstore.facts import decode
from libs.keyring import Lock, Sealed, Tree
from libs.migration import Today
from libs.migration.today import CannotRewrite, rewritten
from services.people.app.migration import today as people
from services.recording.app.migration import today as recording
from services.room.app.migration import today as room
from services.tipping.app.migration import today as tipping
from services.transcription.app.migration import today as transcription
from tests.unit.people import test_stored_facts as of_people
from tests.unit.recording import test_stored_facts as of_recording
from tests.unit.tipping import test_stored_facts as of_tipping
from tests.unit.transcription import test_stored_facts as of_transcription

ROOM = Path(__file__).parents[1] / "room" / "golden"


def given() -> list[tuple[str, Today, str, str, bytes]]:
    """Whose fact it is, the aggregate that it is of, its name, and how it was stored."""
    facts: list[tuple[str, Today, str, str, bytes]] = []
    for path in sorted(ROOM.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            facts.append((f"room {path.stem}", room, "space1", entry["name"], json.dumps(entry["state"]).encode()))
    for name, state, _ in of_people.GOLDEN:
        report = name.startswith("people.report") or name == "people.reported"
        id = "report-r1" if report else "reminders-s1" if name.startswith("people.remind") else "ann1"
        facts.append(("people", people, id, name, state))
    for _, name, fact in of_transcription.GOLDEN:
        facts.append(("transcription", transcription, "space1", name, _whole(of_transcription.META, fact)))
    for _, name, fact in of_recording.GOLDEN:
        facts.append(("recording", recording, "space1", name, _whole(of_recording.META, fact)))
    for name, state, _ in of_tipping.GOLDEN:
        facts.append(("tipping", tipping, f"{name.partition('.')[0]}-t", name, state))
    return facts


def _whole(meta: str, fact: str) -> bytes:
    return (meta + fact + "}").encode()


GIVEN = given()


class Keyring:
    """Locks by name, as people gives them, and which were asked for."""

    def __init__(self, *, destroyed: bool = False) -> None:
        self.locks: dict[str, Lock] = {}
        self._destroyed = destroyed

    async def fetch(self, names: Iterable[str]) -> Mapping[str, Lock]:
        for name in names:
            self.locks.setdefault(name, Lock(name, None if self._destroyed else Tree.grown()))
        return self.locks

    def opened(self, sealed: Sealed) -> str:
        """What was sealed, whichever lock it was for; empty where it was with no lock of these."""
        for lock in self.locks.values():
            text = lock.legible(sealed, sealed.unit)
            if text is not None:
                try:
                    inner = json.loads(text)
                except ValueError:
                    return text
                return self.opened(_sealed(inner)) if isinstance(inner, dict) and "box" in inner else text
        return ""


def _sealed(fields: dict[str, Any]) -> Sealed:
    return Sealed(unit=fields["unit"], box=base64.b64decode(fields["box"]))


def stored(id: str, name: str, state: bytes, number: int = 1) -> Stored:
    return Stored(originator_id=id, originator_version=7, topic=name, state=state, id=number)


def words_in(value: Any) -> list[Any]:
    """All texts and sealed words of a fact."""
    if isinstance(value, (str, Sealed)):
        return [value]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in words_in(one)]
    if isinstance(value, (tuple, list)):
        return [text for one in value for text in words_in(one)]
    return [text for field in getattr(value, "__struct_fields__", ()) for text in words_in(getattr(value, field))]


@pytest.mark.parametrize(("whose", "today", "id", "name", "state"), GIVEN, ids=[f"{g[0]} {g[3]}" for g in GIVEN])
async def test_a_fact_of_any_version_says_the_same_and_nothing_in_plain(
    whose: str, today: Today, id: str, name: str, state: bytes
) -> None:
    keyring = Keyring()
    rows = await rewritten([stored(id, name, state)], today, keyring.fetch)
    before: Fact = decode(name, state).fact
    after = decode(name, rows[0][3] if rows else state)
    texts, sealed = words_in(before), words_in(after.fact)
    for word in sealed:
        if isinstance(word, Sealed) and word not in texts:
            assert keyring.opened(word), f"{word} cannot be opened"
    if rows:
        record = decode(name, state)
        assert (rows[0][:3], record.at, record.actor) == ((id, 7, state), after.at, after.actor)
        if whose != "people":
            called = {"handle", "payer_handle", "payer_name"} if whose == "tipping" else {"handle", "name"}
            assert not called & _keys(json.loads(rows[0][3])["fact"])
        # What is as today's stays as it is, for ever.
        assert await rewritten([stored(id, name, rows[0][3])], today, keyring.fetch) == []


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(key for one in value.values() for key in _keys(one))}
    return {key for one in value for key in _keys(one)} if isinstance(value, list) else set()


WORDS = {
    "space.created": ["Über Bienen"],
    "space.started": ["Über Bienen"],
    "space.settings_changed": ["Über Bienen"],
    "space.words_changed": ["Dashwood"],
    "space.pinned": ["https://example.org/", "read"],
    "space.speak_requested": ["hello"],
    "transcript.captioned": ["Good evening"],
    "transcript.caption_corrected": ["Good even", "Good evening"],
    "transcript.caption_restored": ["Good even"],
    "recording.began": ["On rivers"],
    "jar.filled": ["ann"],
    "tip.offered": ["ann", "hi"],
    "people.registered": ["ann", "Ann"],
    "people.profile_changed": ["ada_l", "Ada", "x\ny", "https://example.org/"],
    "people.suspended": ["x"],
    "people.reinstated": ["x"],
    "people.hosting_allowed": ["x"],
    "people.appealed": ["x"],
    "people.appeal_decided": ["x"],
    "people.reminded": ["Tea"],
    "people.reported": ["bob", "Bob", "Tea", "x"],
    "people.report_closed": ["x"],
    "people.report_reopened": ["x"],
}


async def test_every_kind_of_fact_with_words_is_sealed_and_opens() -> None:
    left = dict(WORDS)
    for _, today, id, name, state in GIVEN:
        keyring = Keyring()
        rows = await rewritten([stored(id, name, state)], today, keyring.fetch)
        if not rows or name not in left:
            continue
        found = [keyring.opened(word) for word in words_in(decode(name, rows[0][3]).fact) if isinstance(word, Sealed)]
        if all(any(word in text for text in found) for word in left[name]):
            del left[name]
            for word in WORDS[name]:
                if len(word) > 3:
                    assert word.encode() not in rows[0][3]
    assert left == {}


async def test_where_the_key_is_destroyed_nobody_reads_the_words() -> None:
    for _, today, id, name, state in GIVEN:
        keyring = Keyring(destroyed=True)
        for row in await rewritten([stored(id, name, state)], today, keyring.fetch):
            for word in words_in(decode(name, row[3]).fact):
                if isinstance(word, Sealed):
                    assert keyring.opened(word) == ""
            for text in ("Über Bienen", "Dashwood", "hello", "Good even", "On rivers"):
                assert text.encode() not in row[3]
                assert json.dumps(text)[1:-1].encode() not in row[3]


async def test_the_same_words_of_a_unit_stay_equal_whoever_seals_them() -> None:
    first = b'{"at":"2026-01-01T00:00:00Z","fact":{"handle":"ann","name":"Ann"}}'
    second = b'{"at":"2026-01-01T00:00:00Z","fact":{"handle":"ann","name":"Anna","bio":"b"}}'
    keyring = Keyring()
    (one,) = await rewritten([stored("ann1", "people.registered", first)], people, keyring.fetch)
    (two,) = await rewritten([stored("ann1", "people.profile_changed", second)], people, keyring.fetch)
    before: Any = decode("people.registered", one[3]).fact
    after: Any = decode("people.profile_changed", two[3]).fact
    assert before.handle == after.handle, "or it would count as a change of the handle"
    assert before.name != after.name


async def test_a_fact_that_cannot_be_read_is_named() -> None:
    with pytest.raises(CannotRewrite, match=r"stored fact 3 \(space.flown of s1\) cannot be read"):
        await rewritten([stored("s1", "space.flown", b"{}", 3)], room, Keyring().fetch)
