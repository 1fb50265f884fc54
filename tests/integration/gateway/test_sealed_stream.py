"""What people write and are called is in no message of EVENTS, is shown in live events and their history, and is shown
nowhere once it is erased. All services are real, each in its own process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio

from contracts import subjects
from infra.launcher import System
from libs.ids import new_id
from libs.names import NOBODY
from tests.integration.gateway.client import Client, Told
from tests.support.command import rostrum
from tests.support.needles import needle
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES = ("room", "people", "discovery", "tipping", "gateway")
TITLE, CHANGED, WORD, MESSAGE, PINNED, WHY, NOTE, HOST, GUEST = (needle() for _ in range(9))
NAMES = ("registered", "profile_changed")


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("system")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(var: Path) -> AsyncIterator[System]:
    async with System(var, gateway_port=0, services=SERVICES, settings={"ROSTRUM_PEOPLE_KEY_LEASE": "2"}) as running:
        yield running


async def signed_up(system: System, handle: str, name: str) -> tuple[str, Client]:
    async with Client(system.url) as nobody:
        made = await nobody.http.post("/v1/people", json={"handle": handle, "name": name})
        assert made.status_code == 201, made.text
    return made.json()["person"]["id"], Client(system.url, made.json()["token"])


async def done(client: Client, method: str, path: str, **sent: Any) -> Any:
    response = await client.http.request(method, path, headers={"idempotency-key": new_id()}, **sent)
    assert response.is_success, response.text
    return response.json() if response.content else None


async def raw(system: System) -> list[tuple[str, bytes]]:
    """Every message of EVENTS as it stands there: subject, and all its bytes."""
    user, password = system.credentials()
    client = await nats.connect(system.nats_url, user=user, password=password)
    try:
        js = client.jetstream()
        state = (await js.stream_info(subjects.EVENTS_STREAM)).state
        found = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            message = await js.get_msg(subjects.EVENTS_STREAM, sequence)
            found.append((message.subject or "", json.dumps(message.headers).encode() + (message.data or b"")))
        return found
    finally:
        await client.close()


async def history(host: Client, at: str, server: Client | None = None) -> list[Told]:
    """Everything that the host, or a server, is shown of a Space from its beginning on."""
    marker = new_id()
    await done(host, "PUT", f"{at}/words", json={"words": [WORD, marker]})
    told: list[Told] = []
    whole = (
        host.events(f"{at}/events", "0")
        if server is None
        else server.events("/v1/server/events", "0", space=at.rpartition("/")[2])
    )
    async with whole as stream:
        while not (told and told[-1].event == "room.words_changed" and marker in told[-1].data["words"]):
            told.append(await stream.next())
    return told


def words(told: list[Told]) -> str:
    return json.dumps([one.data for one in told])


async def test_no_message_has_words_or_names_and_whoever_is_shown_it_reads_them_until_they_are_erased(
    system: System, var: Path
) -> None:
    host, as_host = await signed_up(system, "host", f"Host {HOST}")
    guest, as_guest = await signed_up(system, "guest", f"Guest {GUEST}")
    troll, as_troll = await signed_up(system, "troll", "Troll")
    key = await rostrum("keys", "--var", str(var), "--json", "create", "it", "--for", "events")
    async with as_host, as_guest, as_troll, Client(system.url, json.loads(key.out)["key"]) as server:
        await done(as_guest, "PUT", f"/v1/me/following/{host}")
        async with as_guest.events("/v1/live-bar/events") as bar:
            await bar.until("snapshot")
            made = await done(as_host, "POST", "/v1/spaces", json={"title": f"On {TITLE}", "words": [WORD]})
            (*_, changed) = await bar.until("discovery.bar_changed")
            card = changed.data["card"]
            assert (card["title"], card["host"]["name"]) == (f"On {TITLE}", f"Host {HOST}")
        at = f"/v1/spaces/{made['id']}"
        await done(as_host, "PATCH", at, json={"title": f"About {CHANGED}"})
        await done(as_guest, "POST", f"{at}/sessions")
        await done(as_guest, "POST", f"{at}/requests", json={"message": f"please {MESSAGE}"})
        asked = [one for one in await history(as_host, at) if one.event == "room.speak_requested"]
        assert [(one.data["message"], one.data["person"]["name"]) for one in asked] == [
            (f"please {MESSAGE}", f"Guest {GUEST}")
        ]
        await done(as_host, "POST", f"{at}/requests/{guest}/accept")
        pin = {"url": f"https://example.org/{PINNED}", "text": f"read {PINNED}"}
        pinned = await done(as_guest, "POST", f"{at}/pins", json=pin)
        await done(as_troll, "POST", f"{at}/sessions")
        await done(as_host, "POST", f"{at}/removals", json={"person_id": troll, "reason": f"for {WHY}"})
        jar = {"enabled": True, "names": {"paypal": "somebody"}, "public_names_acknowledged": True}
        await done(as_host, "PUT", "/v1/me/tip-jar", json=jar)
        tip = {"to": host, "provider": "paypal", "amount_minor": 100, "currency": "EUR", "note": f"thanks {NOTE}"}
        await done(as_guest, "POST", f"{at}/tips", json=tip)

        async def tipped() -> bool:
            return NOTE in words(await history(as_host, at))

        await eventually(tipped)
        shown = words(await history(as_host, at))
        for text in (TITLE, CHANGED, WORD, PINNED, WHY, NOTE, HOST, GUEST):
            assert text in shown, text

        async def taken_back() -> bool:  # the request is over, and its key is destroyed
            return MESSAGE not in words(await history(as_host, at))

        await eventually(taken_back)
        told = await history(as_host, at, server)
        for text in (TITLE, CHANGED, WORD, PINNED, WHY, HOST, GUEST):
            assert text in words(told), text
        assert MESSAGE not in words(told)
        assert NOTE not in words(told), "a tip is between two people"
        stream = await raw(system)
        assert {"created", "bar_changed", "tip_offered"} <= {subject.rpartition(".")[2] for subject, _ in stream}
        for subject, message in stream:
            for text in (TITLE, CHANGED, WORD, MESSAGE, PINNED, WHY, NOTE):
                assert text.encode() not in message, (subject, message)
            if not subject.endswith(NAMES):
                for text in (HOST, GUEST):
                    assert text.encode() not in message, (subject, message)

        await done(as_host, "PATCH", "/v1/me", json={"name": "Somebody new"})

        async def renamed() -> bool:
            told = words(await history(as_host, at))
            return HOST not in told and "Somebody new" in told

        await eventually(renamed)
        await done(as_host, "DELETE", f"{at}/pins/{pinned['pins'][0]['id']}")

        async def unpinned() -> bool:
            told = await history(as_host, at)
            return "room.pinned" not in {one.event for one in told} and "room.unpinned" in {one.event for one in told}

        await eventually(unpinned)
        async with as_host.events(f"{at}/events") as live:
            await live.until("snapshot")
            await done(as_guest, "DELETE", "/v1/me", json={"confirmation": "guest"})
            await live.until("reset")
            assert GUEST not in json.dumps((await live.next()).data), "the snapshot that follows"
        for_server = await history(as_host, at, server)
        assert not any(text in words(for_server) for text in (HOST, GUEST, NOTE, MESSAGE, PINNED))
        assert "room.pinned" not in {one.event for one in for_server}
        told = await history(as_host, at)
        assert not any(text in words(told) for text in (GUEST, NOTE, MESSAGE))
        (joined,) = [one for one in told if one.event == "room.stage_joined"]
        assert joined.data["person"]["name"] == NOBODY
        assert CHANGED in words(told), "of others nothing is gone"
        newest = (await as_host.http.get(at)).json()["version"]
        for version in range(1, newest + 1):
            then = (await as_host.http.get(at, params={"at": str(version)})).json()
            assert then["version"] == version
            for text in (HOST, GUEST, MESSAGE, PINNED, NOTE, guest):
                assert text not in json.dumps(then), (version, text)
        found = await as_host.http.get("/v1/spaces", params={"q": CHANGED, "state": "all"})
        assert CHANGED in found.text
        await done(as_host, "POST", f"{at}/end")
        await done(as_host, "DELETE", at)

        async def gone() -> bool:
            found = await as_host.http.get("/v1/spaces", params={"q": CHANGED, "state": "all"})
            return found.is_success and not found.json()["spaces"]

        await eventually(gone)
        assert (await as_host.http.get(f"{at}/events", headers={"last-event-id": "0"})).status_code == 410
        async with server.events("/v1/server/events", "0") as missed:
            left = await missed.until("room.deleted")
        assert [one.event for one in left if one.data.get("space_id") == made["id"]] == ["room.deleted"]
        assert not any(text in words(left) for text in (TITLE, CHANGED, WORD, MESSAGE, PINNED, WHY, NOTE, HOST, GUEST))
