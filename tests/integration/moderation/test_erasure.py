"""Somebody who is erased is gone at every edge within a second, before the real services."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.gateway.client import Client, Stream
from tests.integration.moderation.conftest import Instance
from tests.integration.moderation.test_suspension import WITHIN, negotiating, on_stage, reason, silent, sources
from tests.support.waiting import eventually, standstill
from tests.support.webrtc import ear, opus_tone, speaker

pytestmark = [pytest.mark.asyncio(loop_scope="package")]


async def test_a_host_who_deletes_their_account_is_gone_within_a_second_and_the_space_goes_on(
    instance: Instance,
) -> None:
    host, as_host = await instance.sign_up("erased_host")
    cohost, as_cohost = await instance.sign_up("cohost")
    async with AsyncExitStack() as stack:
        for client in (as_host, as_cohost, nobody := Client(instance.system.url)):
            await stack.enter_async_context(client)
        start = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        later = (await as_host.http.post("/v1/spaces", json={"title": "Later", "scheduled_start": start})).json()
        space = (await as_host.http.post("/v1/spaces", json={"title": "Tea"})).json()
        at = f"/v1/spaces/{space['id']}"
        assert (await as_host.http.post(f"{at}/sessions")).status_code == 201
        await on_stage(as_host, as_cohost, at, cohost["id"])
        assert (await as_host.http.put(f"{at}/cohosts/{cohost['id']}")).status_code == 200
        assert (await as_host.http.post(f"{at}/stage/{host['id']}/unmute")).status_code == 200
        voice = await stack.enter_async_context(speaker(negotiating(as_host, f"{at}/whip"), opus_tone(440, 30)))
        await stack.enter_async_context(speaker(negotiating(as_cohost, f"{at}/whip"), opus_tone(330, 30)))
        heard_by_all = await stack.enter_async_context(ear(negotiating(nobody, f"{at}/whep")))
        heard_by_host = await stack.enter_async_context(ear(negotiating(as_host, f"{at}/whep")))
        for listening in (heard_by_all, heard_by_host):
            await listening.until(lambda it: len({source for packet in it.heard for source in packet.sources}) >= 1)
        link = (await as_host.http.post("/v1/links", json={"address": f"{at}/transcript.vtt"})).json()
        own = await stack.enter_async_context(as_host.events(f"{at}/events"))
        socket = await stack.enter_async_context(as_host.live(f"{at}/live"))
        others = await stack.enter_async_context(as_cohost.events(f"{at}/events"))
        for stream in (own, socket, others):
            await stream.until("snapshot")

        stood = await stack.enter_async_context(standstill())
        done = await as_host.http.request("DELETE", "/v1/me", json={"confirmation": "erased_host"})
        at_once = time.monotonic()
        assert done.status_code == 202, done.text
        await asyncio.gather(until_gone(others, host["id"]), own.closed(), socket.closed())
        assert time.monotonic() - at_once < WITHIN + stood()
        for refused in (
            await as_host.http.get("/v1/me"),
            await as_host.http.post(f"{at}/sessions"),
            await as_host.http.post(f"{at}/whep", content="v=0", headers={"content-type": "application/sdp"}),
            await as_host.http.get(f"{at}/events"),
            await nobody.http.get(link["url"]),
        ):
            assert reason(refused) == (401, "unauthenticated")
        assert await as_host.not_live(f"{at}/live") == (401, "unauthenticated")
        late = at_once + WITHIN + stood()  # once: it grows, past what was heard
        await silent(heard_by_host, heard_by_all, late)
        assert len(sources(heard_by_all, late)) == 1, "only the co-host is heard"
        assert voice.sent, "the host spoke"

        async def seen(path: str) -> Any:
            return (await as_cohost.http.get(path)).json()

        assert (await seen(at))["host"]["id"] == cohost["id"]
        again = await stack.enter_async_context(as_cohost.events(f"{at}/events", last_id="0"))
        *before, removed = await again.until("room.removed")
        assert (removed.data["person_id"], removed.data["because"]) == (host["id"], "erased")
        (changed,) = (one.data for one in before if one.event == "room.host_changed")
        assert (changed["host"]["id"], changed["reason"]) == (cohost["id"], "erased")
        await eventually(lambda: _is(seen, f"/v1/spaces/{later['id']}", "canceled"))
        assert (await seen(f"/v1/people/{host['id']}"))["reason"] == "person_unknown"


async def until_gone(others: Stream, host_id: str) -> None:
    """Until others are told that the host is gone. Once the keys are destroyed they are told to begin anew, which may
    be before room has heard of the erasure, or in the place of the removal."""
    while True:
        one = await others.next()
        if one.event == "room.removed" or (one.event == "snapshot" and one.data["host"]["id"] != host_id):
            return


async def _is(seen: Any, path: str, state: str) -> bool:
    return bool((await seen(path)).get("state") == state)
