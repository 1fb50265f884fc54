"""WHIP and WHEP as their standards have them, and whose connection is whose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from contracts import subjects
from contracts.commands import Nothing
from contracts.media.v1 import Answer, Connect, Disconnect, Node, Trickle
from contracts.room import v1 as room
from libs.bus.origin import mark
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}


@pytest.fixture
def node(behind: Backend) -> Callable[..., Awaitable[None]]:
    """Puts a media node into the bucket."""

    async def put(name: str = "node-1", sessions: int = 0, **more: Any) -> None:
        made = Node(node_id=name, address="127.0.0.1:1", sessions=sessions, capacity=10, **more)
        key = f"$KV.{subjects.NODES_BUCKET}.{name}"
        await behind.bus.js.publish(key, made.model_dump_json().encode(), headers=mark("media"))

    async def answer(command: Connect) -> Answer:
        return Answer(session_id=command.session_id, node_id="node-1", sdp="v=0\r\nanswer\r\n", etag="ice1")

    async def nothing(command: object) -> Nothing:
        return Nothing()

    behind.on(Connect, answer)
    behind.on(Trickle, nothing)
    behind.on(Disconnect, nothing)
    return put


async def test_speaking_from_offer_to_goodbye(
    gateway: Running, behind: Backend, node: Callable[..., Awaitable[None]]
) -> None:
    await node()
    host = a_person("Host")
    space = behind.add(host)
    async with gateway.client(host.id) as client:
        options = await client.http.options(f"/v1/spaces/{space.id}/whip")
        assert (options.status_code, options.headers["accept-post"]) == (204, "application/sdp")
        answer = await client.http.post(f"/v1/spaces/{space.id}/whip", content=OFFER, headers=SDP)
        assert (answer.status_code, answer.text) == (201, "v=0\r\nanswer\r\n")
        assert answer.headers["content-type"].startswith("application/sdp")
        assert answer.headers["etag"] == '"ice1"'
        (connect,) = behind.asked["connect"]
        assert isinstance(connect, Connect)
        assert (connect.direction, connect.offer, connect.person, connect.muted) == ("publish", OFFER, host, True)
        where = answer.headers["location"]
        assert where.startswith(f"/v1/media/{connect.session_id}")
        trickled = await client.http.patch(where, content="a=ice-ufrag:x", headers={**FRAGMENT, "if-match": '"ice1"'})
        assert trickled.status_code == 204
        (trickle,) = behind.asked["trickle"]
        assert isinstance(trickle, Trickle)
        assert (trickle.session_id, trickle.etag) == (connect.session_id, "ice1")
        async with gateway.client(a_person("Thief").id) as thief, gateway.client() as nobody:
            for other in (thief, nobody):
                stolen = await other.http.delete(where)
                assert (stolen.status_code, stolen.json()["reason"]) == (403, "not_yours")
        assert (await client.http.delete(where)).status_code == 200
        for wrong in ("x", f"{connect.session_id}.node-1.", f"{connect.session_id}.*.abc", f"{connect.session_id}"):
            refused = await client.http.delete(f"/v1/media/{wrong}")
            assert refused.status_code in (403, 404), wrong


async def test_a_connection_is_its_owners_after_a_restart_too(
    nats: NatsServer, behind: Backend, node: Callable[..., Awaitable[None]], tmp_path: Path
) -> None:
    await node()
    space = behind.add(a_person("Host"))
    async with running_gateway(nats.url, tmp_path) as gateway, gateway.client() as client:
        answer = await client.http.post(f"/v1/spaces/{space.id}/whep", content=OFFER, headers=SDP)
        assert answer.status_code == 201
    async with running_gateway(nats.url, tmp_path) as gateway, gateway.client() as client:
        assert (await client.http.delete(answer.headers["location"])).status_code == 200


async def test_bad_offers_are_refused(gateway: Running, behind: Backend, node: Callable[..., Awaitable[None]]) -> None:
    await node()
    host = a_person("Host")
    space = behind.add(host)
    whip = f"/v1/spaces/{space.id}/whip"
    async with gateway.client(host.id) as client, gateway.client() as nobody:
        for content, headers, status, reason in (
            (OFFER, {"content-type": "application/json"}, 415, "unsupported_media_type"),
            (OFFER, {}, 415, "unsupported_media_type"),
            ("", SDP, 400, "bad_sdp"),
            ("hello", SDP, 400, "bad_sdp"),
            (b"\xff\xfe", SDP, 400, "bad_sdp"),
            (OFFER + "a=x\r\n" * 7000, SDP, 413, "too_large"),
            (OFFER + "a=x\r\n" * 70000, SDP, 413, "too_large"),
        ):
            refused = await client.http.post(whip, content=content, headers=headers)
            assert (refused.status_code, refused.json()["reason"]) == (status, reason)
        assert (await nobody.http.post(whip, content=OFFER, headers=SDP)).status_code == 401
        async with gateway.client(a_person("Guest").id) as guest:
            refused = await guest.http.post(whip, content=OFFER, headers=SDP)
            assert (refused.status_code, refused.json()["reason"]) == (403, "not_on_stage")

        async def bad(command: Connect) -> Answer:
            raise Refusal("bad_sdp", "There is no audio in it.")

        behind.on(Connect, bad)
        assert (await client.http.post(whip, content=OFFER, headers=SDP)).json()["reason"] == "bad_sdp"


async def test_takes_the_least_loaded_node_that_answers(
    gateway: Running, behind: Backend, node: Callable[..., Awaitable[None]]
) -> None:
    space = behind.add(a_person("Host"))
    whep = f"/v1/spaces/{space.id}/whep"
    async with gateway.client() as client:
        none = await client.http.post(whep, content=OFFER, headers=SDP)
        assert (none.status_code, none.json()["reason"]) == (503, "unavailable")
        await node("dead-1", 0)
        await node("drained-1", 0, draining=True)
        await node("node-1", 5)

        async def connected() -> Response | None:
            answer = await client.http.post(whep, content=OFFER, headers=SDP)
            return answer if answer.status_code == 201 else None

        # What is known of nodes is a quarter of a second old at most.
        assert (await eventually(connected)).headers["location"].split(".")[1] == "node-1"

        async def full(command: Connect) -> Answer:
            raise Refusal("node_full", "Full.", retry=True)

        behind.on(Connect, full)
        refused = await client.http.post(whep, content=OFFER, headers=SDP)
        assert (refused.status_code, refused.json()["reason"]) == (503, "node_full")
        assert refused.headers["retry-after"]


async def test_a_removed_person_may_not_even_listen(
    gateway: Running, behind: Backend, node: Callable[..., Awaitable[None]]
) -> None:
    await node()
    guest = a_person("Guest")
    space = behind.add(a_person("Host"), removed=(guest.id,))
    async with gateway.client(guest.id) as client:
        refused = await client.http.post(f"/v1/spaces/{space.id}/whep", content=OFFER, headers=SDP)
        assert (refused.status_code, refused.json()["reason"]) == (403, "removed")


async def test_tells_of_turn_servers(
    nats: NatsServer, behind: Backend, node: Callable[..., Awaitable[None]], tmp_path: Path
) -> None:
    await node()
    space = behind.add(a_person("Host"), state=room.State.LIVE)
    turn = {"turn_urls": ("turn:turn.example.org?transport=udp",), "turn_secret": "secret"}
    async with running_gateway(nats.url, tmp_path, **turn) as gateway, gateway.client() as client:
        answer = await client.http.post(f"/v1/spaces/{space.id}/whep", content=OFFER, headers=SDP)
        assert answer.headers["link"].startswith('<turn:turn.example.org?transport=udp>; rel="ice-server"; username="')
