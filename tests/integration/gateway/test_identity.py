"""People of another product: its tokens open this gateway, on a public address, with real people behind it."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from contracts.people import v1
from libs.bus import Bus, BusSettings, connect
from libs.identity import OWN_ISSUER, DevelopmentIdentity, OwnTokens
from libs.ids import is_id, new_id
from libs.service import CannotStart, running
from services.gateway.main import compose
from services.gateway.settings import GatewaySettings
from services.people.main import compose as compose_people
from services.people.settings import Settings as PeopleSettings
from tests.integration.gateway.client import Client
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, good_claims, key_set
from tests.support.nats import NatsServer, free_port
from tests.support.roomy import of_gateway
from tests.support.waiting import LIMIT, eventually

KEY = SigningKey("P-256", "first")


@pytest.fixture
async def people(nats: NatsServer) -> AsyncIterator[Bus]:
    """The real service, and a bus to ask it by."""
    async with (
        running(PeopleSettings.read(nats.env), compose_people),
        await connect("test", BusSettings(url=nats.url)) as bus,
    ):
        yield bus


@asynccontextmanager
async def gateway_for(nats: NatsServer, var: Path, *keys: SigningKey, **more: Any) -> AsyncIterator[str]:
    """A gateway that takes the issuer's tokens; its address."""
    path = var / "issuer.json"
    path.write_bytes(key_set(*(keys or (KEY,))))
    port = free_port()
    given: dict[str, Any] = {
        "nats_url": nats.url,
        "var": var,
        "partitions": 1,
        "port": port,
        "identity": "tokens",
        "identity_issuer": ISSUER,
        "identity_audience": AUDIENCE,
        "identity_keys": str(path),
    }
    async with running(GatewaySettings(**{**of_gateway(), **given, **more}), compose) as service:

        async def ready() -> bool:
            return "identity" not in service.missing()

        await eventually(ready)
        yield f"http://127.0.0.1:{port}"


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


async def test_whoever_is_signed_in_at_the_product_is_signed_in_here(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    public = {"host": "0.0.0.0", "public_url": "https://live.example.org"}
    async with gateway_for(nats, tmp_path, **public) as base:
        said = good_claims(sub="u-1", name="Ada Lovelace", preferred_username="ada")
        async with Client(base, KEY.token(said)) as client:
            at_once = await asyncio.gather(*(client.http.get("/v1/me") for _ in range(20)))
            assert {answer.status_code for answer in at_once} == {200}
            assert len({answer.json()["id"] for answer in at_once}) == 1
            me = at_once[0].json()
            assert (is_id(me["id"]), me["handle"], me["name"]) == (True, "ada", "Ada Lovelace")
            refused = await client.http.post("/v1/people", json={"handle": "eve", "name": "Eve"})
            assert reason(refused) == (403, "not_allowed")
            stranger = DevelopmentIdentity(tmp_path / "keys").mint(me["id"])
        async with Client(base, KEY.token(said | {"iat": said["iat"] + 5, "name": "Ada King"})) as again:
            assert (await again.http.get("/v1/me")).json() | {"version": 0} == me | {"name": "Ada King", "version": 0}
        for token in (stranger, KEY.token(good_claims(aud="other")), SigningKey("P-256", "first").token(said), "x"):
            async with Client(base, token) as nobody:
                assert reason(await nobody.http.get("/v1/me")) == (401, "unauthenticated")
        async with Client(base, KEY.token(good_claims(exp=time.time() - 100))) as late:
            assert reason(await late.http.get("/v1/me")) == (401, "token_expired")


async def test_claims_make_operators_where_a_setting_says_so(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    names = {"identity_operator_claim": "realm_access.roles", "identity_operator_value": "moderator"}
    async with gateway_for(nats, tmp_path, **names) as base:
        for roles, status in ((["moderator", "x"], 200), (["moderators"], 403), ("moderator", 200), (None, 403)):
            claims = good_claims(sub=f"{roles}", realm_access={"roles": roles}, operator=True)
            async with Client(base, KEY.token(claims)) as client:
                assert (await client.http.get("/v1/ops/invitations")).status_code == status, roles
        by_hand = OwnTokens(tmp_path / "keys", OWN_ISSUER).mint(new_id(), operator=True)
        async with Client(base, by_hand) as client:
            assert (await client.http.get("/v1/ops/invitations")).status_code == 200


async def test_one_token_is_taken_back_or_all_of_them(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    async with gateway_for(nats, tmp_path) as base:
        now = int(time.time())
        first, second = (KEY.token(good_claims(sub="u-1", iat=now - age)) for age in (10, 20))
        async with Client(base, first) as one, Client(base, second) as two:
            assert (await one.http.delete("/v1/me/token")).status_code == 204

            async def out(client: Client) -> bool:
                return (await client.http.get("/v1/me")).status_code == 401

            await eventually(lambda: out(one))
            assert (await two.http.get("/v1/me")).status_code == 200
            assert (await two.http.delete("/v1/me/tokens")).status_code == 204
            await eventually(lambda: out(two))
        never_seen = KEY.token(good_claims(sub="u-1", iat=now - 5, name="Eve"))
        fresh = KEY.token(good_claims(sub="u-1", iat=now + 30))
        async with Client(base, never_seen) as client:
            assert reason(await client.http.get("/v1/me")) == (401, "unauthenticated")
        async with Client(base, fresh) as client:
            me = await client.http.get("/v1/me")
            assert (me.status_code, me.json()["name"]) == (200, "guest"), "what was revoked says nothing of anybody"


async def test_what_an_issuer_with_a_clock_ahead_signed_is_revoked_with_the_rest(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    async with gateway_for(nats, tmp_path) as base:
        ahead = time.time() + 50
        first, never_seen = (KEY.token(good_claims(sub="u-1", iat=ahead - age)) for age in (0, 1))
        async with Client(base, first) as one, Client(base, never_seen) as two:
            assert (await one.http.delete("/v1/me/tokens")).status_code == 204

            async def out() -> bool:
                return (await one.http.get("/v1/me")).status_code == 401

            await eventually(out)
            assert reason(await two.http.get("/v1/me")) == (401, "unauthenticated")
        async with Client(base, KEY.token(good_claims(sub="u-1", iat=time.time() + 50))) as again:
            assert (await again.http.get("/v1/me")).status_code == 200


async def test_who_deletes_their_account_is_refused_until_they_sign_in_again(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    async with gateway_for(nats, tmp_path) as base:
        said = good_claims(sub="u-1", preferred_username="ada", iat=int(time.time()) - 30)
        tokens = [KEY.token(said), KEY.token(said | {"other": 1})]
        async with Client(base, tokens[0]) as client:
            me = (await client.http.get("/v1/me")).json()
            gone = await client.http.request("DELETE", "/v1/me", json={"confirmation": me["handle"]})
            assert gone.status_code in (200, 202), gone.text

        for token in tokens:
            async with Client(base, token) as client:

                async def refused(client: Client = client) -> bool:
                    answer = await client.http.get("/v1/me")
                    return answer.status_code == 401 and "deleted" in answer.json()["detail"]

                await eventually(refused)
        later = said | {"iat": int(time.time()) + 30}
        async with Client(base, KEY.token(later)) as client:
            anew = (await client.http.get("/v1/me")).json()
            assert (anew["id"] != me["id"], anew["handle"]) == (True, "ada2")
        async with Client(base, KEY.token(said | {"other": 2})) as client:
            assert reason(await client.http.get("/v1/me")) == (401, "unauthenticated"), "it was made before the erasure"


async def test_a_token_is_taken_until_a_minute_after_its_end(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    async with gateway_for(nats, tmp_path) as base:
        ends = datetime.now(UTC) - timedelta(seconds=57)
        async with Client(base, KEY.token(good_claims(exp=ends.timestamp()))) as client:
            assert (await client.http.get("/v1/me")).status_code == 200, "a clock may be a minute behind"

            async def over() -> bool:
                answer = await client.http.get("/v1/me")
                return answer.status_code == 401 and answer.json()["reason"] == "token_expired"

            await eventually(over)


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"host": "0.0.0.0"}, "ROSTRUM_PUBLIC_URL"),
        ({"public_url": "http://live.example.org"}, "https"),
        ({"identity_issuer": None}, "ROSTRUM_IDENTITY_ISSUER"),
        ({"identity_audience": None}, "ROSTRUM_IDENTITY_AUDIENCE"),
        ({"identity_issuer": "rostrum"}, "ROSTRUM_IDENTITY_ISSUER"),
        ({"identity_keys": "http://issuer.example/keys"}, "not https"),
        ({"identity_keys": "http://127.0.0.1/keys"}, "not https"),
        ({"identity_keys": "https://user:word@issuer.example/keys"}, "no address"),
        ({"identity_keys": "ftp://issuer.example/keys"}, "not https"),
        ({"identity_keys": None, "identity_issuer": "http://issuer.example"}, "not https"),
        ({"identity": "development", "public_url": "https://live.example.org"}, "127.0.0.1 only"),
        ({"identity": "development", "host": "0.0.0.0"}, "127.0.0.1 only"),
    ],
)
async def test_what_cannot_be_served_is_named_at_the_start(
    nats: NatsServer, tmp_path: Path, wrong: dict[str, Any], names: str
) -> None:
    with pytest.raises(CannotStart, match=names):
        async with gateway_for(nats, tmp_path, **wrong):
            pass


async def test_without_keys_it_is_not_ready(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    settings = {"identity": "tokens", "identity_issuer": ISSUER, "identity_audience": AUDIENCE, "partitions": 1}
    port = free_port()
    missing = tmp_path / "missing.json"
    given: dict[str, Any] = {"nats_url": nats.url, "var": tmp_path, "port": port, "identity_keys": str(missing)}
    async with running(GatewaySettings(**{**given, **settings}), compose) as service:

        async def told() -> bool:
            return "missing.json cannot be read" in service.missing().get("identity", "")

        await eventually(told)
        async with Client(f"http://127.0.0.1:{port}", KEY.token()) as client:
            answer = await client.http.get("/v1/me")
            assert reason(answer) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1


async def test_operators_find_whom_the_product_means(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    async with gateway_for(nats, tmp_path) as base, Client(base, KEY.token(good_claims(sub="u-9"))) as client:
        me = (await client.http.get("/v1/me")).json()
        asked = v1.SubjectQuery(issuer=ISSUER, subject_name="u-9", operator=True, actor=new_id())
        assert (await people.ask(asked)).result.id == me["id"]


@asynccontextmanager
async def a_picture_server() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serves a picture at every address; its port, and what it was asked for."""
    out, asked = io.BytesIO(), list[bytes]()
    Image.new("RGB", (600, 400), "teal").save(out, "PNG")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(out.getvalue())
        writer.write(head + out.getvalue())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


async def test_a_picture_that_the_product_names_is_fetched_once_and_never_from_a_private_network(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    listed = {"identity_picture_hosts": ("127.0.0.1",), "identity_http_on_loopback": True}
    async with a_picture_server() as (port, asked), gateway_for(nats, tmp_path, **listed) as base:

        async def comes(subject: str, host: str, path: str, age: int = 0) -> str:
            picture = f"http://{host}:{port}/{path}"
            token = KEY.token(good_claims(sub=subject, iat=time.time() - age, picture=picture))
            async with Client(base, token) as client:
                return str((await client.http.get("/v1/me")).json()["id"])

        async def picture_of(person: str) -> str | None:
            return (await people.ask(v1.PersonQuery(person_id=person))).result.picture

        eve = await comes("eve", "localhost", "private")
        ada = await comes("ada", "127.0.0.1", "ada", age=20)
        await eventually(lambda: picture_of(ada))
        assert (await picture_of(eve), asked) == (None, [b"/ada"])
        await people.ask(v1.RemovePicture(command_id=new_id(), actor=ada), timeout=LIMIT)
        await comes("ada", "127.0.0.1", "ada", age=10)
        bob = await comes("bob", "127.0.0.1", "bob")
        await eventually(lambda: picture_of(bob))
        assert (await picture_of(ada), asked) == (None, [b"/ada", b"/bob"]), "what somebody chose here stays"
        await comes("ada", "127.0.0.1", "another")
        await eventually(lambda: picture_of(ada))
