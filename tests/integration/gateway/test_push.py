"""People have browsers of their own, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.bus import Bus
from libs.service import running
from services.notifications.main import compose
from services.notifications.settings import Settings
from tests.integration.gateway.client import Client
from tests.integration.gateway.test_identity import KEY, gateway_for, people, reason
from tests.integration.notifications.push_service import Device, PushService, pushing
from tests.support.issuer import ISSUER, good_claims
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

__all__ = ["people"]


@pytest.fixture
async def base(nats: NatsServer, people: Bus, tmp_path: Path) -> AsyncIterator[str]:
    hosts = json.dumps(["127.0.0.1"])
    env = {
        **nats.env,
        "ROSTRUM_NOTIFICATIONS_PRIVATE_HOSTS": hosts,
        "ROSTRUM_NOTIFICATIONS_PUSH_HOSTS": hosts,
        "ROSTRUM_IDENTITY_ISSUER": ISSUER,
    }
    async with running(Settings.read(env), compose), gateway_for(nats, tmp_path) as base:
        yield base


def given(device: Device, **more: object) -> dict[str, object]:
    return {"address": device.address, "p256dh": device.public, "auth": device.secret, **more}


async def test_one_has_browsers_of_ones_own(base: str, service: PushService) -> None:
    at = "/v1/me/push"
    phone, laptop = service.device(), service.device()
    ann, bob = signed_in("ann"), signed_in("bob")
    async with Client(base, ann) as one, Client(base, bob) as other, Client(base, None) as nobody:
        assert reason(await nobody.http.get(at)) == (401, "unauthenticated")
        assert reason(await nobody.http.put(at, json=given(phone))) == (401, "unauthenticated")
        before = (await one.http.get(at)).json()
        assert before["subscriptions"] == []
        assert len(before["key"]) == 87
        made = await one.http.put(at, json=given(phone, live=True))
        assert made.status_code == 200, made.text
        assert (made.json()["service"], made.json()["reminders"], made.json()["live"]) == ("127.0.0.1", True, True)
        again = await one.http.put(at, json=given(phone, live=True))
        assert again.json() == made.json()
        await one.http.put(at, json=given(laptop))
        elsewhere = given(phone) | {"address": "https://push.example.org/1"}
        assert reason(await one.http.put(at, json=elsewhere)) == (422, "invalid")
        assert reason(await one.http.put(at, json=given(phone) | {"auth": "short"})) == (422, "invalid")
        id = made.json()["id"]
        # Nobody ends what is somebody else's.
        assert (await other.http.delete(f"{at}/{id}")).status_code == 204
        assert (await other.http.get(at)).json() == {"key": before["key"], "subscriptions": []}
        assert len((await one.http.get(at)).json()["subscriptions"]) == 2
        # A browser is one person's: whoever signs in there next.
        assert (await other.http.put(at, json=given(phone))).json()["id"] == id
        assert [found["id"] for found in (await other.http.get(at)).json()["subscriptions"]] == [id]
        assert [found["id"] for found in (await one.http.get(at)).json()["subscriptions"]] != [id]
        assert (await one.http.delete(at)).status_code == 204
        assert (await one.http.get(at)).json()["subscriptions"] == []
        for _ in range(12):
            assert (await one.http.put(at, json=given(service.device()))).status_code == 200
        assert len((await one.http.get(at)).json()["subscriptions"]) == 10
        assert (await one.http.delete("/v1/me/token")).status_code == 204

    async def ended() -> bool:
        async with Client(base, signed_in("ann", later=5)) as again:
            found: list[object] = (await again.http.get(at)).json()["subscriptions"]
            return not found

    await eventually(ended)


def signed_in(name: str, later: int = 0) -> str:
    claims = good_claims(sub=name, name=name.title(), preferred_username=name)
    return KEY.token(claims | {"iat": claims["iat"] + later})


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with pushing() as service:
        yield service
