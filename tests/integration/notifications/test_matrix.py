"""Every command of notifications, by everybody, in every case: `matrix.txt` has what is answered."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from contracts.commands import Command
from contracts.notifications import v1
from contracts.people import v1 as people
from libs.ids import new_id
from services.notifications.adapters import web_push
from tests.integration.notifications.scene import ANN, Scene, scene
from tests.support.events import at
from tests.support.matrix import answer_to, answers_of, commands_of, read

TABLE: Final = Path(__file__).with_name("matrix.txt")
OWN, OTHER = new_id(), new_id()
ROLES: Final[Mapping[str, dict[str, Any]]] = {
    "operator": {"operator": True},
    "server": {"operator": True, "key_id": OWN},
    "another": {"operator": True, "key_id": OTHER},
    "person": {"actor": ANN.id},
    "anonymous": {},
}
NOWHERE: Final = "https://127.0.0.1:1/"
"""Nobody listens there."""
PUBLIC, _ = web_push.new_key()
AUTH: Final = web_push.encode(os.urandom(16))
PUSH: Final = "https://updates.push.services.mozilla.com/wpush/v2/"

Fields = Callable[[Scene], Awaitable[dict[str, Any]]]


def given(**fields: Any) -> Fields:
    async def of(_: Scene) -> dict[str, Any]:
        return fields

    return of


def added(**fields: Any) -> Fields:
    async def of(_: Scene) -> dict[str, Any]:
        return {"webhook_id": new_id(), "url": NOWHERE, "rights": ("events",), **fields}

    return of


def of_one(*, paused: bool = False, **fields: Any) -> Fields:
    """Of a webhook that the server with the key OWN added."""

    async def of(there: Scene) -> dict[str, Any]:
        webhook = await there.add(NOWHERE, key_id=OWN)
        if paused:
            await there.bus.ask(v1.PauseWebhook(command_id=new_id(), operator=True, webhook_id=webhook.id))
        return {"webhook_id": webhook.id, **fields}

    return of


def of_none(**fields: Any) -> Fields:
    async def of(_: Scene) -> dict[str, Any]:
        return {"webhook_id": new_id(), **fields}

    return of


def browser(**fields: Any) -> Fields:
    async def of(_: Scene) -> dict[str, Any]:
        return {"address": PUSH + new_id(), "p256dh": PUBLIC, "auth": AUTH, **fields}

    return of


LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
CASES: Final[dict[type[Command[Any]], dict[str, Fields]]] = {
    v1.AddWebhook: {
        "https": added(),
        "http": added(url="http://hooks.invalid/"),
        "user_in_address": added(url="https://ann@hooks.invalid/"),
        "unknown_event": added(events=("room.exploded",)),
        "event_of_others": added(events=("people.followed",)),
        "no_events": added(rights=("webhooks",)),
    },
    v1.ChangeWebhook: {
        "there": of_one(url=NOWHERE + "2", events=("room.started",)),
        "http": of_one(url="http://hooks.invalid/"),
        "none": of_none(events=("room.started",)),
    },
    v1.RotateWebhookSecret: {"there": of_one(), "none": of_none()},
    v1.PauseWebhook: {"there": of_one(), "none": of_none()},
    v1.ResumeWebhook: {"there": of_one(), "paused": of_one(paused=True), "none": of_none()},
    v1.RemoveWebhook: {"there": of_one(), "none": of_none()},
    v1.SendTest: {"there": of_one(), "paused": of_one(paused=True), "none": of_none()},
    v1.ReplayDeliveries: {
        "since": of_one(since=LONG_AGO),
        "one": of_one(message_id="abc_room_1"),
        "nothing": of_one(),
        "paused": of_one(paused=True, since=LONG_AGO),
        "none": of_none(since=LONG_AGO),
    },
    v1.Subscribe: {
        "fine": browser(),
        "no_keys": browser(auth="A" * 21),
        "not_on_the_curve": browser(p256dh=web_push.encode(b"\x04" + b"\x01" * 64)),
        "elsewhere": browser(address="https://push.example.org/1"),
        "http": browser(address="http://fcm.googleapis.com/1"),
    },
    v1.Unsubscribe: {"any": given(), "one": given(subscription_id="0" * 26)},
}


def test_the_matrix_has_every_command_there_is_and_every_case_of_it() -> None:
    assert {kind.__name__ for kind in CASES} == commands_of("notifications")
    assert {(kind.__name__, name) for kind, cases in CASES.items() for name in cases} == {
        (command, name) for command, name, _ in read(TABLE)
    }


async def test_every_command_by_everybody_in_every_case() -> None:
    answers = read(TABLE)
    kinds = {kind.__name__: kind for kind in CASES}
    async with scene() as there, there.notifications():
        await there.publish(people.Registered(person_id=ANN.id, version=1, at=at(0), handle="ann", display_name="Ann"))

        async def cell(command: str, name: str, role: str) -> str:
            kind = kinds[command]
            fields = {**await CASES[kind][name](there), **ROLES[role]}
            return await answer_to(lambda: there.bus.ask(kind(command_id=new_id(), **fields)))

        found = await answers_of(answers, cell)
    assert found == answers
