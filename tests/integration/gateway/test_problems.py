"""Whatever is wrong, the answer is a problem document with a reason, and it comes soon."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from contextlib import closing
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import subjects
from contracts.commands import Nothing
from contracts.people.v1 import Follow
from contracts.room import v1 as room
from libs.bus import BusSettings, connect
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import CannotStart
from tests.integration.gateway.backend import Backend, a_person, backend
from tests.integration.gateway.client import Client
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer, free_port, settled
from tests.support.waiting import LIMIT, eventually


def _is_problem(response: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    document: dict[str, Any] = response.json()
    assert (response.status_code, document["status"], document["reason"]) == (status, status, reason)
    assert document["detail"]
    assert document["instance"] == response.request.url.path
    return document


async def test_signing_up_gives_a_token_that_works(gateway: Running, behind: Backend) -> None:
    async with gateway.client() as nobody:
        made = await nobody.http.post("/v1/people", json={"handle": "ada", "name": " Ada "})
        assert made.status_code == 201
        assert made.json()["person"]["name"] == "Ada"
        token = made.json()["token"]
        _is_problem(await nobody.http.get("/v1/me"), 401, "unauthenticated")
    async with Client(gateway.base, token) as ada:
        assert (await ada.http.get("/v1/me")).json() == made.json()["person"]
    mode = (gateway.var / "keys" / "identity.pem").stat().st_mode & 0o777
    assert mode == 0o600


async def test_a_repeated_sign_up_is_the_same_person_and_another_with_its_key_is_not(
    gateway: Running, behind: Backend
) -> None:
    async with gateway.client() as nobody:
        key = {"idempotency-key": "1"}
        first = await nobody.http.post("/v1/people", json={"handle": "ada", "name": "Ada"}, headers=key)
        again = await nobody.http.post("/v1/people", json={"handle": "ada", "name": "Ada"}, headers=key)
        other = await nobody.http.post("/v1/people", json={"handle": "eve", "name": "Eve"}, headers=key)
        assert first.json()["person"] == again.json()["person"]
        assert first.json()["person"]["id"] != other.json()["person"]["id"]
        commands = behind.asked["sign_up"]
        assert commands[0] == commands[1]
        assert commands[0] != commands[-1]


async def test_a_command_sent_again_is_the_same_command(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")

    async def create(command: room.CreateSpace) -> room.Space:
        return behind.add(host, id=command.space_id)

    behind.on(room.CreateSpace, create)
    async with gateway.client(host.id) as client, gateway.client(a_person("Other").id) as other:
        for sender in (client, client, other):
            made = await sender.http.post("/v1/spaces", json={"title": "Tea"}, headers={"idempotency-key": "k"})
            assert made.status_code == 201
        await client.http.post("/v1/spaces", json={"title": "Tea"})
        commands = [command for command in behind.asked["create_space"] if isinstance(command, room.CreateSpace)]
        assert commands[0] == commands[1]
        assert [command.command_id for command in commands[:3]] == ["k", "k", "k"]
        assert len({command.space_id for command in commands}) == 3


@pytest.mark.parametrize(
    "sent",
    ["Bearer", "Basic YTpi", "Bearer nonsense", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
     "Bearer é", "Bearer " + "x" * 5000],
)  # fmt: skip
async def test_a_bad_token_is_refused(gateway: Running, sent: str) -> None:
    async with gateway.client() as client:
        for path in ("/v1/me", "/v1/spaces"):
            refused = await client.http.get(path, headers={b"authorization": sent.encode()})
            _is_problem(refused, 401, "unauthenticated")
            assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_an_expired_token_is_told_so(gateway: Running) -> None:
    token = gateway.identity.mint(new_id(), lifetime=timedelta(seconds=-60))
    async with Client(gateway.base, token) as client:
        _is_problem(await client.http.get("/v1/me"), 401, "token_expired")


async def test_mistakes_of_clients(gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))
    async with gateway.client(new_id()) as client:
        http = client.http
        _is_problem(await http.get("/v1/nothing"), 404, "not_found")
        _is_problem(await http.get("/static/nothing.js"), 404, "not_found")
        _is_problem(await http.get("/static/../main.py"), 404, "not_found")
        wrong_method = await http.put("/v1/spaces")
        _is_problem(wrong_method, 405, "method_not_allowed")
        assert wrong_method.headers["allow"] == "GET, HEAD, POST"
        _is_problem(await http.get(f"/v1/spaces/{new_id()}"), 404, "space_unknown")
        _is_problem(await http.get(f"/v1/spaces/{new_id()}/events"), 404, "space_unknown")
        _is_problem(await http.get("/v1/spaces/nonsense"), 404, "space_unknown")
        _is_problem(await http.get("/v1/people/nonsense"), 404, "person_unknown")
        _is_problem(await http.get("/v1/spaces?limit=0"), 422, "invalid")
        _is_problem(await http.get("/v1/spaces?state=odd"), 422, "invalid")
        faults = _is_problem(await http.post("/v1/spaces", json={"title": ""}), 422, "invalid")["faults"]
        assert faults[0]["where"] == "body.title"
        _is_problem(await http.post("/v1/spaces", json={"title": "x" * 71}), 422, "invalid")
        _is_problem(await http.post("/v1/spaces", json={"title": "x", "colour": "red"}), 422, "invalid")
        _is_problem(await http.post("/v1/spaces", json=[]), 422, "invalid")
        _is_problem(await http.post("/v1/spaces"), 422, "invalid")
        json = {"content-type": "application/json"}
        for broken in (b"{", b"\xff", b'{"title": "\\ud800"}', b'{"title": NaN}', b"[" * 30000):
            response = await http.post("/v1/spaces", content=broken, headers=json)
            assert response.status_code in (400, 422), broken[:20]
        text = {"content-type": "text/plain"}
        _is_problem(await http.post("/v1/spaces", content=b"{}", headers=text), 415, "unsupported_media_type")
        big = b'{"title": "' + b"x" * 70_000 + b'"}'
        _is_problem(await http.post("/v1/spaces", content=big, headers=json), 413, "too_large")

        async def pieces() -> Any:
            for start in range(0, len(big), 10_000):
                yield big[start : start + 10_000]

        _is_problem(await http.post("/v1/spaces", content=pieces(), headers=json), 413, "too_large")
        key = {"idempotency-key": "a b"}
        _is_problem(await http.post(f"/v1/spaces/{space.id}/end", headers=key), 422, "invalid")


async def test_a_refusal_keeps_its_reason(gateway: Running, behind: Backend) -> None:
    async def refuse(command: Follow) -> Nothing:
        raise Refusal("reason_of_a_newer_service", "Not today.")

    behind.on(Follow, refuse)
    async with gateway.client(new_id()) as client:
        refused = await client.http.put(f"/v1/me/following/{new_id()}")
        assert _is_problem(refused, 409, "reason_of_a_newer_service")["detail"] == "Not today."


async def test_a_refusal_names_the_field_that_is_at_fault(gateway: Running, behind: Backend) -> None:
    async def refuse(command: Follow) -> Nothing:
        raise Refusal("invalid", "There is no topic 'x'; choose from the list.", field="topics")

    behind.on(Follow, refuse)
    async with gateway.client(new_id()) as client:
        refused = _is_problem(await client.http.put(f"/v1/me/following/{new_id()}"), 422, "invalid")
        assert refused["faults"] == [{"where": "body.topics", "what": "There is no topic 'x'; choose from the list."}]


async def test_a_bug_elsewhere_is_told_without_its_insides(gateway: Running, behind: Backend) -> None:
    async def break_(command: Follow) -> Nothing:
        raise RuntimeError("the secret")

    behind.on(Follow, break_)
    async with gateway.client(new_id()) as client:
        document = _is_problem(await client.http.put(f"/v1/me/following/{new_id()}"), 500, "internal")
        assert "secret" not in str(document)


@pytest.mark.parametrize("how", ["nobody serves it", "it never answers", "it answers nonsense"])
async def test_a_service_that_is_away_is_a_503_in_time(nats: NatsServer, tmp_path: Path, how: str) -> None:
    async with await connect("backend", BusSettings(url=nats.url, partitions=1)) as bus:
        if how != "nobody serves it":

            async def answer(msg: Any) -> None:
                if how == "it answers nonsense":
                    await msg.respond(b'{"outcome":"accepted","result":{"id":7}}')

            for subject in ("query.>", "command.>"):
                await bus.nc.subscribe(subject, cb=answer)
                await settled(bus.nc)
        async with running_gateway(nats.url, tmp_path, ask_seconds=1) as gateway, gateway.client(new_id()) as client:
            space = f"/v1/spaces/{new_id()}"
            asked = (
                ("GET", "/v1/me"), ("GET", "/v1/spaces"), ("GET", space), ("GET", f"{space}/events"),
                ("POST", f"{space}/end"), ("GET", f"{space}/replay.m4a"), ("GET", "/v1/live-bar/events"),
            )  # fmt: skip
            started = time.monotonic()
            answers = await asyncio.gather(*(client.http.request(method, path) for method, path in asked))
            assert time.monotonic() - started < LIMIT, "a second for each service that was asked"
            for response in answers:
                _is_problem(response, 503, "unavailable")
                assert int(response.headers["retry-after"]) >= 1
            # Away is no reason to fall over: overview and health still answer.
            assert (await client.http.get("/healthz")).status_code == 200


async def test_nats_away_is_a_503_and_its_return_is_noticed(nats: NatsServer, tmp_path: Path) -> None:
    async with backend(nats.url, "room", "people") as behind:
        space = behind.add(a_person("Host"))
        async with (
            running_gateway(nats.url, tmp_path, ask_seconds=1) as gateway,
            gateway.client() as client,
            client.events(f"/v1/spaces/{space.id}/events") as events,
        ):
            await events.until("snapshot")
            nats.kill()
            _is_problem(await client.http.get(f"/v1/spaces/{space.id}"), 503, "unavailable")
            nats.start()

            async def answers() -> bool:
                return (await client.http.get(f"/v1/spaces/{space.id}")).status_code == 200

            await eventually(answers)
            await behind.emit(room.Unmuted(**behind.next(space), person_id=space.host.id))
            assert (await events.until("room.unmuted"))[-1].event == "room.unmuted"


async def test_a_person_who_commands_too_much_is_slowed(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    async with (
        running_gateway(nats.url, tmp_path, commands_burst=3, commands_per_second=0.01) as gateway,
        gateway.client(new_id()) as client,
    ):
        answers = [await client.http.delete(f"/v1/me/following/{new_id()}") for _ in range(4)]
        refused = answers[-1]
        _is_problem(refused, 429, "too_many_requests")
        assert int(refused.headers["retry-after"]) >= 1
        assert all(answer.status_code != 429 for answer in answers[:3])


async def test_pages_and_headers(gateway: Running, behind: Backend) -> None:
    async with gateway.client() as client:
        for path in ("/", f"/spaces/{behind.add(a_person('Host')).id}"):
            page = await client.http.get(path)
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "require-trusted-types-for 'script'" in policy
            assert page.headers["x-content-type-options"] == "nosniff"
            assert (await client.http.head(path)).status_code == 200
        script = await client.http.get("/static/app.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert (await client.http.get("/v1/openapi.json")).json()["openapi"].startswith("3.")


async def test_operators_see_the_instance(gateway: Running, behind: Backend) -> None:
    async def none_live(query: room.LiveSpacesQuery) -> room.LiveSpaces:
        return room.LiveSpaces()

    behind.on(room.LiveSpacesQuery, none_live)
    async with gateway.client(new_id(), operator=True) as operator:

        async def told() -> dict[str, Any] | None:
            overview: dict[str, Any] = (await operator.http.get("/v1/ops/overview")).json()
            return overview if overview["services"] else None

        figures = await eventually(told)
        assert figures["services"][0]["service"] == "gateway"
        assert figures["spaces_live"] == 0
        # Processes of other machines tell their figures over the bus, as those of this one do.
        for instance, packets in (("elsewhere", 3), ("somewhere", 4)):
            said = {
                "service": "media", "instance": instance, "pid": 1, "health_port": 1, "ready": True,
                "figures": {"rostrum_media_of_a_test": packets, "rostrum_dead_letters_total a_test": 2},
            }  # fmt: skip
            subject = subjects.service_status("media", instance)
            await behind.bus.say(subject, json.dumps(said).encode())

        async def summed() -> bool:
            now = (await operator.http.get("/v1/ops/overview")).json()
            return bool(now["media"].get("rostrum_media_of_a_test") == 7 and now["dead_letters"] >= 4)

        await eventually(summed)
        # However many look, it is gathered once a second.
        before, began = len(behind.asked["live_spaces"]), time.monotonic()
        await asyncio.gather(*(operator.http.get("/v1/ops/overview") for _ in range(30)))
        assert len(behind.asked["live_spaces"]) - before <= 1 + (time.monotonic() - began)
        page = await operator.http.get("/ops")
        assert (page.status_code, "Rostrum" in page.text) == (200, True)
        metrics = (await operator.http.get("/metrics")).text
        assert 'rostrum_http_requests_total{method="GET",route="/v1/ops/overview",status="200"}' in metrics


async def test_more_spaces_on_their_page_are_opened_as_the_page_was(gateway: Running, behind: Backend) -> None:
    host, ids = a_person("Host"), sorted(new_id() for _ in range(101))

    async def live(query: room.LiveSpacesQuery) -> room.LiveSpaces:
        here = [] if query.partition else [one for one in ids if one > query.after][: query.limit]
        return room.LiveSpaces(spaces=tuple(room.LiveSpace(id=one, title=f"<{one}>", host=host) for one in here))

    behind.on(room.LiveSpacesQuery, live)
    async with gateway.client(new_id(), operator=True) as operator, gateway.client() as browser:
        token = str(operator.http.headers["authorization"]).removeprefix("Bearer ")
        page = (await browser.http.get("/ops", params={"access_token": token})).text
        assert ids[0] in page
        (more,) = re.findall(r'href="(/ops[^"]*)"', page)
        following = await browser.http.get(unescape(more))
        assert (following.status_code, ids[0] in following.text, ids[-1] in following.text) == (200, False, True)
        # Whoever sends the token as a header is given no token in an address.
        (bare,) = re.findall(r'href="(/ops[^"]*)"', (await operator.http.get("/ops")).text)
        assert bare == f"/ops?after={ids[99]}"


async def test_nobody_else_does_wherever_they_sit(gateway: Running, behind: Backend) -> None:
    # A proxy on this machine makes everybody a client on loopback.
    async with gateway.client() as local, gateway.client(new_id()) as person:
        for path in ("/v1/ops/overview", "/ops", "/metrics", f"/v1/ops/spaces/{new_id()}/quality"):
            _is_problem(await local.http.get(path), 401, "unauthenticated")
            _is_problem(await person.http.get(path), 403, "not_allowed")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
async def test_development_identity_serves_this_machine_only(nats: NatsServer, tmp_path: Path, host: str) -> None:
    with pytest.raises(CannotStart, match="development identity"):
        async with running_gateway(nats.url, tmp_path, host=host):
            pass


async def test_a_taken_port_is_named(nats: NatsServer, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", free_port()))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} on 127.0.0.1 cannot be had: Address already in use"):
            async with running_gateway(nats.url, tmp_path, port=port):
                pass
