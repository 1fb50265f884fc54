"""`rostrum webhooks`, as an operator runs it."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.notifications.receiver import receiving
from tests.integration.notifications.scene import Scene, scene
from tests.support.command import rostrum
from tests.support.waiting import eventually


async def _run(there: Scene, *arguments: str, code: int = 0) -> Any:
    found = await rostrum("webhooks", "--json", *arguments, env={"ROSTRUM_NATS_URL": there.server.url})
    assert found.code == code, found.errors
    return json.loads(found.out) if found.out else found.errors


async def test_a_webhook_from_its_first_event_to_its_end() -> None:
    async with scene() as there, receiving() as hooks, there.notifications():
        made = await _run(there, "add", hooks.url, "--for", "events", "--event", "room.*")
        assert made["secret"].startswith("whsec_")
        id = made["id"]
        assert (await _run(there, "test", id))["outcome"] == "delivered"
        assert hooks.taken[0].type == "test"
        await there.space()
        await hooks.until(3)
        log = await eventually(lambda: _log(there, id, 2))
        assert [one["outcome"] for one in log] == ["delivered"] * 2
        message = log[0]["message_id"]
        assert await _run(there, "replay", id, "--message", message) == {"events": 1, "more": False}
        assert (await hooks.until(4))[-1].id == message
        assert (await _run(there, "rotate", id))["secret"] != made["secret"]
        assert (await _run(there, "pause", id))["state"] == "paused"
        assert (await _run(there, "resume", id))["state"] == "active"
        assert [one["id"] for one in await _run(there, "list")] == [id]
        hooks.answer = lambda _: 503
        assert (await _run(there, "test", id, code=1))["error"] == "it answered 503"
        await _run(there, "remove", id)
        assert await _run(there, "list") == []
        assert "no such webhook" in await _run(there, "log", id, code=1)
        assert "https://" in await _run(there, "add", "http://hooks.invalid/", "--for", "events", code=1)
        await eventually(lambda: (f"webhook:{id}", None) in there.keys.destroyed)


async def _log(there: Scene, id: str, least: int) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = await _run(there, "log", id)
    return found if len(found) >= least else None
