"""Digests of commands are stored, so that a retry is told from another command under the same Idempotency-Key.

`command_digests.json` holds those that version 0.1.0 stored for the golden examples, each sent by an operator. They
may never change: a client that retries over an upgrade would be refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import catalogue
from contracts.commands import Command, request_types
from libs.eventstore import digest_of
from services.notifications.handlers import ordered as notifications
from services.people.handlers.access import ordered as people
from services.recording.handlers import ordered as recording
from services.room.handlers.commands import ordered as room
from services.tipping.handlers import ordered as tipping
from services.transcription.handlers import ordered as transcription

EXAMPLES = Path(catalogue.__file__).parent / "examples"
STORED: dict[str, str] = json.loads((Path(__file__).parent / "command_digests.json").read_text())
ORDERED: dict[str, Callable[[Command[Any]], tuple[object, ...]]] = {
    "notifications": notifications,
    "people": people,
    "recording": recording,
    "room": room,
    "tipping": tipping,
    "transcription": transcription,
}
SOMEBODY = "01jzzzzzzzzzzzzzzzzzzzzzzz"


def decoded(key: str) -> tuple[str, Command[Any]]:
    """The context of an example, and its command as an operator sends it."""
    context, _, rest = key.partition(".")
    name, _, number = rest.partition("/")
    types = {cls.__name__: cls for (_, service, _), cls in request_types().items() if service == context}
    command = types[name].model_validate_json((EXAMPLES / f"{context}.v1" / name / number).read_bytes())
    assert isinstance(command, Command)
    return context, command.model_copy(update={"operator": True, "actor": command.actor or SOMEBODY})


@pytest.mark.parametrize("key", STORED)
def test_a_digest_is_what_the_previous_version_stored(key: str) -> None:
    context, command = decoded(key)
    assert digest_of(command.name, *ORDERED[context](command)) == STORED[key]


def test_every_command_that_changes_an_aggregate_is_held() -> None:
    unstored = {"room.JoinSpace", "room.LeaveSpace", "room.React"}  # of sessions nothing is stored
    unstored |= {
        "notifications.SendTest",
        "notifications.ReplayDeliveries",
        "people.DestroyUnits",
        "people.DestroySubjects",
        "people.AcknowledgeDrop",
        "people.UseApiKey",
        "people.UpsertPeople",
        "people.ChangeRelations",
    }  # done again, nothing changes
    commands = {
        f"{service}.{cls.__name__}"
        for (kind, service, _), cls in request_types().items()
        if kind == "command" and service in ORDERED
    }
    assert {key.partition("/")[0] for key in STORED} == commands - unstored
