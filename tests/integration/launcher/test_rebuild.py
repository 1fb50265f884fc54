"""The stream of events is lost under a running system, and one command brings it back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from nats.js import JetStreamContext

from contracts import subjects
from infra.commands.rebuild import STORED
from infra.launcher import System
from infra.nats.server import ADMIN
from libs.bus.letters import read_letters
from libs.eventstore import SqliteRecorder
from tests.support.waiting import eventually

Message = tuple[str, str, bytes]


@asynccontextmanager
async def jetstream(system: System) -> AsyncIterator[JetStreamContext]:
    user, password = system.credentials(ADMIN)
    client = await nats.connect(system.nats_url, user=user, password=password)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def stored_events(js: JetStreamContext) -> dict[str, list[Message]]:
    """Subject, id and body of every event that came from a store, in the stream's order, by context."""
    found: dict[str, list[Message]] = {context: [] for context in STORED}
    last = (await js.stream_info(subjects.EVENTS_STREAM)).state.last_seq
    for sequence in range(1, last + 1):
        message = await js.get_msg(subjects.EVENTS_STREAM, sequence)
        context = (message.subject or "").split(".")[1]
        if context in found:
            found[context].append((message.subject or "", (message.headers or {})["ce-id"], message.data or b""))
    return found


async def rebuild(var: Path, *options: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "rebuild", "--json", "--var", str(var), *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 1, errors  # recording, transcription and tipping do not run here
    result: dict[str, Any] = json.loads(out)
    return result


async def published(js: JetStreamContext, var: Path) -> None:
    """Until the stream ends with the newest stored facts."""
    for context in ("room", "people"):
        recorder = SqliteRecorder(var / "stores" / f"{context}.db", read_only=True)
        newest = recorder.max_notification_id()
        recorder.close()

        async def there(context: str = context, newest: int | None = newest) -> bool:
            last = await js.get_last_msg(subjects.EVENTS_STREAM, subjects.events_of(context))
            return int((last.headers or {})[subjects.HEADER_NOTIFICATION].partition(".")[0]) == newest

        await eventually(there, within=10)


class Host:
    """Somebody with a Space."""

    def __init__(self, http: httpx.AsyncClient, person_id: str, token: str) -> None:
        self.http, self.id = http, person_id
        self.headers = {"authorization": f"Bearer {token}"}

    async def order(self, method: str, path: str, **body: Any) -> Any:
        answer = await self.http.request(method, path, headers=self.headers, json=body or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None


async def sign_up(http: httpx.AsyncClient, name: str) -> Host:
    made = (await http.post("/v1/people", json={"handle": name, "name": name.title()})).raise_for_status().json()
    return Host(http, made["person"]["id"], made["token"])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("wipe", ["deleted", "purged"])
async def test_a_wiped_stream_comes_back_whole_and_everybody_goes_on(tmp_path: Path, wipe: str) -> None:
    async with (
        System(tmp_path, gateway_port=0, services=("room", "people", "discovery", "gateway")) as system,
        httpx.AsyncClient(base_url=system.url, timeout=20) as http,
        jetstream(system) as js,
    ):
        host, guest = await sign_up(http, "host"), await sign_up(http, "guest")
        space = await host.order("POST", "/v1/spaces", title="Before the flood")
        for _ in range(10):
            await host.order("POST", f"/v1/spaces/{space['id']}/stage/{host.id}/unmute")
            await host.order("POST", f"/v1/spaces/{space['id']}/stage/{host.id}/mute")
        await published(js, tmp_path)
        before = await stored_events(js)
        assert len(before["room"]) >= 21
        names = {info.name for info in await js.consumers_info(subjects.EVENTS_STREAM) if info.config.durable_name}

        if wipe == "deleted":
            await js.delete_stream(subjects.EVENTS_STREAM)
        else:
            await js.purge_stream(subjects.EVENTS_STREAM)
        done = await rebuild(tmp_path)
        assert ("gone" if wipe == "deleted" else "made it again") in done["stream"]
        assert {one["context"]: one["events"] for one in done["contexts"]}["room"] == len(before["room"])

        # Every event once, in its order, as it was; then everything goes on: commands, followers, search.
        assert await stored_events(js) == before
        await guest.order("PUT", f"/v1/me/following/{host.id}")
        other = await host.order("POST", "/v1/spaces", title="After the flood")

        async def both_are_found() -> bool:
            cards = (await http.get("/v1/spaces", params={"state": "live"})).raise_for_status().json()["spaces"]
            return sorted(card["title"] for card in cards) == ["After the flood", "Before the flood"]

        await eventually(both_are_found, within=30)
        for one in (space, other):
            assert (await host.order("GET", f"/v1/spaces/{one['id']}"))["state"] == "live"
        again = {info.name for info in await js.consumers_info(subjects.EVENTS_STREAM) if info.config.durable_name}
        assert names <= again
        assert [letter async for letter in read_letters(js)] == []

        # There is nothing more to do, and nothing is done.
        await published(js, tmp_path)
        whole = await stored_events(js)
        done = await rebuild(tmp_path)
        assert "whole" in done["stream"]
        assert {one["published"] for one in done["contexts"]} == {0}
        assert await stored_events(js) == whole


def test_every_context_with_a_store_is_rebuilt() -> None:
    services = Path(__file__).parents[3] / "services"
    relayed = {path.parent.name for path in services.glob("*/main.py") if "Relay(" in path.read_text()}
    assert relayed == set(STORED)
