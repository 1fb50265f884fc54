"""A long aggregate opens from its last snapshot, which is never more than a shortcut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import pytest

from libs.database import Place
from libs.eventstore import Aggregate, Fact, Meta, Store, open_recorder, open_store, rebuild
from libs.eventstore.snapshots import EVERY, fingerprint, freeze, thaw
from libs.ids import new_id
from services.people.domain.instance import Instance
from services.people.domain.person import Person as Member
from services.people.domain.reminders import Reminded, Reminders
from services.people.domain.report import Report
from services.recording.domain.recording import Recording
from services.room.domain.facts import (
    CohostAppointed,
    Created,
    HandRaised,
    Invited,
    LanguageChosen,
    Lost,
    Pinned,
    Removed,
    RequestHeld,
    SpeakRequested,
    StageJoined,
    Started,
    Unmuted,
    WordsChanged,
)
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from services.tipping.domain.jar import Jar
from services.tipping.domain.tip import Tip
from services.transcription.domain.transcript import Transcript
from tests.integration.eventstore.counting import Added, Counter, order
from tests.support.places import execute

COUNTER = "c" + new_id()
GOLDEN: Final = Path(__file__).with_name("golden") / "space.snapshot.hex"


class Watched(Counter):
    """Knows how many facts it was given in this process."""

    applied = 0

    def apply(self, fact: Fact, meta: Meta) -> None:
        Watched.applied += 1
        super().apply(fact, meta)


async def fill(place: Place, count: int) -> None:
    async with open_store(place, Watched) as store:
        await store.execute(COUNTER, order("all"), lambda c: [Added(number=1)] * count, lambda c: None)


class Deep(Counter):
    """Holds what is nested too deeply to be written down."""

    nested: list[object] = msgspec.field(default_factory=list)

    def apply(self, fact: Fact, meta: Meta) -> None:
        for _ in range(100):
            self.nested = [self.nested]
        super().apply(fact, meta)


async def one_more(store: Store[Watched], id: str) -> None:
    await store.execute(COUNTER, order(id), lambda c: c.add(1), lambda c: None)


async def opened(place: Place) -> tuple[int, int, int]:
    """Sum and version of the counter as a new process finds it, and how many facts that took."""
    async with open_store(place, Watched) as store:
        Watched.applied = 0
        seen = await store.read(COUNTER, lambda c: (c.sum, c.version))
        return *seen, Watched.applied


async def test_only_what_came_after_the_snapshot_is_applied(place: Place) -> None:
    await fill(place, 1_000 * EVERY)
    async with open_store(place, Watched) as store:
        for number in range(7):
            await one_more(store, f"k{number}")
    assert await opened(place) == (1_000 * EVERY + 7, 1_000 * EVERY + 7, 7)


async def test_a_snapshot_of_other_code_or_that_cannot_be_read_is_as_good_as_none(place: Place) -> None:
    await fill(place, EVERY)
    kept = execute(place, "SELECT state FROM snapshots")[0][0]
    of_another_kind = msgspec.msgpack.encode({"id": COUNTER, "version": EVERY, "sum": "many"})
    for state in (b"", bytes(kept)[:-1], b"\x80\x05N.", of_another_kind):
        execute(place, "UPDATE snapshots SET state = ?", state)
        assert await opened(place) == (EVERY, EVERY, EVERY)
    execute(place, "UPDATE snapshots SET state = ?", kept)
    assert await opened(place) == (EVERY, EVERY, 0)
    execute(place, "UPDATE snapshots SET fingerprint = ?", "older")
    assert await opened(place) == (EVERY, EVERY, EVERY)


async def test_a_state_that_cannot_be_kept_costs_its_snapshot_and_nothing_else(place: Place) -> None:
    async with open_store(place, Deep) as store:
        done = await store.execute(COUNTER, order("all"), lambda c: [Added(number=1)] * EVERY, lambda c: c.sum)
        assert done.view == EVERY
    assert execute(place, "SELECT count(*) FROM snapshots") == [(0,)]


async def test_a_store_of_an_older_release_gets_them(place: Place) -> None:
    await fill(place, EVERY - 1)
    execute(place, "DROP TABLE snapshots")
    async with open_store(place, Watched) as store:
        await one_more(store, "one more")
    assert await opened(place) == (EVERY, EVERY, 0)


async def test_inspection_reads_facts_and_no_snapshot(place: Place) -> None:
    await fill(place, EVERY)
    execute(place, "UPDATE snapshots SET state = ?", b"\0")
    recorder = open_recorder(place, read_only=True)
    assert rebuild(recorder, COUNTER, Watched).sum == EVERY
    recorder.close()


async def test_a_large_state_is_kept_as_rarely_as_it_is_large(place: Place) -> None:
    async with open_store(place, Watched) as store:
        await store.execute(COUNTER, order("all"), lambda c: c.note("x" * 512 * EVERY), lambda c: None)
        for number in range(2):
            await store.execute(COUNTER, order(str(number)), lambda c: [Added(number=1)] * EVERY, lambda c: None)
        assert execute(place, "SELECT version FROM snapshots") == [(1 + EVERY,)]
        await store.execute(COUNTER, order("more"), lambda c: [Added(number=1)] * EVERY, lambda c: None)
    assert execute(place, "SELECT version FROM snapshots") == [(1 + 3 * EVERY,)]


def a_space() -> Space:
    """With something in every field."""
    space = Space("01k0000000000000000000space")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    host, ann, bob = (Person(name) for name in ("host", "ann", "bob"))
    settings = Settings(title="Kept", topics=("music",), recorded=True)
    facts: list[Fact] = [
        Created(host=host, settings=settings, scheduled_start=at, slot=3, platform="ios"),
        Started(host=host, settings=settings),
        SpeakRequested(person=ann, message="me", consent_to_recording=True, here=True),
        StageJoined(person=ann, consent_to_recording=True, because="accepted"),
        Unmuted(person_id="ann"),
        HandRaised(person_id="ann"),
        CohostAppointed(person_id="ann"),
        SpeakRequested(person=bob, message="me too", consent_to_recording=False),
        RequestHeld(person_id="bob", until=at),
        Invited(person=Person("cy"), to="speak", expires_at=at),
        Lost(person_id="ann", until=at),
        Pinned(pin_id="pin", url="https://example.org", text="", person=host),
        Removed(person_id="dee", because="removed", explanation="", listened=True),
        LanguageChosen(person_id="ann", lang="de"),
        WordsChanged(words=("Dashwood",)),
    ]
    for fact in facts:
        space.version += 1
        space.apply(fact, Meta(at=at, actor="host"))
    return space


def test_a_kept_space_reads_as_it_was_written() -> None:
    """The bytes are those of the last release. Where a field is added, they are written anew: no store needs them."""
    space = a_space()
    assert (freeze(space) or b"").hex() == GOLDEN.read_text().strip()
    again = thaw(bytes.fromhex(GOLDEN.read_text()), Space(space.id))
    assert again is not None
    untouched = {name for name, value in msgspec.structs.asdict(Space("")).items() if getattr(again, name) == value}
    assert untouched == {"ended_at"}, "a live Space fills every other field"
    assert list(again.stage) == ["host", "ann"]
    assert msgspec.structs.asdict(again) == msgspec.structs.asdict(space)


@pytest.mark.parametrize("new", [Space, Member, Report, Reminders, Instance, Jar, Tip, Recording, Transcript])
def test_every_service_s_state_can_be_kept(new: Callable[[str], Aggregate]) -> None:
    id = new_id()
    state = new(id)
    assert fingerprint(type(state))
    kept = freeze(state)
    assert kept is not None
    again = thaw(kept, new(id))
    assert again is not None
    assert msgspec.structs.asdict(again) == msgspec.structs.asdict(state)


def test_what_holds_more_than_data_is_not_kept() -> None:
    class Odd(Counter):
        door: object = None

    assert freeze(Odd("odd", door=object())) is None


def test_reminders_that_were_sent_are_kept_by_what_they_were_for() -> None:
    reminders = Reminders("reminders-1")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    reminders.apply(Reminded(kind="soon", start=at, title="t", people=("ann", "bob")), Meta(at=at))
    again = thaw(freeze(reminders) or b"", Reminders("reminders-1"))
    assert again is not None
    assert again.told == {("soon", at): {"ann", "bob"}}
