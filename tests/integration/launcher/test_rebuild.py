"""The stream of events is lost under a running system, and one command brings it back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from contracts import subjects
from infra.commands.rebuild import STORED
from infra.launcher import System
from infra.nats.server import ADMIN
from libs.bus.dead_letters import read_letters
from libs.eventstore import SqliteRecorder
from tests.support.command import rostrum
from tests.support.waiting import LIMIT, eventually

Message = tuple[str, str, bytes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """The tests bring their own people, and end their Spaces."""
    services = ("room", "people", "discovery", "gateway")
    # The people here have no sessions. They may be missed, and their Spaces do not end for it.
    settings = {"ROSTRUM_ROOM_LEASE_SECONDS": "120", "ROSTRUM_ROOM_GRACE_SECONDS": "3600"}
    async with System(tmp_path_factory.mktemp("var"), gateway_port=0, services=services, settings=settings) as running:
        yield running


@asynccontextmanager
async def jetstream(system: System) -> AsyncIterator[JetStreamContext]:
    user, password = system.credentials(ADMIN)
    client = await nats.connect(system.nats_url, user=user, password=password)
    try:
        yield client.jetstream(prefix=system.nats_api())
    finally:
        await client.close()


async def stored_events(js: JetStreamContext) -> dict[str, list[Message]]:
    """Subject, id and body of every event that came from a store, in the stream's order, by context."""
    found: dict[str, list[Message]] = {context: [] for context in STORED}
    last = (await js.stream_info(subjects.EVENTS_STREAM)).state.last_seq
    sequence = 0
    while sequence < last:
        message = await js.get_msg(subjects.EVENTS_STREAM, sequence + 1, subject=subjects.EVENTS_SUBJECTS, next=True)
        assert message.seq is not None
        sequence = message.seq
        context = (message.subject or "").split(".")[1]
        if context in found:
            found[context].append((message.subject or "", (message.headers or {})["ce-id"], message.data or b""))
    return found


def goes_on(before: dict[str, list[Message]], after: dict[str, list[Message]]) -> None:
    """Every event is there once, in its order, as it was. All that may have come since is that somebody is missed."""
    assert after.keys() == before.keys()
    for context, events in before.items():
        assert after[context][: len(events)] == events
        assert [subject for subject, _, _ in after[context][len(events) :] if not subject.endswith(".lost")] == []
        ids = [id for _, id, _ in after[context]]
        assert len(set(ids)) == len(ids)


async def rebuild(var: Path, *options: str) -> dict[str, Any]:
    code, out, errors = await rostrum("rebuild", "--json", "--wait", "0.5", "--var", str(var), *options)
    assert code == 1, errors  # recording, transcription and tipping do not run here
    result: dict[str, Any] = json.loads(out)
    return result


async def published(js: JetStreamContext, var: Path) -> None:
    """Until the stream has all facts that are stored now."""
    for context in ("room", "people"):
        recorder = SqliteRecorder(var / "stores" / f"{context}.db", read_only=True)
        newest = recorder.max_notification_id()
        recorder.close()

        async def there(context: str = context, newest: int | None = newest) -> bool:
            last = await js.get_last_msg(subjects.EVENTS_STREAM, subjects.events_of(context))
            # Somebody may have been missed since, which is told too.
            return int((last.headers or {})[subjects.HEADER_NOTIFICATION].partition(".")[0]) >= (newest or 0)

        await eventually(there)


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


async def wiped_and_rebuilt(
    system: System, js: JetStreamContext, before: dict[str, list[Message]], wipe: str
) -> tuple[dict[str, Any], dict[str, list[Message]]]:
    """What the command says that made the stream again, and the events in it.

    Relays look at the stream every few seconds, and fill it again by themselves where it is only empty. So they stand
    still until the command has made it again.
    """
    made = (await js.stream_info(subjects.EVENTS_STREAM)).created

    async def made_again() -> bool:
        with contextlib.suppress(NotFoundError):
            return (await js.stream_info(subjects.EVENTS_STREAM)).created != made
        return False

    relays = ("room", "people")
    for name in relays:
        system.kill(name, signal.SIGSTOP)
    try:
        if wipe == "deleted":
            await js.delete_stream(subjects.EVENTS_STREAM)
        else:
            await js.purge_stream(subjects.EVENTS_STREAM)
        command = asyncio.create_task(rebuild(system.var_dir))
        await eventually(made_again)
    finally:
        for name in relays:
            system.kill(name, signal.SIGCONT)
    done = await command
    assert ("gone" if wipe == "deleted" else "was emptied; deleted it and made it again") in done["stream"]
    after = await stored_events(js)
    goes_on(before, after)
    return done, after


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("wipe", ["deleted", "purged"])
async def test_a_wiped_stream_comes_back_whole_and_everybody_goes_on(system: System, wipe: str) -> None:
    titles = [f"Before it was {wipe}", f"After it was {wipe}"]
    async with httpx.AsyncClient(base_url=system.url, timeout=LIMIT) as http, jetstream(system) as js:
        host, guest = await sign_up(http, f"host_{wipe}"), await sign_up(http, f"guest_{wipe}")
        space = await host.order("POST", "/v1/spaces", title=titles[0])
        for _ in range(10):
            await host.order("POST", f"/v1/spaces/{space['id']}/stage/{host.id}/unmute")
            await host.order("POST", f"/v1/spaces/{space['id']}/stage/{host.id}/mute")
        await published(js, system.var_dir)
        before = await stored_events(js)
        assert len(before["room"]) >= 21
        names = {info.name for info in await js.consumers_info(subjects.EVENTS_STREAM) if info.config.durable_name}

        done, after = await wiped_and_rebuilt(system, js, before, wipe)
        filled = {one["context"]: one["events"] for one in done["contexts"]}["room"]
        assert len(before["room"]) <= filled <= len(after["room"])

        # Then everything goes on: commands, followers, search.
        await guest.order("PUT", f"/v1/me/following/{host.id}")
        other = await host.order("POST", "/v1/spaces", title=titles[1])

        async def both_are_found() -> bool:
            answer = await http.get("/v1/spaces", params={"state": "live"})
            if answer.status_code == 503:
                return False  # discovery waits for the services that do not run
            cards = answer.raise_for_status().json()["spaces"]
            return sorted(card["title"] for card in cards) == sorted(titles)

        await eventually(both_are_found)
        for one in (space, other):
            assert (await host.order("GET", f"/v1/spaces/{one['id']}"))["state"] == "live"

        async def readers_are_back() -> bool:
            return names <= {one.name for one in await js.consumers_info(subjects.EVENTS_STREAM)}

        await eventually(readers_are_back)
        assert [letter async for letter in read_letters(js)] == []

        # There is nothing more to do, and nothing is done.
        await published(js, system.var_dir)
        whole = await stored_events(js)
        done = await rebuild(system.var_dir)
        assert "lacks no fact" in done["stream"]
        assert {one["published"] for one in done["contexts"]} == {0}
        goes_on(whole, await stored_events(js))
        for one in (space, other):
            await host.order("POST", f"/v1/spaces/{one['id']}/end")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_moment_that_is_gone_is_no_hole_and_a_missing_fact_is(system: System) -> None:
    async with httpx.AsyncClient(base_url=system.url, timeout=LIMIT) as http, jetstream(system) as js:
        host = await sign_up(http, "host")
        space = await host.order("POST", "/v1/spaces", title="Before the flood")
        moment = await js.publish(subjects.event("presence", space["id"], "reacted"), b"{}")
        await host.order("POST", f"/v1/spaces/{space['id']}/stage/{host.id}/unmute")
        await published(js, system.var_dir)
        before = await stored_events(js)
        created = (await js.stream_info(subjects.EVENTS_STREAM)).created

        await js.delete_msg(subjects.EVENTS_STREAM, moment.seq)
        assert "lacks no fact" in (await rebuild(system.var_dir))["stream"]
        assert (await js.stream_info(subjects.EVENTS_STREAM)).created == created, "nobody has to begin anew"

        fact = await js.get_msg(subjects.EVENTS_STREAM, subject=subjects.events_of("room"), next=True, seq=1)
        assert fact.seq is not None
        await js.delete_msg(subjects.EVENTS_STREAM, fact.seq)
        assert "lacked 1 room events; deleted it" in (await rebuild(system.var_dir))["stream"]
        goes_on(before, await stored_events(js))
        await host.order("POST", f"/v1/spaces/{space['id']}/end")


def test_every_context_with_a_store_is_rebuilt() -> None:
    services = Path(__file__).parents[3] / "services"
    relayed = {path.parent.name for path in services.glob("*/main.py") if "Relay(" in path.read_text()}
    assert relayed == set(STORED)
