"""Who deletes a Space, when, and what is told and kept of it then."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.room import v1
from contracts.room.follow import follow
from libs.eventstore import Fact, Notification, Record
from libs.keyring.worded import UnopenedWords
from libs.refusal import Refusal
from services.room.domain.facts import Canceled, Deleted, Ended, SettingsChanged
from services.room.domain.values import Settings
from services.room.projection.taken_back import TakenBack
from services.room.translation import wire_space
from tests.unit.room.given import NOW, Given, called
from tests.unit.room.test_ephemeral import ANN, BOB, FULL, HOST, PIN, SCHEDULED, SPACE, after

OVER: tuple[Fact, ...] = (*FULL, Ended())


def test_its_host_deletes_it_before_the_start_and_after_the_end() -> None:
    Given(*SCHEDULED).when(lambda s: s.delete(HOST.id)).then(Canceled(), Deleted())
    Given(*FULL).when(lambda s: s.delete(HOST.id)).refused("wrong_state")
    Given(*OVER).when(lambda s: s.delete(HOST.id)).then(Deleted())
    Given(*SCHEDULED, Canceled()).when(lambda s: s.delete(HOST.id)).then(Deleted())
    Given(*OVER).when(lambda s: s.delete(ANN.id)).refused("not_host")


def test_operators_delete_any_and_a_live_one_ends_with_that() -> None:
    Given(*SCHEDULED).when(lambda s: s.delete("o", operator=True)).then(Canceled(reason="platform"), Deleted())
    Given(*FULL).when(lambda s: s.delete("o", operator=True)).then(Ended(reason="platform"), Deleted())
    Given(*OVER).when(lambda s: s.delete("o", operator=True)).then(Deleted())


def test_nobody_is_shown_it_or_commands_it_any_more() -> None:
    gone = after(*OVER, Deleted())
    for refuses in (
        lambda: gone.delete(HOST.id),
        lambda: gone.welcome(HOST.id, blocked=False, suspended=False),
        lambda: gone.show(None, blocked=False, follows_host=False),
        lambda: gone.admit(HOST.id, blocked=False, follows_host=False, looking_back=True),
    ):
        with pytest.raises(Refusal) as no:
            refuses()
        assert no.value.reason == "space_deleted"


def test_who_follows_it_keeps_nothing_of_it() -> None:
    kept = SettingsChanged(settings=Settings(title="On bees", topics=("bees",)))
    before, gone = after(*FULL, kept, Ended()), after(*FULL, kept, Ended(), Deleted())
    live = wire_space(before, called, UnopenedWords(), all=True)
    event = v1.SpaceDeleted(space_id=SPACE, version=gone.version, at=NOW)
    left = follow(live, event)
    assert (left.state, left.settings.title, left.settings.topics) == (v1.State.DELETED, v1.TITLE_REMOVED, ())
    assert not any((left.pins, left.words, left.stage, left.removed, left.invited))
    assert left == wire_space(gone, called, UnopenedWords(), all=True)


async def test_the_keys_of_all_that_was_written_are_owed(tmp_path: Path) -> None:
    kept = SettingsChanged(settings=Settings(title="On bees", title_by=BOB.id))
    facts: tuple[Fact, ...] = (*FULL, kept, Ended(), Deleted())
    async with TakenBack(tmp_path / "taken.db") as taken:
        notes = [Notification(n, SPACE, n, Record(fact=fact, at=NOW, actor=HOST.id)) for n, fact in enumerate(facts, 1)]
        taken.take(notes[:-1])
        assert taken.owed() == {}
        taken.take(notes)
        removal = next(n for n, fact in enumerate(facts, 1) if fact is FULL[-1])
        assert taken.owed() == {
            (SPACE, HOST.id): [f"removal/{removal}", "title", "words"],
            (SPACE, ANN.id): [f"pin/{PIN}"],
            (SPACE, BOB.id): ["title"],
        }
        assert taken.over() == []
        taken.destroyed(SPACE, BOB.id, "title")
        assert (SPACE, BOB.id) not in taken.owed()
