"""Servers manage their own webhooks, and nobody else's."""

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
from tests.integration.gateway.test_identity import gateway_for, people, reason
from tests.integration.gateway.test_server_api import a_key
from tests.integration.notifications.receiver import receiving
from tests.support.issuer import ISSUER
from tests.support.nats import NatsServer
from tests.support.waiting import eventually

__all__ = ["people"]


@pytest.fixture
async def base(nats: NatsServer, people: Bus, tmp_path: Path) -> AsyncIterator[str]:
    env = {
        **nats.env,
        "ROSTRUM_NOTIFICATIONS_PRIVATE_HOSTS": json.dumps(["127.0.0.1"]),
        "ROSTRUM_IDENTITY_ISSUER": ISSUER,
    }
    async with running(Settings.read(env), compose), gateway_for(nats, tmp_path) as base:
        yield base


async def test_a_server_has_webhooks_of_its_own(base: str, people: Bus) -> None:
    at = "/v1/server/webhooks"
    async with (
        receiving() as hooks,
        Client(base, await a_key(people, "webhooks", "people")) as one,
        Client(base, await a_key(people, "webhooks", "people")) as other,
        Client(base, await a_key(people, "people")) as third,
    ):
        made = await one.http.post(at, json={"url": hooks.url, "events": ["people.registered"]})
        assert made.status_code == 201, made.text
        webhook = made.json()
        assert webhook["rights"] == ["people", "webhooks"]
        assert webhook["secret"].startswith("whsec_")
        mine = f"{at}/{webhook['id']}"
        told = await one.http.put("/v1/server/person", params={"subject": "u-17"}, json={"name": "Ada"})
        (came,) = await hooks.until(1)
        person = told.json()["id"]
        assert came.data["person_id"] == person
        assert came.data["display_name"] == "Ada"
        assert came.message["people"][person]["subject"] == "u-17"

        async def written_down() -> list[str]:
            log = (await one.http.get(f"{mine}/deliveries")).json()["deliveries"]
            return [delivery["type"] for delivery in log]

        assert await eventually(written_down) == ["people.registered"]
        assert (await one.http.post(f"{mine}/test")).json()["outcome"] == "delivered"
        assert reason(await one.http.post(at, json={"url": hooks.url, "events": ["room.started"]})) == (422, "invalid")
        for stranger, answer in ((other, (404, "webhook_unknown")), (third, (403, "not_allowed"))):
            assert reason(await stranger.http.delete(mine)) == answer
            assert reason(await stranger.http.post(f"{mine}/rotate")) == answer
            assert reason(await stranger.http.get(f"{mine}/deliveries")) == answer
        assert (await other.http.get(at)).json() == {"webhooks": []}
        again = (await one.http.post(f"{mine}/replay", json={"message_id": came.id})).json()
        assert again == {"events": 1, "more": False}
        changed = await one.http.patch(mine, json={"events": ["people.*"]})
        assert changed.json()["events"] == ["people.*"]
        await eventually(lambda: len(hooks.taken) == 3)
        assert (await one.http.delete(mine)).status_code == 200
        assert (await one.http.get(at)).json() == {"webhooks": []}
