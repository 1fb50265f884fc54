"""How much one person, and one address, may ask of a gateway, and how they are told."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from contracts.people.v1 import PeopleFound, PeopleQuery
from libs.ids import new_id
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Way
from tests.integration.gateway.conftest import running_gateway
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("behind")
PAGE = "https://page.example"


def fields(answer: httpx.Response) -> tuple[str, str]:
    return answer.headers["ratelimit-policy"], answer.headers["ratelimit"]


def refused(answer: httpx.Response) -> bool:
    """Whether that was too much. Then the answer says when to come back."""
    if answer.status_code != 429:
        return False
    assert answer.json()["reason"] == "too_many_requests"
    assert int(answer.headers["retry-after"]) >= 1
    return True


async def test_an_address_signs_up_so_many_people_a_minute(nats: NatsServer, tmp_path: Path) -> None:
    async with running_gateway(nats.url, tmp_path, sign_ups_per_minute=2) as gateway, gateway.client() as nobody:
        answers = [await nobody.http.post("/v1/people", json={"handle": f"p{n}", "name": "P"}) for n in range(3)]
        assert [refused(answer) for answer in answers] == [False, False, True]
        assert fields(answers[0]) == ('"sign-ups";q=2;w=60', '"sign-ups";r=1;t=30')
        assert 20 <= int(answers[2].headers["retry-after"]) <= 30
        # Whoever is there already is not kept from anything.
        async with gateway.client(new_id()) as somebody:
            assert (await somebody.http.get("/v1/live-bar")).status_code == 200


async def test_people_without_a_token_open_so_many_sessions_and_streams(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    few = {
        "anonymous_sessions_burst": 2,
        "anonymous_sessions_per_minute": 1,
        "streams_per_address": 2,
        "streams_per_person": 7,
    }
    async with running_gateway(nats.url, tmp_path, ask_seconds=2, **few) as gateway, gateway.client() as nobody:
        space = behind.add(a_person("Ann")).id
        opened = [await nobody.http.post(f"/v1/spaces/{space}/sessions", json={}) for _ in range(3)]
        assert [refused(answer) for answer in opened] == [False, False, True]
        policy, left = fields(opened[1])
        assert policy == '"sessions";q=2;w=120'
        quota, _, seconds = left.partition(";t=")
        assert quota == '"sessions";r=0'
        assert 100 <= int(seconds) <= 120, "some seconds may have passed since the first"
        async with AsyncExitStack() as stack:
            streams = [
                await stack.enter_async_context(nobody.http.stream("GET", f"/v1/spaces/{space}/events"))
                for _ in range(3)
            ]
            assert [answer.status_code for answer in streams] == [200, 200, 429]
            assert int(streams[2].headers["retry-after"]) >= 1
            assert [fields(answer) for answer in streams] == [
                ('"streams";q=2', f'"streams";r={left}') for left in (1, 0, 0)
            ]
            with pytest.raises(InvalidStatus) as no:
                await stack.enter_async_context(nobody.follow(Way.SOCKET, space))
            assert no.value.response.status_code == 429
            assert no.value.response.headers["ratelimit"] == '"streams";r=0'
            somebody = await stack.enter_async_context(gateway.client(new_id()))
            own = await stack.enter_async_context(somebody.http.stream("GET", f"/v1/spaces/{space}/events"))
            assert own.status_code == 200
            assert fields(own) == ('"streams";q=7', '"streams";r=6')
            bar = await stack.enter_async_context(somebody.http.stream("GET", "/v1/live-bar/events"))
            assert fields(bar)[1] == '"streams";r=5'


async def test_a_person_creates_so_many_spaces_an_hour(nats: NatsServer, tmp_path: Path) -> None:
    async with (
        running_gateway(nats.url, tmp_path, spaces_per_hour=2) as gateway,
        gateway.client(new_id()) as host,
        gateway.client(new_id()) as other,
    ):
        answers = [await host.http.post("/v1/spaces", json={"title": "Bees"}) for _ in range(3)]
        assert [refused(answer) for answer in answers] == [False, False, True]
        assert '"spaces";q=2;w=3600' in answers[0].headers["ratelimit-policy"]
        assert not refused(await other.http.post("/v1/spaces", json={"title": "Bees"}))


async def test_a_person_looks_for_people_so_often_a_minute(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    async def find(query: PeopleQuery) -> PeopleFound:
        return PeopleFound(people=(a_person("Ann"),))

    behind.on(PeopleQuery, find)
    async with (
        running_gateway(nats.url, tmp_path, people_searches_per_minute=9) as gateway,
        gateway.client(new_id()) as somebody,
        gateway.client(new_id()) as other,
        gateway.client() as nobody,
    ):
        # At once: in seven seconds one more is allowed.
        answers = await asyncio.gather(*(somebody.http.get("/v1/people", params={"q": "an"}) for _ in range(10)))
        answers.sort(key=refused)
        assert [refused(answer) for answer in answers] == [*[False] * 9, True]
        assert answers[0].json()["people"][0]["name"] == "Ann"
        assert '"people";q=9;w=60' in answers[0].headers["ratelimit-policy"]
        assert not refused(await other.http.get("/v1/people", params={"q": "an"}))
        assert (await nobody.http.get("/v1/people", params={"q": "an"})).status_code == 401
        for wrong in ("", "?q=", "?q=%20", "?q=" + "x" * 51, "?q=an&limit=21", "?q=an&limit=0", "?q=an&words=an"):
            assert (await other.http.get(f"/v1/people{wrong}")).status_code == 422, wrong


@pytest.mark.parametrize(("proxies", "told_apart"), [((), False), (("127.0.0.1",), True), (("10.0.0.0/8",), False)])
async def test_only_named_proxies_say_from_where_a_request_comes(
    nats: NatsServer, tmp_path: Path, proxies: tuple[str, ...], told_apart: bool
) -> None:
    few: dict[str, Any] = {"sign_ups_per_minute": 1, "trusted_proxies": proxies}
    async with running_gateway(nats.url, tmp_path, **few) as gateway, gateway.client() as nobody:

        async def sign_up(address: str) -> httpx.Response:
            body = {"handle": f"p{new_id()[-8:]}", "name": "P"}
            return await nobody.http.post("/v1/people", json=body, headers={"x-forwarded-for": address})

        assert not refused(await sign_up("192.0.2.1"))
        assert refused(await sign_up("192.0.2.1"))
        assert refused(await sign_up("192.0.2.2")) != told_apart
        if told_apart:
            # What the client itself wrote stands before what the proxy adds, and is not believed.
            assert refused(await sign_up("192.0.2.3, 192.0.2.2"))


async def test_behind_a_proxy_open_requests_are_counted_by_address(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    space = behind.add(a_person("Ann"))
    few: dict[str, Any] = {"connections_per_address": 2, "trusted_proxies": ("127.0.0.1",), "ask_seconds": 2}
    async with running_gateway(nats.url, tmp_path, cors_origins=(PAGE,), **few) as gateway, gateway.client() as nobody:
        one, other = {"x-forwarded-for": "192.0.2.1"}, {"x-forwarded-for": "192.0.2.2"}
        async with AsyncExitStack() as stack:
            for _ in range(2):
                events = nobody.http.stream("GET", f"/v1/spaces/{space.id}/events", headers=one)
                assert (await stack.enter_async_context(events)).status_code == 200
            no = await nobody.http.get("/v1/spaces", headers={**one, "origin": PAGE})
            assert refused(no)
            assert fields(no) == ('"open-requests";q=2', '"open-requests";r=0')
            assert no.headers["access-control-allow-origin"] == PAGE
            assert not refused(await nobody.http.get("/v1/spaces", headers=other))

        async def streams_are_gone() -> bool:
            return not refused(await nobody.http.get("/v1/spaces", headers=one))

        await eventually(streams_are_gone)


async def test_a_gateway_bounds_what_comes_before_a_body(nats: NatsServer, tmp_path: Path) -> None:
    async with running_gateway(nats.url, tmp_path, cors_origins=(PAGE,)) as gateway, gateway.client() as nobody:
        answer = await nobody.http.get("/v1/spaces", headers={"origin": PAGE, "a": "x" * 33_000})
        assert (answer.status_code, answer.json()["reason"]) == (431, "headers_too_large")
        assert answer.headers["access-control-allow-origin"] == PAGE
