"""Servers of the host product act for its people, by its own ids, with real people and Spaces behind the gateway."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.people import v1
from libs.bus import Bus
from libs.identity.api_keys import digest_of_key, new_secret
from libs.ids import new_id
from libs.service import running
from services.room.main import compose as compose_room
from services.room.settings import Settings as RoomSettings
from tests.integration.gateway.client import Client
from tests.integration.gateway.test_identity import KEY, gateway_for, people, reason
from tests.support.issuer import good_claims
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

__all__ = ["people"]
EVERYTHING = ("people", "relations", "moderation", "spaces", "tokens")


async def a_key(bus: Bus, *scopes: str) -> str:
    id, text = new_secret()
    given = {"key_id": id, "digest": digest_of_key(text), "title": "The app", "scopes": scopes or EVERYTHING}
    await bus.ask(v1.IssueApiKey.model_validate({"command_id": new_id(), "operator": True, **given}))
    return text


@pytest.fixture
async def base(nats: NatsServer, people: Bus, tmp_path: Path) -> AsyncIterator[str]:
    async with running(RoomSettings.read(nats.env), compose_room), gateway_for(nats, tmp_path) as base:
        yield base


def lines(*relations: tuple[str, str, str]) -> str:
    return "".join(json.dumps({"subject": a, "does": does, "whom": b}) + "\n" for a, does, b in relations)


async def send(http: httpx.AsyncClient, body: str | bytes) -> httpx.Response:
    return await http.post("/v1/server/relations", content=body, headers={"content-type": "application/x-ndjson"})


async def test_a_server_acts_for_the_products_people(base: str, people: Bus) -> None:
    ada, bob = {"subject": "auth0|ada/1"}, {"subject": "bob"}
    async with Client(base, await a_key(people)) as server:
        http = server.http
        made = await http.put("/v1/server/person", params=ada, json={"name": "Ada", "handle": "ada"})
        assert (made.status_code, made.json()["handle"]) == (200, "ada")
        assert "server" in made.headers["ratelimit-policy"]
        person = made.json()["id"]
        many = {"people": [{**bob, "name": "Bob"}, {"subject": ada["subject"], "name": "Ada", "handle": "ada"}]}
        told = (await http.post("/v1/server/people", json=many)).json()["people"]
        assert told[1]["person_id"] == person
        async with Client(base, KEY.token(good_claims(sub=ada["subject"], name="Ada"))) as herself:
            assert (await herself.http.get("/v1/me")).json()["id"] == person, "her own token means the same person"

        taken = await send(http, lines(("bob", "follow", ada["subject"]), ("bob", "follow", "nobody")) + "{\n\n[]\n")
        assert taken.json()["lines"] == 5
        assert [(one["line"], one["reason"]) for one in taken.json()["faults"]] == [
            (2, "person_unknown"),
            (3, "invalid"),
            (4, "invalid"),
            (5, "invalid"),
        ]
        assert (await http.get("/v1/server/person", params=ada)).json()["followers"] == 1

        async def created() -> httpx.Response | None:
            head = {"idempotency-key": "one"}
            answer = await http.post("/v1/server/person/spaces", params=ada, json={"title": "Tea"}, headers=head)
            return answer if answer.status_code == 201 else None  # room hears of her in a moment

        first = await eventually(created)
        again = await eventually(created)
        assert isinstance(first, httpx.Response)
        assert isinstance(again, httpx.Response)
        assert (first.json()["host"]["id"], again.json()["id"]) == (person, first.json()["id"])

        token = (await http.post("/v1/server/person/tokens", params=ada, json={"seconds": 60})).json()
        async with Client(base, token["token"]) as herself:
            assert (await herself.http.get("/v1/me")).json()["id"] == token["person_id"] == person
            for method, path, needed in (
                ("POST", "/v1/spaces", "host"),
                ("PATCH", "/v1/me", "account"),
                ("GET", "/v1/me/export", "account"),
                ("POST", "/v1/links", "account"),
            ):
                refused = await herself.http.request(method, path, json=None if method == "GET" else {"title": "Tea"})
                assert (reason(refused), needed in refused.text) == ((403, "not_allowed"), True), path
            assert (await herself.http.post(f"/v1/spaces/{first.json()['id']}/sessions", json={})).is_success
            assert (await http.post("/v1/server/person/sign-out", params=ada)).status_code == 204

            async def out() -> bool:
                return (await herself.http.get("/v1/me")).status_code == 401

            await eventually(out)
        why = {"reason": "spam", "explanation": "Again and again."}
        assert (await http.post("/v1/server/person/suspend", params=bob, json=why)).status_code == 204
        refused = await send(http, lines(("bob", "follow", ada["subject"])))
        assert [one["reason"] for one in refused.json()["faults"]] == ["suspended"]
        assert (await http.post("/v1/server/person/reinstate", params=bob)).status_code == 204
        assert (await http.delete("/v1/server/person", params=bob)).status_code == 202
        assert reason(await http.get("/v1/server/person", params=bob)) == (404, "person_unknown")


async def test_the_log_says_with_which_key_a_server_acted(base: str, people: Bus) -> None:
    key, bob = await a_key(people), {"subject": "bob"}
    async with Client(base, key) as server:
        http = server.http
        person = (await http.put("/v1/server/person", params=bob, json={"name": "Bob"})).json()["id"]
        why = {"reason": "spam", "explanation": "Again and again."}
        assert (await http.post("/v1/server/person/suspend", params=bob, json=why)).status_code == 204
        assert (await http.post("/v1/server/person/reinstate", params=bob)).status_code == 204
        assert (await http.post("/v1/server/person/sign-out", params=bob)).status_code == 204
        suspend = {"person_id": person, "reason": "spam", "command_id": new_id(), "operator": True}
        await people.ask(v1.Suspend.model_validate(suspend))
        assert (await http.delete("/v1/server/person", params=bob)).status_code == 202
    page = (await people.ask(v1.LogQuery(operator=True, person_id=person))).result
    by_a_server = (key.split("_")[1], "The app")
    assert [(one.act, one.actor_id, (one.api_key, one.api_key_name)) for one in reversed(page.entries)] == [
        ("suspended", None, by_a_server),
        ("reinstated", None, by_a_server),
        ("tokens_revoked", None, by_a_server),
        ("suspended", None, (None, "")),
        ("erased", None, by_a_server),
    ]


async def test_a_key_opens_what_it_is_for_alone(base: str, people: Bus) -> None:
    asked: dict[str, Any] = {"params": {"subject": "ada"}}
    person = KEY.token(good_claims(sub="ada"))
    for token, answer in (
        (None, (401, "unauthenticated")),
        (person, (401, "unauthenticated")),
        (new_secret()[1], (401, "unauthenticated")),
        (await a_key(people, "relations"), (403, "not_allowed")),
        (await a_key(people, "people"), (404, "person_unknown")),
    ):
        async with Client(base, token) as client:
            assert reason(await client.http.get("/v1/server/person", **asked)) == answer
    async with Client(base, await a_key(people, "relations")) as client:
        assert reason(await client.http.get("/v1/me")) == (401, "unauthenticated"), "it is nobody"
        too_long = await send(client.http, b"x" * (2 * 1024 * 1024 + 1))
        assert reason(too_long) == (413, "too_large")
        assert reason(await client.http.post("/v1/server/relations", json=[])) == (415, "unsupported_media_type")
    async with Client(base, new_secret()[1]) as guesser:
        answers = [reason(await guesser.http.get("/v1/server/person", **asked)) for _ in range(25)]
        assert answers[-1] == (429, "too_many_requests")
