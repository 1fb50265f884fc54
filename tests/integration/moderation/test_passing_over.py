"""An event that this version cannot read stops who needs it, is seen by operators, and one of them passes over it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import nats
import pytest

from contracts import envelope, subjects
from contracts.room.v1 import Muted
from libs.ids import new_id
from tests.integration.gateway.client import Client
from tests.integration.moderation.conftest import Instance
from tests.support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="package")]


async def publish_broken(instance: Instance) -> str:
    """Put an event into the stream that nobody can read; its id."""
    event = Muted(at=datetime.now(UTC), space_id=new_id(), version=1, person_id=new_id())
    body = json.dumps(event.model_dump(mode="json") | {"person_id": "<b>nobody</b>"}).encode()
    headers = envelope.headers(event, id=new_id(), source="room")
    user, password = instance.system.credentials()
    client = await nats.connect(instance.system.nats_url, user=user, password=password)
    try:
        await client.jetstream().publish(event.subject, body, headers=headers, stream=subjects.EVENTS_STREAM)
    finally:
        await client.close()
    return headers["Nats-Msg-Id"]


async def people(operator: Client) -> dict[str, Any]:
    services = (await operator.http.get("/v1/ops/overview")).json()["services"]
    return next((one for one in services if one["service"] == "people"), {"halted": [], "ready": False})


async def standing(operator: Client) -> list[dict[str, Any]] | None:
    return (await people(operator))["halted"] or None


async def ready(operator: Client) -> bool | None:
    found = await people(operator)
    return (found["ready"] and not found["halted"]) or None


async def test_an_operator_sees_and_passes_over_what_cannot_be_read(instance: Instance) -> None:
    _, as_anybody = await instance.sign_up("anybody")
    async with as_anybody, instance.operator() as operator:
        event_id = await publish_broken(instance)
        (one,) = await eventually(lambda: standing(operator))
        assert (one["reader"], one["event_id"], one["subject"][-5:]) == ("people-spaces", event_id, "muted")
        assert "people-spaces cannot read" in (await people(operator))["missing"]["events"]
        page = (await operator.http.get("/ops")).text
        assert event_id in page
        assert "people-spaces" in page
        assert "http-equiv=refresh" not in page, "it would take away what is being written"

        order = {"event_id": event_id, "explanation": "Written by hand."}
        assert (await as_anybody.http.post("/v1/ops/events/pass-over", json=order)).status_code == 403
        assert await standing(operator), "who is no operator changes nothing"
        done = await operator.http.post("/v1/ops/events/pass-over", json=order)
        assert done.status_code == 204, done.text
        await eventually(lambda: ready(operator))

        async def without_it() -> str | None:
            page = (await operator.http.get("/ops")).text
            return None if event_id in page else page

        assert "http-equiv=refresh" in await eventually(without_it)  # once nobody else stands before it either
        (entry,) = [
            one
            for one in (await operator.http.get("/v1/ops/moderation/log")).json()["entries"]
            if one["act"] == "event_passed_over"
        ]
        assert (entry["what"], entry["after"], entry["explanation"]) == (
            f"event {event_id}", "passed over", "Written by hand.",
        )  # fmt: skip
        assert entry["actor_id"]


async def test_the_form_of_the_operators_page_does_the_same(instance: Instance) -> None:
    async with instance.operator() as operator:
        event_id = await publish_broken(instance)
        await eventually(lambda: standing(operator))
        token = str(operator.http.headers["authorization"]).removeprefix("Bearer ")
        async with Client(instance.system.url) as browser:
            page = (await browser.http.get("/ops", params={"access_token": token})).text
            (action,) = re.findall(r"action='([^']*)'", page)
            (named,) = re.findall(r"name=event_id value='([^']*)'", page)
            assert named == event_id
            without = await browser.http.post(action.partition("?")[0], data={"event_id": named, "explanation": "x"})
            assert without.status_code == 401, "an address without the token does nothing"
            wrong = await browser.http.post(action, data={"event_id": "", "explanation": "x"})
            assert wrong.status_code == 422
            sent = await browser.http.post(action, data={"event_id": named, "explanation": "By the form."})
            assert (sent.status_code, sent.headers["location"]) == (303, f"/ops?access_token={token}")
        await eventually(lambda: ready(operator))
