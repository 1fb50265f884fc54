"""Signing in at OpenID providers that are not ours, on several devices, and being signed out by them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from contracts import subjects
from contracts.people.v1 import TokensRevoked
from libs.bus import Bus
from libs.service import CannotStart, running
from services.gateway.main import compose
from services.gateway.settings import LONGEST_SESSION, GatewaySettings
from tests.integration.gateway.client import Client
from tests.integration.gateway.test_identity import gateway_for, people, reason
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, good_claims
from tests.support.nats import NatsServer, free_port
from tests.support.providers import Browser, node_provider, python_provider
from tests.support.roomy import of_gateway
from tests.support.waiting import eventually

__all__ = ["people"]
EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}


@asynccontextmanager
async def gateway_at(nats: NatsServer, var: Path, port: int, issuer: str, **more: Any) -> AsyncIterator[str]:
    """A gateway whose people sign in at a provider."""
    given: dict[str, Any] = {
        "nats_url": nats.url,
        "var": var,
        "partitions": 1,
        "port": port,
        "identity": "oidc",
        "identity_issuer": issuer,
        "identity_client_id": "rostrum",
        "identity_client_secret": "any",
        "identity_http_on_loopback": True,
    }
    async with running(GatewaySettings(**{**of_gateway(), **given, **more}), compose) as service:

        async def ready() -> bool:
            return "identity" not in service.missing()

        await eventually(ready)
        yield f"http://127.0.0.1:{port}"


async def status(base: str, token: str) -> int:
    async with Client(base, token) as client:
        return (await client.http.get("/v1/me")).status_code


async def test_somebody_signs_in_at_the_mock_of_pypi(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    with python_provider() as issuer:
        async with gateway_at(nats, tmp_path, free_port(), issuer) as base, Browser(base, "ada") as browser:
            how = (await browser.http.get(f"{base}/v1/identity")).json()
            assert how == {"mode": "oidc", "sign_in": "/sign-in", "sign_out": "/sign-out"}
            token = await browser.sign_in("/spaces/x")
            async with Client(base, token) as client:
                me = (await client.http.get("/v1/me")).json()
                assert (me["handle"], me["name"]) == ("ada", "Name of ada")
            again = await browser.http.post(f"{base}/v1/sign-in/token")
            assert reason(again) == (401, "unauthenticated"), "it is given once"
            out = await browser.http.get(f"{base}/sign-out")
            assert out.headers["location"].startswith(f"{issuer}/oauth2/end_session?client_id=rostrum")


async def test_several_devices_and_sign_outs_at_the_provider_of_npm(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with (
        node_provider(base) as provider,
        gateway_at(nats, tmp_path, port, provider.issuer, identity_client_secret=provider.secret),
        Browser(base, "ada") as phone,
        Browser(base, "ada") as laptop,
    ):
        on_phone, on_laptop = await phone.sign_in(), await laptop.sign_in()
        assert [await status(base, token) for token in (on_phone, on_laptop)] == [200, 200]

        # It tells us that this session is over, and leaves the other.
        page = await phone.http.get(f"{base}/sign-out")
        form = await phone.http.get(page.headers["location"])
        xsrf = form.text.partition('name="xsrf" value="')[2].partition('"')[0]
        sure = {"xsrf": xsrf, "logout": "yes"}
        left = await phone.http.post(f"{provider.issuer}/session/end/confirm", data=sure)
        assert left.headers["location"].startswith(f"{base}/"), left.text

        async def out() -> bool:
            return await status(base, on_phone) == 401

        await eventually(out)
        async for batch in people.follow(filters=[subjects.event("people", "*", TokensRevoked.name)]):
            revoked = batch[0].event
            assert isinstance(revoked, TokensRevoked)
            assert revoked.expires_at is not None
            assert revoked.expires_at - revoked.at > timedelta(hours=LONGEST_SESSION - 1), "tokens of before are over"
            break
        assert await status(base, on_laptop) == 200
        assert await status(base, await phone.sign_in()) == 200, "and may sign in again"

        await provider.rotate()
        assert await status(base, await laptop.sign_in()) == 200, "signed with another key than ever before"
        assert await status(base, on_laptop) == 200


async def test_what_comes_back_must_be_what_was_sent(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    with python_provider() as issuer:
        async with (
            gateway_at(nats, tmp_path, free_port(), issuer) as base,
            Browser(base, "ada") as browser,
            Browser(base, "eve") as eve,
        ):
            begun = await browser.http.get(f"{base}/sign-in", params={"return_to": "/spaces/x"})
            query = {name: value[0] for name, value in parse_qs(urlsplit(begun.headers["location"]).query).items()}
            assert (query["code_challenge_method"], len(query["code_challenge"])) == ("S256", 43)
            cookie = begun.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "samesite=lax" in cookie.lower()
            callback = f"{base}/sign-in/callback"

            async def comes_back(who: Browser, **sent: str) -> str:
                answer = await who.http.get(callback, params=sent)
                assert answer.status_code == 303
                assert "rostrum-sign-in-ready" not in answer.headers.get("set-cookie", "")
                return str(answer.headers["location"])

            assert await comes_back(eve, state=query["state"], code="x") == "/#sign-in-expired", "another's browser"
            assert await comes_back(browser, state="other", code="x") == "/#sign-in-expired"
            assert await comes_back(browser) == "/#sign-in-expired"
            assert await comes_back(browser, state="é" * 12, code="x") == "/#sign-in-expired", "no name of a cookie"
            for sent, why in (
                ({"code": "made-up"}, "refused"),
                ({"error": "access_denied"}, "cancelled"),
                ({"code": "x", "iss": "https://evil.example"}, "refused"),
            ):
                begun = await browser.http.get(f"{base}/sign-in", params={"return_to": "/spaces/x"})
                state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
                assert await comes_back(browser, state=state, **sent) == f"/spaces/x#sign-in-{why}"
                assert await comes_back(browser, state=state, **sent) == "/#sign-in-expired", "once"
            elsewhere = {"sec-fetch-site": "cross-site"}
            refused = await browser.http.post(f"{base}/v1/sign-in/token", headers=elsewhere)
            assert reason(refused) == (403, "not_allowed")
            rebound = await browser.http.get(f"{base}/sign-in", headers={"host": "evil.example"})
            assert reason(rebound) == (403, "not_allowed")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nx: y",
        "/v1/me",
        "/sign-out",
    ],
)
async def test_one_comes_back_to_this_site_alone(nats: NatsServer, people: Bus, tmp_path: Path, elsewhere: str) -> None:
    with python_provider() as issuer:
        async with gateway_at(nats, tmp_path, free_port(), issuer) as base, Browser(base, "ada") as browser:
            begun = await browser.http.get(f"{base}/sign-in", params={"return_to": elsewhere})
            assert await browser.go(begun.headers["location"]) == "/#signed-in"


async def test_behind_tls_cookies_are_of_this_host_alone(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    with python_provider() as issuer:
        public = {"public_url": "https://live.example.org", "host": "0.0.0.0"}
        async with gateway_at(nats, tmp_path, free_port(), issuer, **public) as base:
            async with httpx.AsyncClient() as http:
                begun = await http.get(f"{base}/sign-in")
            to = parse_qs(urlsplit(begun.headers["location"]).query)
            assert to["redirect_uri"] == ["https://live.example.org/sign-in/callback"]
            cookie = begun.headers["set-cookie"]
            assert cookie.startswith("__Host-rostrum-sign-in-")
            assert "Secure" in cookie
            assert "Path=/;" in cookie


async def test_while_the_provider_is_away_it_says_so(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    with python_provider() as issuer:
        async with gateway_at(nats, tmp_path, free_port(), issuer) as base, Browser(base, "ada") as browser:
            token = await browser.sign_in()
            for host in ("[", "[::1", "elsewhere.example"):
                strange = await browser.http.get(f"{base}/sign-in", headers={"host": host})
                assert reason(strange)[0] in (400, 403), host
            begun = await browser.http.get(f"{base}/sign-in")
            state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    # The provider is gone now; the gateway above with it. One that starts meanwhile is not ready.
    assert token
    assert state
    given: dict[str, Any] = {"nats_url": nats.url, "var": tmp_path, "partitions": 1, "port": free_port()}
    oidc = {"identity": "oidc", "identity_issuer": issuer, "identity_client_id": "x", "identity_http_on_loopback": True}
    async with running(GatewaySettings(**{**given, **oidc}), compose) as service, httpx.AsyncClient() as http:

        async def told() -> bool:
            return "cannot be" in service.missing().get("identity", "")

        await eventually(told)
        answer = await http.get(f"http://127.0.0.1:{given['port']}/sign-in")
        assert answer.headers["location"] == "/#sign-in-unavailable"
        assert await status(f"http://127.0.0.1:{given['port']}", token) == 200, "who is signed in stays so"


async def test_what_is_missing_is_named_at_the_start(nats: NatsServer, tmp_path: Path) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"identity_client_id": None}, "CLIENT_ID"),
        ({"identity_issuer": "http://x.example"}, "not https"),
    )
    for wrong, names in cases:
        with pytest.raises(CannotStart, match=names):
            async with gateway_at(nats, tmp_path, free_port(), "http://localhost:1", **wrong):
                pass


# ---- logout tokens --------------------------------------------------------------------------------------------------

KEY = SigningKey("Ed25519", "first")


def logout_token(key: SigningKey = KEY, *, typ: str | None = "logout+jwt", **changed: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 120,
        "jti": f"{time.time_ns()}",
        "events": EVENTS,
    }
    said = {name: value for name, value in (claims | changed).items() if value is not None}
    return key.token(said, typ=typ)


async def test_a_logout_token_with_sid_ends_that_sign_in_and_without_it_everything(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    async with gateway_for(nats, tmp_path, KEY) as base, httpx.AsyncClient(base_url=base) as http:
        made = int(time.time()) - 60

        def signed_in(**claims: Any) -> str:
            return KEY.token(good_claims(sub="u-1", iat=made, **claims))

        async def told(**claims: Any) -> httpx.Response:
            return await http.post("/sign-in/logout", data={"logout_token": logout_token(**claims)})

        async def until(*expected: int) -> None:
            async def so() -> bool:
                return [await status(base, token) for token in tokens] == list(expected)

            await eventually(so)

        tokens = [signed_in(sid="s-1"), signed_in(sid="s-1", other=1), signed_in(sid="s-2"), signed_in()]
        await until(200, 200, 200, 200)
        assert (await told(sid="s-1", sub="u-1")).status_code == 200
        await until(401, 401, 200, 200)
        assert (await told(sid="s-2")).status_code == 200, "nobody says whose it is"
        await until(401, 401, 401, 200)
        assert (await told(sub="u-1")).status_code == 200
        await until(401, 401, 401, 401)
        assert (await told(sub="nobody-here")).status_code == 200
        fresh = KEY.token(good_claims(sub="u-1", iat=int(time.time()) + 30, sid="s-3"))
        assert await status(base, fresh) == 200


async def test_a_logout_token_is_judged_as_strictly(nats: NatsServer, people: Bus, tmp_path: Path) -> None:
    async with gateway_for(nats, tmp_path, KEY) as base, httpx.AsyncClient(base_url=base) as http:

        async def told(token: str, **how: Any) -> int:
            how = how or {"data": {"logout_token": token}}
            return (await http.post("/sign-in/logout", **how)).status_code

        good = logout_token(sub="u-1")
        assert await told(good) == 200
        assert await told(good) == 400, "once"
        for wrong in (
            {}, {"sub": "u-1", "events": None}, {"sub": "u-1", "events": {}}, {"sub": "u-1", "events": {"x": {}}},
            {"sub": "u-1", "events": []}, {"sub": "u-1", "nonce": "n"}, {"sub": "u-1", "iss": "https://evil.example"},
            {"sub": "u-1", "aud": "other"}, {"sub": "u-1", "iat": None}, {"sub": "u-1", "iat": time.time() - 1000},
            {"sub": "u-1", "iat": time.time() + 1000}, {"sub": "u-1", "exp": time.time() - 100},
            {"sub": "u-1", "jti": None}, {"sub": "u-1", "jti": 5}, {"sid": 5}, {"sid": ""}, {"sub": ["u-1"]},
            {"sub": "u-1", "iat": True},
        ):  # fmt: skip
            assert await told(logout_token(**wrong)) == 400, wrong
        assert await told(logout_token(SigningKey("Ed25519", "first"), sub="u-1")) == 400
        assert await told(KEY.token()) == 400, "somebody's own token signs nobody out"
        assert await told(logout_token(sub="u-1", typ="at+jwt")) == 400
        assert await told(logout_token(sub="u-1", typ=None)) == 200, "older issuers say no type"
        token = logout_token(sub="u-1")
        assert await told("", json={"logout_token": token}) == 415
        assert await told("", data={"logout_token": [token, token]}) == 400
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert await told("", content=b"\xff=%ff&&&", headers=form) == 400
        async with Client(base, logout_token(sub="u-1")) as client:
            assert reason(await client.http.get("/v1/me")) == (401, "unauthenticated")


async def test_a_logout_token_told_again_after_a_restart_ends_nothing_that_began_since(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    made = int(time.time()) - 60
    before, of_another = (KEY.token(good_claims(sub=name, iat=made)) for name in ("u-1", "u-2"))
    taken = logout_token(sub="u-1")

    async def out(base: str, token: str) -> bool:
        return await status(base, token) == 401

    async with httpx.AsyncClient() as http:
        async with gateway_for(nats, tmp_path, KEY) as base:
            assert [await status(base, token) for token in (before, of_another)] == [200, 200]
            assert (await http.post(f"{base}/sign-in/logout", data={"logout_token": taken})).status_code == 200
            await eventually(lambda: out(base, before))
        since = KEY.token(good_claims(sub="u-1", iat=time.time()))
        async with gateway_for(nats, tmp_path, KEY) as base:
            for token in (taken, logout_token(sub="u-2")):
                assert (await http.post(f"{base}/sign-in/logout", data={"logout_token": token})).status_code == 200
            await eventually(lambda: out(base, of_another))  # by then the gateway has heard of the other one too
            assert await status(base, since) == 200


async def test_no_logout_tokens_are_taken_in_development(nats: NatsServer, tmp_path: Path) -> None:
    given: dict[str, Any] = {"nats_url": nats.url, "var": tmp_path, "partitions": 1, "port": free_port()}
    async with running(GatewaySettings(**given), compose), httpx.AsyncClient() as http:
        base = f"http://127.0.0.1:{given['port']}"
        assert (await http.get(f"{base}/v1/identity")).json()["mode"] == "development"
        for method, path in (("GET", "/sign-in"), ("GET", "/sign-out"), ("POST", "/v1/sign-in/token")):
            assert (await http.request(method, base + path)).status_code == 404
        sent = await http.post(f"{base}/sign-in/logout", data={"logout_token": logout_token(sub="u-1")})
        assert sent.status_code == 404
