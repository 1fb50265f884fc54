"""What a token opens ends with it: when it expires, when it is revoked, and when its person is suspended."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import subjects
from contracts.commands import Accepted, Nothing
from contracts.people.v1 import Person, RevokeTokens, Suspended, TokensRevoked
from contracts.recording.v1 import ReplayQuery
from contracts.room.v1 import Muted
from libs.ids import new_id
from services.gateway.http import openapi
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Client, Stream, Way
from tests.integration.gateway.conftest import Running
from tests.integration.gateway.test_http import a_replay
from tests.support.waiting import eventually, standstill

LASTS = 3
"""Seconds that a token is good for: enough to open two streams with it on a busy machine."""


def reason(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


async def until_refused(client: Client, expected: tuple[int, str]) -> None:
    async def refused() -> bool:
        return reason(await client.http.post(f"/v1/spaces/{new_id()}/requests")) == expected

    await eventually(refused)


@pytest.mark.parametrize("way", Way)
async def test_a_stream_ends_when_its_token_does(gateway: Running, behind: Backend, way: Way) -> None:
    space = behind.add(a_person("Host"))
    token = gateway.identity.mint(new_id(), lifetime=timedelta(seconds=LASTS))
    async with (
        Client(gateway.base, token) as client,
        gateway.client() as anonymous,
        client.follow(way, space.id) as events,
        anonymous.follow(way, space.id) as others,
        standstill() as stood_still,
    ):
        for stream in (events, others):
            await stream.until("snapshot")
        began = asyncio.get_running_loop().time()
        assert await events.closed() == []
        assert asyncio.get_running_loop().time() - began < LASTS + 2 + stood_still()
        assert events.ended_with in ((None, None), (1008, "token_expired"))
        await behind.emit(TokensRevoked(person_id=new_id(), at=datetime.now(UTC)))
        await behind.emit(Muted(**behind.next(space), person_id=space.host.id))
        assert [told.event for told in await others.until("room.muted")] == ["room.muted"]


async def test_one_token_or_all_of_a_person_are_revoked(gateway: Running, behind: Backend) -> None:
    space, person = behind.add(a_person("Host")), new_id()
    path = f"/v1/spaces/{space.id}/events"
    async with AsyncExitStack() as stack:

        async def signed_in(who: str) -> tuple[Client, Stream]:
            client = await stack.enter_async_context(gateway.client(who))
            events = await stack.enter_async_context(client.events(path))
            await events.until("snapshot")
            return client, events

        (one, of_one), (two, of_two), (bystander, of_bystander) = [
            await signed_in(who) for who in (person, person, new_id())
        ]
        claims = gateway.identity.verify(one.headers["authorization"].removeprefix("Bearer "))
        await behind.emit(TokensRevoked(person_id=person, token_id=claims.token_id, at=datetime.now(UTC)))
        await of_one.closed()
        await until_refused(one, (401, "unauthenticated"))
        assert reason(await two.http.post(f"/v1/spaces/{space.id}/requests"))[0] != 401

        await behind.emit(TokensRevoked(person_id=person, at=datetime.now(UTC)))
        await of_two.closed()
        await until_refused(two, (401, "unauthenticated"))
        # Whoever signs in again is let in, and nobody else was touched, not even when the stream is told again.
        await behind.bus.js.delete_stream(subjects.EVENTS_STREAM)
        await behind.bus.declare()
        await until_refused(two, (401, "unauthenticated"))
        again, _ = await signed_in(person)
        assert reason(await again.http.post(f"/v1/spaces/{space.id}/requests"))[0] != 401
        assert reason(await bystander.http.post(f"/v1/spaces/{space.id}/requests"))[0] != 401
        assert "reset" in {told.event for told in await of_bystander.until("snapshot")}


async def test_people_revoke_their_own_tokens_and_operators_anybodys(gateway: Running, behind: Backend) -> None:
    async def revoke(command: RevokeTokens) -> Accepted[Nothing]:
        return Accepted(result=Nothing())

    behind.on(RevokeTokens, revoke)
    person, operator = new_id(), new_id()
    async with gateway.client(person) as client, gateway.client(operator, operator=True) as as_operator:
        token = client.headers["authorization"].removeprefix("Bearer ")
        claims = gateway.identity.verify(token)
        id, end = claims.token_id, claims.expires_at
        for order in (
            client.http.delete("/v1/me/token"),
            client.http.delete("/v1/me/tokens"),
            as_operator.http.delete(f"/v1/ops/people/{person}/tokens"),
            as_operator.http.post("/v1/ops/tokens/revoke", json={"token": token}),
            as_operator.http.delete("/v1/me/tokens"),
        ):
            assert (await order).status_code == 204
        asked = [one for one in behind.asked["revoke_tokens"] if isinstance(one, RevokeTokens)]
        assert [(one.person_id, one.token_id, one.expires_at, one.actor, one.operator) for one in asked] == [
            (person, id, end, person, False),
            (person, None, None, person, False),
            (person, None, None, operator, True),
            (person, id, end, operator, True),
            (operator, None, None, operator, False),
        ]
        refused = await as_operator.http.post("/v1/ops/tokens/revoke", json={"token": "nonsense"})
        assert reason(refused) == (422, "invalid")
        for path in (f"/v1/ops/people/{operator}/tokens",):
            assert reason(await client.http.delete(path)) == (403, "not_allowed")
        assert reason(await client.http.post("/v1/ops/tokens/revoke", json={"token": token})) == (403, "not_allowed")


FREE = {
    ("get", "/healthz"), ("get", "/readyz"), ("get", "/v1/me"), ("get", "/v1/me/appeals"), ("post", "/v1/me/appeals"),
    ("delete", "/v1/me/token"), ("delete", "/v1/me/tokens"), ("delete", "/v1/me"), ("get", "/v1/me/export"),
    ("post", "/v1/links"), ("delete", "/v1/me/push"), ("delete", "/v1/me/push/{subscription_id}"),
}  # fmt: skip
"""What a suspended person may do: know who they are, appeal, sign out, be told nothing any more, have a copy of their
data, and delete their account. What a link may be used for is decided when it is used."""
ANYBODYS = {
    ("get", "/v1/ops/hosting-policy"), ("get", "/v1/reactions"), ("get", "/v1/reports/reasons"), ("get", "/v1/topics"),
    ("get", "/v1/tip-providers"), ("get", "/v1/captions/languages"), ("get", "/v1/identity"),
    ("get", "/v1/people/{person_id}/picture"),
    ("get", "/v1/people/{person_id}/feed.xml"),
    ("post", "/v1/sign-in/token"),
}  # fmt: skip
"""Rules and lists, pictures and podcasts, for which nobody is asked who they are."""
KEYED = {
    ("get", f"/v1/spaces/{{space_id}}/hls/{name}") for name in ("init.mp4", "segment-{number}.m4s", "part-{number}.m4s")
}
"""What is opened by a key in its address, good for a minute, which only whoever may listen gets with the playlist."""


async def test_a_suspended_operator_is_refused_on_every_route(gateway: Running, behind: Backend) -> None:
    space, person = a_replay(gateway, behind), new_id()
    me = Person(id=person, handle="op", name="Op", version=1)
    behind.people[person] = me
    ids = {
        "space_id": space.id, "person_id": new_id(), "id": space.id, "format": "vtt", "form": "m4a", "code": "x",
        "session_id": new_id(), "report_id": new_id(), "tip_id": new_id(), "entry_id": "instance-1",
        "caption_id": "c", "webhook_id": new_id(), "subscription_id": "0" * 26,
        "pin_id": new_id(), "resource_id": "x", "handle": "x", "piece": "0", "number": 0,
    }  # fmt: skip
    async with gateway.client(person, operator=True) as client:
        await behind.emit(Suspended(at=datetime.now(UTC), person_id=person, version=2, reason="abuse"))
        await until_refused(client, (403, "suspended"))
        let_in: set[tuple[str, str]] = set()
        for template, methods in openapi()["paths"].items():
            for method in methods:
                path = template.format_map(ids) + ("?report=" + new_id() if "safety-copy" in template else "")
                json: dict[str, Any] | None = (
                    {} if method in ("post", "put", "patch") and not template.endswith(("whip", "whep")) else None
                )
                answer = await client.http.request(method, path, json=json)
                if template.startswith("/v1/server/"):
                    # Soon refused for guessing at keys.
                    assert answer.status_code in (401, 429), "no token of a person opens what servers may do"
                elif answer.status_code != 403 or not is_suspended(answer):
                    let_in.add((method, template))
        unexpected = {one for one in let_in - FREE - ANYBODYS - KEYED if not one[1].startswith("/v1/media/")}
        assert unexpected == set()
        assert (await client.http.get("/v1/me")).status_code == 200


def is_suspended(answer: Any) -> bool:
    said = answer.json()
    return "suspended" in (said.get("reason"), *str(said.get("type", "")).split(":"))


async def test_a_signed_link_opens_one_thing_for_a_short_time(gateway: Running, behind: Backend) -> None:
    space, person = a_replay(gateway, behind), new_id()
    mix = f"/v1/spaces/{space.id}/replay.m4a"
    track = f"/v1/spaces/{space.id}/tracks/{space.host.id}.ogg"
    async with gateway.client(person) as client, gateway.client() as nobody:
        made = await client.http.post("/v1/links", json={"address": mix})
        assert made.status_code == 201
        link = made.json()["url"]
        token = client.headers["authorization"].removeprefix("Bearer ")
        assert token not in link
        ends_in = datetime.fromisoformat(made.json()["ends_at"]) - datetime.now(UTC)
        assert timedelta(minutes=14) < ends_in <= timedelta(minutes=15)
        assert (await nobody.http.get(link, headers={"range": "bytes=0-3"})).status_code == 206
        asked = behind.asked["replay"][-1]
        assert isinstance(asked, ReplayQuery)
        assert asked.actor == person
        assert not asked.operator

        signature = link.partition("link=")[2]
        end, who, operator, by, sign_in, mac = signature.split(".")
        rest = f"{by}.{sign_in}.{mac}"
        for stolen in (
            f"{track}?link={signature}",
            f"{mix}?link={int(end) + 1}.{who}.{operator}.{rest}",
            f"{mix}?link={end}.{new_id()}.{operator}.{rest}",
            f"{mix}?link={end}.{who}.1.{rest}",
            f"{mix}?link={signature[:-1]}",
            f"{mix}?link=nonsense",
        ):
            assert reason(await nobody.http.get(stolen)) == (401, "unauthenticated"), stolen
        # It signs nobody in.
        assert reason(await nobody.http.get(f"/v1/me?link={signature}")) == (422, "invalid")
        for address in ("/v1/me", f"/v1/spaces/{space.id}/events", "https://evil.example/", f"{mix}?x=1", "//evil/x"):
            refused = await client.http.post("/v1/links", json={"address": address})
            assert reason(refused) == (422, "invalid"), address
        assert reason(await nobody.http.post("/v1/links", json={"address": mix})) == (401, "unauthenticated")

        copy = f"/v1/ops/spaces/{space.id}/safety-copy.m4a?report={new_id()}"
        signed = (await client.http.post("/v1/links", json={"address": copy})).json()["url"]
        assert signed.startswith(f"{copy}&link=")

        await behind.emit(TokensRevoked(person_id=person, at=datetime.now(UTC) + timedelta(seconds=1)))
        await until_refused(client, (401, "unauthenticated"))
        assert reason(await nobody.http.get(link)) == (401, "unauthenticated"), "it goes with the tokens"


async def test_a_link_ends(gateway: Running, behind: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    space = a_replay(gateway, behind)
    monkeypatch.setattr("services.gateway.app.links.SECONDS", -1)
    async with gateway.client(new_id()) as client, gateway.client() as nobody:
        link = (await client.http.post("/v1/links", json={"address": f"/v1/spaces/{space.id}/replay.m4a"})).json()
        assert reason(await nobody.http.get(link["url"])) == (401, "token_expired")


async def test_a_token_in_the_address_is_printable_ascii(gateway: Running) -> None:
    """So the longest that the description allows, each letter of it escaped, fits into the head of a request."""
    async with gateway.client() as client:
        longest = await client.http.get("/v1/ops/overview?access_token=" + "%7E" * 4096)
        assert (longest.status_code, longest.json()["reason"]) == (401, "unauthenticated")
        odd = await client.http.get("/v1/ops/overview", params={"access_token": "é"})
        assert (odd.status_code, odd.json()["reason"]) == (422, "invalid")
        assert "é" not in odd.json()["detail"]
