"""A store that version 0.1.0 wrote: commands it accepted, retried now, are answered as repeats."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from contracts.commands import Command, request_types
from contracts.room import v1
from libs.bus import Bus
from libs.service import running
from services.room.main import compose, stored_facts
from services.room.settings import Settings
from tests.integration.room.conftest import Guests
from tests.support.waiting import LIMIT, eventually

BEFORE = Path(__file__).parent / "stored_before"
"""`room.sql` is the dump of a store after the commands of `commands.json`, which also says how each was answered."""
ACCEPTED: list[dict[str, Any]] = json.loads((BEFORE / "commands.json").read_text())


@pytest.fixture
def upgraded(env: dict[str, str]) -> dict[str, str]:
    """The environment of a room whose store the previous version wrote."""
    place = Settings.read(env).store_place
    assert isinstance(place, Path)
    place.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(place) as database:
        database.executescript((BEFORE / "room.sql").read_text())
        database.execute("PRAGMA journal_mode=WAL")  # a dump does not tell it
    database.close()
    return env


def command_of(accepted: dict[str, Any]) -> Command[Any]:
    command = request_types()["command", "room", accepted["name"]].model_validate(accepted["body"])
    assert isinstance(command, Command)
    return command


async def test_a_command_stored_by_the_previous_version_is_answered_as_a_repeat(
    upgraded: dict[str, str], bus: Bus
) -> None:
    before = stored_facts(upgraded, ACCEPTED[0]["body"]["space_id"])
    await Guests(bus).sign_up(host=ACCEPTED[0]["body"]["actor"], anna=ACCEPTED[1]["body"]["actor"])
    async with running(Settings.read(upgraded), compose) as service:
        await eventually(lambda: not service.missing())
        for accepted in ACCEPTED:
            answer = await bus.ask(command_of(accepted), timeout=LIMIT)
            assert answer.version == accepted["version"]
            # As it was; what contracts gained since then has its default, and people are called what they are today.
            before_names = json.dumps(accepted["result"]).replace('"name": "Ann"', '"name": "Anna"')
            before_names = before_names.replace('"handle": "ann"', '"handle": "anna"')
            assert answer.result == v1.Space.model_validate_json(before_names)
    assert stored_facts(upgraded, ACCEPTED[0]["body"]["space_id"]) == before
    assert [fact.originator_version for fact in before] == [1, 2, 3, 4, 5, 6]
