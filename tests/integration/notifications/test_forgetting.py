"""What waits to be sent tells of nobody and nothing that was erased meanwhile, and a backup brings none of it back."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts import subjects
from contracts.notifications import v1
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.notifications.crowd import Crowd, crowd
from tests.integration.notifications.receiver import Receiver, receiving
from tests.integration.notifications.scene import ANN, EVE, Scene, scene
from tests.support.events import created, ended, started
from tests.support.needles import in_folder, needle
from tests.support.waiting import LIMIT, eventually


@pytest.fixture
async def there() -> AsyncIterator[Scene]:
    async with scene() as there:
        yield there


@pytest.fixture
async def hooks() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def them() -> AsyncIterator[Crowd]:
    async with crowd() as them:
        yield them


def folder(there: Scene) -> Path:
    return Path(there.server.env["ROSTRUM_VAR"])


async def test_what_waits_for_a_webhook_of_an_erased_person_or_space_is_dropped_but_for_that(
    there: Scene, hooks: Receiver
) -> None:
    async with there.notifications():
        webhook = await there.add(hooks.url)
        hooks.answer = lambda _: 503
        word, name = needle(), needle()
        now = datetime.now(UTC)
        await there.publish(people.Registered(person_id=EVE.id, version=1, at=now, handle=name[:15], display_name=name))
        deleted, stays = await there.space(title=word), await there.space()
        await there.joins(deleted, 3, 4)
        await eventually(lambda: len({one.type for one in hooks.came}) >= 2)
        assert in_folder(folder(there), [name]) == {}
        await there.publish(
            people.Erased(person_id=EVE.id, version=2, at=now),
            ended(deleted, version=5),
            room.SpaceDeleted(space_id=deleted, version=6, at=now, actor=ANN.id),
        )
        await there.joins(stays, 3)
        hooks.answer = lambda _: 204
        await eventually(lambda: hooks.bodies(stays) == [1, 2, 3])
        await eventually(lambda: _waits(there, webhook.id, 0))
        assert [one.type for one in hooks.taken if one.data.get("space_id") == deleted] == [
            "room.ended",
            "room.deleted",
        ]
        assert [one.type for one in hooks.taken if one.data.get("person_id") == EVE.id] == ["people.erased"]
        await eventually(lambda: not in_folder(folder(there), [word, name]))


async def _waits(there: Scene, webhook: str, count: int) -> bool:
    return (await there.webhook(webhook)).waiting == count


async def test_webhooks_of_an_api_key_that_is_revoked_are_paused_for_good(there: Scene, hooks: Receiver) -> None:
    async with there.notifications(), receiving() as others:
        key = new_id()
        webhook = await there.add(hooks.url, key_id=key)
        other = await there.add(others.url, key_id=new_id())
        await there.publish(people.ApiKeyRevoked(key_id=key, at=datetime.now(UTC)))
        await eventually(lambda: _is_paused(there, webhook.id))
        space = await there.space()
        await others.until(2)
        assert others.bodies(space) == [1, 2]
        assert hooks.came == []
        assert (await there.webhook(webhook.id)).paused_because is v1.PauseReason.KEY_REVOKED
        assert (await there.webhook(other.id)).state is v1.WebhookState.ACTIVE
        resume = v1.ResumeWebhook(command_id=new_id(), operator=True, webhook_id=webhook.id)
        with pytest.raises(Refusal, match="revoked"):
            await there.bus.ask(resume, timeout=LIMIT)


async def _is_paused(there: Scene, webhook: str) -> bool:
    return (await there.webhook(webhook)).state is v1.WebhookState.PAUSED


async def test_after_a_restore_no_new_event_has_the_id_of_one_that_was_sent_before(
    there: Scene, hooks: Receiver, tmp_path: Path
) -> None:
    stores = folder(there) / "stores"
    async with there.notifications():
        webhook = await there.add(hooks.url)
        space = await there.space()
        await hooks.until(2)
        await eventually(lambda: _waits(there, webhook.id, 0))
    shutil.copytree(stores, tmp_path / "stores")
    async with there.notifications():
        await there.joins(space, 3, 4)
        await hooks.until(4)
    before = {one.id for one in hooks.taken}
    # What happened since is in no store any more, and the stream is filled again from the stores.
    shutil.rmtree(stores)
    shutil.copytree(tmp_path / "stores", stores)
    await there.bus.js.delete_stream(subjects.EVENTS_STREAM)
    await there.bus.declare()
    await there.publish_as(created(space, ANN), 1)
    await there.publish_as(started(space, ANN), 2)
    async with there.notifications():
        other = new_id()
        await there.publish_as(created(other, ANN), 3)
        await there.publish_as(started(other, ANN), 4)
        await hooks.until(6)
    assert [one.data["space_id"] for one in hooks.taken[4:]] == [other, other]
    assert before.isdisjoint(one.id for one in hooks.taken[4:])


async def test_a_message_to_a_browser_that_waits_is_dropped_with_its_person_or_space(them: Crowd) -> None:
    async with them.notifications():
        await them.sign_up("host", "other")
        leaver, stays = await them.fans("host", "leaver", "stays")
        for one in (leaver, stays):
            one.answer = lambda _: 503
        gone = await them.create("host", later=timedelta(hours=1))
        await them.remind("leaver", gone)
        await them.remind("stays", gone)
        await eventually(lambda: leaver.came and stays.came)
        assert len(waiting(them, gone)) == 2
        await them.say(people.Erased, "leaver")
        order = {"command_id": new_id(), "actor": them.ids["host"], "space_id": gone}
        await them.gateway.ask(room.DeleteSpace.model_validate(order), timeout=LIMIT)
        await eventually(lambda: not waiting(them, gone))
        for one in (leaver, stays):
            one.answer = lambda _: 201
        await them.all_told(stays)
        assert (stays.shown, leaver.shown) == ([], [])


def waiting(them: Crowd, space: str) -> list[tuple[str]]:
    """Who is written down to be told of a Space, or was told a while ago."""
    with contextlib.closing(sqlite3.connect(folder(them.there) / "stores" / "notifications-deliveries.db")) as db:
        query = "SELECT person FROM pushes WHERE space = ? UNION SELECT person FROM news WHERE space = ?"
        found: list[tuple[str]] = db.execute(query, (space, space)).fetchall()
    return found


async def test_whoever_was_erased_after_a_backup_is_told_nothing_after_its_restore(them: Crowd, tmp_path: Path) -> None:
    stores = folder(them.there) / "stores"
    async with them.notifications():
        await them.sign_up("host")
        fan, other = await them.fans("host", "fan", "other")
    said = list(them.there.said)
    shutil.copytree(stores, tmp_path / "stores")
    async with them.notifications():
        await them.say(people.Erased, "fan")
        await eventually(lambda: _none(them, "fan"))
    order = people.DestroySubjects(command_id=new_id(), subjects=(f"person:{them.ids['fan']}",))
    await them.there.keys.destroy_subjects(order)
    for path in stores.glob("notifications*"):
        path.unlink()
    for path in (tmp_path / "stores").glob("notifications*"):
        shutil.copy(path, stores)
    # No store says any more that they were erased, but the ledger of keys does, and a restore obeys that.
    await them.there.bus.js.delete_stream(subjects.EVENTS_STREAM)
    await them.there.bus.declare()
    for outgoing, number in said:
        await them.there.publish_as(outgoing, number)
    async with them.notifications():
        await them.create("host")
        await other.until(1)
        await eventually(lambda: _none(them, "fan"))
        assert fan.came == []


async def _none(them: Crowd, name: str) -> bool:
    found = (await them.there.bus.ask(v1.SubscriptionsQuery(actor=them.ids[name]), timeout=LIMIT)).result
    return not found.subscriptions


async def test_addresses_of_browsers_and_webhooks_are_in_no_file(them: Crowd, hooks: Receiver) -> None:
    words = needle(), needle(), needle()
    async with them.notifications():
        await them.there.add(f"{hooks.url}/{words[0]}")
        await them.sign_up("host", "fan")
        await them.follow("fan", "host")
        device = them.service.device(them.ids["fan"], word=words[1])
        device.answer = lambda _: 503
        hooks.answer = lambda _: 503
        await them.service.tell(them.there, device)
        await them.create("host", title=words[2])
        await eventually(lambda: device.came and hooks.came)
        assert in_folder(folder(them.there), [*words, device.public, device.secret]) == {}
