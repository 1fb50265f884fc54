"""A suspension holds at every edge within a second, before the real services."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.integration.gateway.client import Client
from tests.integration.moderation.conftest import Instance
from tests.support.waiting import eventually, standstill
from tests.support.webrtc import Ear, ear, opus_tone, speaker

pytestmark = [pytest.mark.asyncio(loop_scope="package")]

WITHIN = 1.0
"""Seconds that the product promises, beside those in which this process itself stood still."""
ABUSE = {"reason": "abuse", "explanation": "Threats."}


def reason(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


async def on_stage(host: Client, guest: Client, at: str, guest_id: str) -> None:
    for done in (
        await guest.http.post(f"{at}/sessions"),
        await guest.http.post(f"{at}/requests"),
        await host.http.post(f"{at}/requests/{guest_id}/accept"),
        await guest.http.post(f"{at}/stage/{guest_id}/unmute"),
    ):
        assert done.status_code in (200, 201, 202), done.text


def negotiating(client: Client, path: str) -> Any:
    async def negotiate(offer: str) -> str:
        answer = await client.http.post(path, content=offer, headers={"content-type": "application/sdp"})
        assert answer.status_code == 201, answer.text
        return str(answer.text)

    return negotiate


async def silent(cut_off: Ear, witness: Ear, until: float) -> None:
    """Nothing arrives later than that, while a witness goes on hearing."""
    await witness.until(lambda it: it.heard[-1].at > until + 0.2)
    assert not [packet for packet in cut_off.heard if packet.at > until]


def sources(listening: Ear, since: float) -> set[int]:
    """Who is heard later than that."""
    return {source for packet in listening.heard if packet.at > since for source in packet.sources}


async def test_somebody_who_speaks_is_suspended_and_gone_within_a_second(instance: Instance) -> None:
    _, as_host = await instance.sign_up("host")
    troll, as_troll = await instance.sign_up("troll")
    async with AsyncExitStack() as stack:
        for client in (as_host, as_troll, operator := instance.operator(), nobody := Client(instance.system.url)):
            await stack.enter_async_context(client)
        space = (await as_host.http.post("/v1/spaces", json={"title": "Tea"})).json()
        at = f"/v1/spaces/{space['id']}"
        await on_stage(as_host, as_troll, at, troll["id"])
        assert (await as_host.http.post(f"{at}/stage/{space['host']['id']}/unmute")).status_code == 200
        voice = await stack.enter_async_context(speaker(negotiating(as_troll, f"{at}/whip"), opus_tone(440, 30)))
        await stack.enter_async_context(speaker(negotiating(as_host, f"{at}/whip"), opus_tone(330, 30)))
        listening = await stack.enter_async_context(ear(negotiating(nobody, f"{at}/whep")))
        await listening.until(lambda it: len({source for packet in it.heard for source in packet.sources}) == 2)
        public = await stack.enter_async_context(nobody.events(f"{at}/events"))
        own = await stack.enter_async_context(as_troll.events(f"{at}/events"))
        socket = await stack.enter_async_context(as_troll.live(f"{at}/live"))
        bystander = await stack.enter_async_context(as_host.events(f"{at}/events"))
        for stream in (public, own, socket, bystander):
            await stream.until("snapshot")

        stood = await stack.enter_async_context(standstill())
        done = await operator.http.post(f"/v1/ops/people/{troll['id']}/suspend", json=ABUSE)
        at_once = time.monotonic()
        assert done.status_code == 204, done.text
        removed, *_ = await asyncio.gather(public.until("room.removed"), own.closed(), socket.closed())
        assert (removed[-1].data["person_id"], removed[-1].data["because"]) == (troll["id"], "suspended")
        assert time.monotonic() - at_once < WITHIN + stood()
        for refused in (
            await as_troll.http.post(f"{at}/sessions"),
            await as_troll.http.post(f"{at}/requests"),
            await as_troll.http.post("/v1/spaces", json={"title": "Mine"}),
            await as_troll.http.put(f"/v1/me/following/{space['host']['id']}"),
            await as_troll.http.get(f"{at}/events"),
            await as_troll.http.get("/v1/live-bar/events"),
            await as_troll.http.post(f"{at}/whep", content="v=0", headers={"content-type": "application/sdp"}),
        ):
            assert reason(refused) == (403, "suspended")
        assert await as_troll.not_live(f"{at}/live") == (403, "suspended")
        late = at_once + WITHIN + stood()
        await listening.until(lambda it: it.heard[-1].at > late + 0.2)
        assert len(sources(listening, late)) == 1, "only the host is heard"
        assert voice.sent, "the troll spoke"
        assert (await as_troll.http.get("/v1/me")).status_code == 200

        undone = await operator.http.post(f"/v1/ops/people/{troll['id']}/reinstate")
        assert undone.status_code == 204, undone.text

        async def welcome() -> bool:
            return (await as_troll.http.post(f"{at}/sessions")).status_code == 201

        await eventually(welcome)


async def test_somebody_who_only_listens_is_suspended_and_hears_nothing_within_a_second(instance: Instance) -> None:
    host, as_host = await instance.sign_up("host2")
    lurker, as_lurker = await instance.sign_up("lurker")
    async with AsyncExitStack() as stack:
        for client in (as_host, as_lurker, operator := instance.operator(), nobody := Client(instance.system.url)):
            await stack.enter_async_context(client)
        space = (await as_host.http.post("/v1/spaces", json={"title": "Tea"})).json()
        at = f"/v1/spaces/{space['id']}"
        assert (await as_host.http.post(f"{at}/stage/{host['id']}/unmute")).status_code == 200
        await stack.enter_async_context(speaker(negotiating(as_host, f"{at}/whip"), opus_tone(440, 30)))
        session = (await as_lurker.http.post(f"{at}/sessions")).json()["session_id"]
        whep = f"{at}/whep?session={session}"
        listening = await stack.enter_async_context(ear(negotiating(as_lurker, whep)))
        witness = await stack.enter_async_context(ear(negotiating(nobody, f"{at}/whep")))
        for one in (listening, witness):
            await one.until(lambda it: len(it.heard) > 20)
        stood = await stack.enter_async_context(standstill())
        done = await operator.http.post(f"/v1/ops/people/{lurker['id']}/suspend", json=ABUSE)
        at_once = time.monotonic()
        assert done.status_code == 204, done.text
        await silent(listening, witness, at_once + WITHIN + stood())


async def test_somebody_removed_is_cut_off_at_every_edge_within_a_second(instance: Instance) -> None:
    _, as_host = await instance.sign_up("host3")
    troll, as_troll = await instance.sign_up("troll3")
    async with AsyncExitStack() as stack:
        for client in (as_host, as_troll, nobody := Client(instance.system.url)):
            await stack.enter_async_context(client)
        space = (await as_host.http.post("/v1/spaces", json={"title": "Tea"})).json()
        at = f"/v1/spaces/{space['id']}"
        await on_stage(as_host, as_troll, at, troll["id"])
        assert (await as_host.http.post(f"{at}/stage/{space['host']['id']}/unmute")).status_code == 200
        voice = await stack.enter_async_context(speaker(negotiating(as_troll, f"{at}/whip"), opus_tone(440, 30)))
        await stack.enter_async_context(speaker(negotiating(as_host, f"{at}/whip"), opus_tone(330, 30)))
        heard_by_all = await stack.enter_async_context(ear(negotiating(nobody, f"{at}/whep")))
        heard_by_troll = await stack.enter_async_context(ear(negotiating(as_troll, f"{at}/whep")))
        for listening in (heard_by_all, heard_by_troll):
            await listening.until(lambda it: len(it.heard) > 20)
        own = await stack.enter_async_context(as_troll.events(f"{at}/events"))
        socket = await stack.enter_async_context(as_troll.live(f"{at}/live"))
        for stream in (own, socket):
            await stream.until("snapshot")

        stood = await stack.enter_async_context(standstill())
        done = await as_host.http.post(f"{at}/removals", json={"person_id": troll["id"], "reason": "Shouts."})
        at_once = time.monotonic()
        assert done.status_code == 200, done.text
        for told in await asyncio.gather(own.closed(), socket.closed()):
            assert (told[-1].event, told[-1].data["person_id"]) == ("room.removed", troll["id"])
        assert time.monotonic() - at_once < WITHIN + stood()
        sdp = {"content-type": "application/sdp"}
        for refused in (
            await as_troll.http.post(f"{at}/sessions"),
            await as_troll.http.post(f"{at}/requests"),
            await as_troll.http.get(f"{at}/events"),
            await as_troll.http.get(f"{at}/replay"),
            await as_troll.http.post(f"{at}/whep", content="v=0", headers=sdp),
            await as_troll.http.post(f"{at}/whip", content="v=0", headers=sdp),
        ):
            assert reason(refused) == (403, "removed")
        assert await as_troll.not_live(f"{at}/live") == (403, "removed")
        late = at_once + WITHIN + stood()  # once: it grows, past what was heard
        await silent(heard_by_troll, heard_by_all, late)
        assert len(sources(heard_by_all, late)) == 1, "only the host is heard"
        assert voice.sent, "the troll spoke"


async def test_an_appeal_is_lodged_with_the_token_that_opens_nothing_else(instance: Instance) -> None:
    person, as_person = await instance.sign_up("innocent")
    async with as_person, instance.operator() as operator:
        assert reason(await as_person.http.post("/v1/me/appeals", json={"text": "Why?"})) == (409, "wrong_state")
        await operator.http.post(f"/v1/ops/people/{person['id']}/suspend", json=ABUSE)
        lodged = await as_person.http.post("/v1/me/appeals", json={"text": "It was not me."})
        assert (lodged.status_code, lodged.json()["state"]) == (201, "open")
        (open_one,) = (await operator.http.get("/v1/ops/moderation/appeals?state=open")).json()["appeals"]
        assert (open_one["person_id"], open_one["text"]) == (person["id"], "It was not me.")
        verdict = {"granted": True, "answer": "Indeed."}
        decided = await operator.http.post(f"/v1/ops/moderation/appeals/{person['id']}", json=verdict)
        assert (decided.status_code, decided.json()["state"]) == (200, "granted")
        (mine,) = (await as_person.http.get("/v1/me/appeals")).json()["appeals"]
        assert (mine["state"], mine["answer"]) == ("granted", "Indeed.")

        async def free() -> bool:
            return (await as_person.http.post("/v1/spaces", json={"title": "Free"})).status_code == 201

        await eventually(free)
