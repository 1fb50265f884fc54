"""Live events over a WebSocket: the same events, for the same people, as the server-sent ones."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.people.v1 import Erased, Suspended
from contracts.room import v1 as room
from libs.ids import new_id
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, key_set
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT


def addresses(space: room.Space) -> tuple[str, str]:
    return f"/v1/spaces/{space.id}/live", f"/v1/spaces/{space.id}/events"


async def test_it_tells_what_is_server_sent_and_resumes_from_either(gateway: Running, behind: Backend) -> None:
    host, guest = a_person("Host"), a_person("Guest")
    space = behind.add(host)
    live, sent = addresses(space)
    async with gateway.client(guest.id) as client:
        async with client.live(live) as messages, client.events(sent) as events:
            assert await messages.next() == await events.next()
            await behind.emit(room.SpeakRequested(**behind.next(space), person=a_person("Stranger")))
            await behind.emit(room.StageJoined(**behind.next(space), person=guest, role=room.Role.SPEAKER))
            await behind.emit(room.Muted(**behind.next(space), person_id=host.id))
            told = await messages.until("room.muted")
            assert told == await events.until("room.muted")
            assert [one.event for one in told] == ["room.stage_joined", "room.muted"]
        await behind.emit(room.Unmuted(**behind.next(space), person_id=host.id))
        async with client.live(live, told[0].id) as messages, client.events(sent, told[0].id) as events:
            again = await messages.until("room.unmuted")
            assert again == await events.until("room.unmuted")
            assert [one.event for one in again] == ["room.muted", "room.unmuted"]
        for stale in ({"last_event_id": "nonsense"}, {"last_event_id": f"{told[0].id}999"}):
            async with client.live(live, **stale) as messages:
                assert [(await messages.next()).event for _ in range(2)] == ["reset", "snapshot"]


async def test_who_is_suspended_is_cut_off(gateway: Running, behind: Backend) -> None:
    troll, space = new_id(), behind.add(a_person("Host"))
    live, _ = addresses(space)
    async with gateway.client(troll) as client:
        async with client.live(live) as messages:
            await messages.until("snapshot")
            await behind.emit(Suspended(at=datetime.now(UTC), person_id=troll, version=2, reason="abuse"))
            assert await messages.closed() == []
            assert messages.ended_with == (1008, "suspended")
        assert await client.not_live(live) == (403, "suspended")


async def test_who_is_erased_is_cut_off_and_not_told_that_they_are_suspended(gateway: Running, behind: Backend) -> None:
    leaver, space = new_id(), behind.add(a_person("Host"))
    live, _ = addresses(space)
    async with gateway.client(leaver) as client:
        async with client.live(live) as messages:
            await messages.until("snapshot")
            await behind.emit(Erased(at=datetime.now(UTC), person_id=leaver, version=2))
            assert await messages.closed() == []
            assert messages.ended_with == (1008, "token_revoked")
        assert await client.not_live(live) == (401, "unauthenticated")


async def test_a_refusal_is_a_problem_document(gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))
    live, _ = addresses(space)
    async with gateway.client() as client:
        assert await client.not_live(live, {"authorization": "Basic YTpi"}) == (401, "unauthenticated")
        assert await client.not_live(f"/v1/spaces/{new_id()}/live") == (404, "space_unknown")
        assert await client.not_live("/v1/spaces/nonsense/live") == (404, "space_unknown")
        assert await client.not_live(live, session="nonsense") == (422, "invalid")


async def test_pages_of_other_origins_are_refused_as_elsewhere(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    space = behind.add(a_person("Host"))
    live, _ = addresses(space)
    friend = "https://friend.example.org"
    async with running_gateway(nats.url, tmp_path, cors_origins=(friend,)) as gateway, gateway.client() as client:
        own_in_tls = gateway.base.replace("http:", "https:")  # another server's, where there is one
        for origin in ("https://evil.example.org", "null", "http://127.0.0.1:1", own_in_tls):
            assert await client.not_live(live, {"origin": origin}) == (403, "not_allowed")
        for origin in (gateway.base, friend):
            client.headers["origin"] = origin
            async with client.live(live) as messages:
                await messages.until("snapshot")


async def test_a_name_that_points_to_this_machine_is_not_its_own(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    live, _ = addresses(behind.add(a_person("Host")))
    rebound = {"host": "evil.example:8080", "origin": "http://evil.example:8080"}
    async with running_gateway(nats.url, tmp_path / "local") as gateway, gateway.client() as client:
        assert await client.not_live(live, rebound) == (403, "not_allowed")
    public = "https://Rostrum.example:443/".rstrip("/")
    keys = tmp_path / "keys.json"
    keys.write_bytes(key_set(SigningKey()))
    elsewhere = {
        "identity": "tokens",
        "identity_issuer": ISSUER,
        "identity_audience": AUDIENCE,
        "identity_keys": str(keys),
    }
    running = running_gateway(nats.url, tmp_path / "public", public_url=public, **elsewhere)
    async with running as gateway, gateway.client() as client:
        assert await client.not_live(live, rebound) == (403, "not_allowed")
        assert await client.not_live(live, {"origin": gateway.base}) == (403, "not_allowed")
        client.headers["origin"] = "https://rostrum.example"
        async with client.live(live) as messages:
            await messages.until("snapshot")


async def test_a_proxy_that_is_trusted_says_by_which_scheme_pages_come(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    live, _ = addresses(behind.add(a_person("Host")))
    async with (
        running_gateway(nats.url, tmp_path, trusted_proxies=("127.0.0.1",)) as gateway,
        gateway.client() as client,
    ):
        client.headers["x-forwarded-proto"] = "https"
        assert await client.not_live(live, {"origin": gateway.base}) == (403, "not_allowed")
        client.headers["origin"] = gateway.base.replace("http:", "https:")
        async with client.live(live) as messages:
            await messages.until("snapshot")


async def test_whoever_sends_something_is_closed(gateway: Running, behind: Backend) -> None:
    live, _ = addresses(behind.add(a_person("Host")))
    async with gateway.client() as client:
        for said, code in (("hello", 1008), (b"\0", 1008), ("x" * 2000, 1009)):
            async with client.live(live) as messages:
                await messages.until("snapshot")
                await messages.socket.send(said)
                assert await messages.closed() == []
                assert messages.ended_with[0] == code


async def test_it_asks_whether_the_client_is_there_and_compresses_nothing(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    live, _ = addresses(behind.add(a_person("Host")))
    asked = (
        f"GET {live} HTTP/1.1\r\nHost: there\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    async with running_gateway(nats.url, tmp_path, keep_alive_seconds=0.05) as gateway, asyncio.timeout(LIMIT):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.base.rpartition(":")[2]))
        writer.write(asked.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 101 ")
        assert b"extensions" not in head
        await reader.readuntil(b"\x89\x04")  # a ping (RFC 6455, section 5.5.2) of four bytes
        writer.close()


async def test_an_address_with_a_token_is_in_no_log(
    gateway: Running, behind: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    live, _ = addresses(behind.add(a_person("Host")))
    token = gateway.identity.mint(new_id())
    with caplog.at_level(logging.DEBUG):
        async with gateway.client() as client, client.live(live, access_token=token) as messages:
            await messages.until("snapshot")
    assert live in caplog.text
    ours = [record for record in caplog.records if record.name != "websockets.client"]
    assert token not in "".join(record.getMessage() + str(vars(record)) for record in ours)
