"""Everything people do to each other on stage, as a client orders it: before the real room and people services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.launcher import System
from libs.ids import new_id
from tests.integration.gateway.client import Client
from tests.integration.gateway.test_real_services import PASSING, reason, signed_up

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """The services of this module, on ports and data of their own."""
    var: Path = tmp_path_factory.mktemp("system")
    async with System(var, gateway_port=0, services=("room", "people", "gateway")) as running:
        yield running


class Cast:
    """People and their clients, by name."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.http: dict[str, httpx.AsyncClient] = {}

    async def add(self, system: System, stack: AsyncExitStack, *names: str) -> None:
        for name in names:
            person, client = await signed_up(system, f"{name}_{new_id()[-6:]}")
            self.ids[name] = person["id"]
            self.http[name] = (await stack.enter_async_context(client)).http


def fine(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


async def test_an_evening_with_cohosts_invitations_hands_and_pins(system: System) -> None:
    async with AsyncExitStack() as stack:
        cast = Cast()
        await cast.add(system, stack, "host", "ann", "bob")
        host, ann, bob = (cast.http[name] for name in ("host", "ann", "bob"))
        nobody = await stack.enter_async_context(Client(system.url))
        assert "music" in fine(await nobody.http.get("/v1/topics"))["topics"]
        assert "clap" in fine(await nobody.http.get("/v1/reactions"))["reactions"]
        bad = {"title": "Tea", "topics": ["no-such-topic"]}
        assert reason(await host.post("/v1/spaces", json=bad)) == (422, "invalid")
        at = "/v1/spaces/" + fine(await host.post("/v1/spaces", json={"title": "Tea", "topics": ["food"]}), 201)["id"]

        live = await stack.enter_async_context(nobody.events(f"{at}/events"))
        await live.until("snapshot")
        invited = fine(await host.post(f"{at}/invitations", json={"person_id": cast.ids["ann"]}), 202)
        assert [i["person"]["id"] for i in invited["invitations"]] == [cast.ids["ann"]]
        assert fine(await nobody.http.get(at))["invitations"] == []
        assert reason(await ann.post(f"{at}/invitations/me/accept")) == (403, "not_in_space")
        fine(await ann.post(f"{at}/sessions"), 201)
        fine(await ann.post(f"{at}/invitations/me/accept", json={"consent_to_recording": False}))
        fine(await host.put(f"{at}/cohosts/{cast.ids['ann']}"))
        told = [heard.event for heard in await live.until("room.cohost_appointed")]
        assert [name for name in told if name not in PASSING][-2:] == ["room.stage_joined", "room.cohost_appointed"]
        fine(await ann.post(f"{at}/invitations", json={"person_id": cast.ids["bob"]}), 202)
        assert reason(await bob.delete(f"{at}/invitations/{cast.ids['bob']}")) == (403, "not_host")
        fine(await ann.delete(f"{at}/invitations/{cast.ids['bob']}"))
        assert reason(await bob.post(f"{at}/invitations/me/accept")) == (404, "invitation_unknown")
        fine(await ann.post(f"{at}/invitations", json={"person_id": cast.ids["bob"]}), 202)
        fine(await bob.post(f"{at}/invitations/me/decline"))
        for act, body in (("requests", {}), ("reactions", {"reaction": "clap"})):
            assert reason(await bob.post(f"{at}/{act}", json=body)) == (403, "not_in_space")
        fine(await bob.post(f"{at}/sessions"), 201)
        fine(await bob.post(f"{at}/reactions", json={"reaction": "clap"}), 202)
        fine(await bob.post(f"{at}/requests"), 202)
        fine(await ann.post(f"{at}/requests/{cast.ids['bob']}/accept"))

        fine(await bob.put(f"{at}/hands/me"))
        fine(await ann.delete(f"{at}/hands/{cast.ids['bob']}"))
        fine(await bob.post(f"{at}/stage/{cast.ids['bob']}/unmute"))
        assert all(m["muted"] for m in fine(await ann.post(f"{at}/mute-all"))["stage"])
        assert reason(await bob.post(f"{at}/mute-all")) == (403, "not_host")
        key = {"idempotency-key": new_id()}
        link = {"url": "https://example.org/tea", "text": "Tea"}
        pinned = fine(await bob.post(f"{at}/pins", json=link, headers=key), 201)
        assert fine(await bob.post(f"{at}/pins", json=link, headers=key), 201)["pins"] == pinned["pins"]
        assert reason(await bob.post(f"{at}/pins", json={"url": "javascript:alert(1)"})) == (422, "invalid")
        assert fine(await host.delete(f"{at}/pins/{pinned['pins'][0]['id']}"))["pins"] == []
        changed = fine(await host.patch(at, json={"title": "Coffee", "who_can_join": "followers"}))
        assert (changed["settings"]["title"], changed["settings"]["topics"]) == ("Coffee", ["food"])
        assert reason(await host.patch(at, json={"recorded": True})) == (409, "wrong_state")
        assert reason(await ann.patch(at, json={"title": "Mine"})) == (403, "not_host")
        assert reason(await nobody.http.get(f"{at}/admission")) == (403, "not_allowed")
        assert fine(await bob.get(f"{at}/admission"))["role"] == "speaker"
        there = fine(await bob.get(f"{at}/participants", params={"limit": 10}))
        assert [p["person"]["id"] for p in there["people"]] == sorted([cast.ids["ann"], cast.ids["bob"]])
        assert reason(await nobody.http.get(f"{at}/participants")) == (403, "not_allowed")

        fine(await host.post(f"{at}/removals", json={"person_id": cast.ids["bob"]}))
        assert reason(await bob.get(at)) == (403, "removed")
        fine(await host.delete(f"{at}/removals/{cast.ids['bob']}"))
        fine(await bob.get(at))
        fine(await host.delete(f"{at}/cohosts/{cast.ids['ann']}"))
        assert reason(await host.post(f"{at}/hand-over", json={"person_id": cast.ids["ann"]})) == (403, "not_allowed")
        fine(await host.put(f"{at}/cohosts/{cast.ids['ann']}"))
        assert (
            fine(await host.post(f"{at}/hand-over", json={"person_id": cast.ids["ann"]}))["host"]["id"]
            == (cast.ids["ann"])
        )
        assert reason(await host.post(f"{at}/end")) == (403, "not_host")
        assert fine(await ann.post(f"{at}/end"))["state"] == "ended"


async def test_a_scheduled_space_is_moved_and_a_conversation_has_no_listeners(system: System) -> None:
    async with AsyncExitStack() as stack:
        cast = Cast()
        await cast.add(system, stack, "host", "ann")
        host, ann = cast.http["host"], cast.http["ann"]
        start = datetime.now(UTC) + timedelta(days=1)
        wanted = {"title": "Tea", "kind": "conversation", "who_can_speak": "everyone"}
        made = fine(await host.post("/v1/spaces", json={**wanted, "scheduled_start": start.isoformat()}), 201)
        at = f"/v1/spaces/{made['id']}"
        later = (start + timedelta(days=28)).isoformat()
        moved = fine(await host.post(f"{at}/reschedule", json={"scheduled_start": later}))
        assert datetime.fromisoformat(moved["scheduled_start"]) == datetime.fromisoformat(later)
        too_late = {"scheduled_start": (start + timedelta(days=31)).isoformat()}
        assert reason(await host.post(f"{at}/reschedule", json=too_late)) == (422, "invalid")
        assert reason(await ann.post(f"{at}/reschedule", json={"scheduled_start": later})) == (403, "not_host")
        fine(await host.post(f"{at}/start"))
        assert reason(await ann.post(f"{at}/sessions")) == (403, "not_allowed")
        assert (await ann.get(f"{at}/events")).status_code == 403
        fine(await ann.post(f"{at}/requests"), 202)
        fine(await ann.post(f"{at}/sessions"), 201)


async def test_hosts_keep_a_word_list_and_everybody_on_stage_their_language(system: System) -> None:
    async with AsyncExitStack() as stack:
        cast = Cast()
        await cast.add(system, stack, "host", "ann", "bob")
        host, ann, bob = (cast.http[name] for name in ("host", "ann", "bob"))
        made = fine(await host.post("/v1/spaces", json={"title": "Tea", "captions": True, "words": ["Dashwood"]}), 201)
        assert made["words"] == ["Dashwood"]
        at = f"/v1/spaces/{made['id']}"
        watch = Client(system.url)
        public = await stack.enter_async_context((await stack.enter_async_context(watch)).events(f"{at}/events"))
        assert (await public.until("snapshot"))[-1].data["words"] == []

        # The hosts' own, a co-host's too; nobody else sees it or is told.
        fine(await host.post(f"{at}/invitations", json={"person_id": cast.ids["ann"]}), 202)
        fine(await ann.post(f"{at}/sessions"), 201)
        fine(await ann.post(f"{at}/invitations/me/accept"))
        assert reason(await ann.put(f"{at}/words", json={"words": []})) == (403, "not_host")
        fine(await host.put(f"{at}/cohosts/{cast.ids['ann']}"))
        most = [f"{n:02}".ljust(40, "é") for n in range(50)]
        assert fine(await ann.put(f"{at}/words", json={"words": most}))["words"] == most
        assert fine(await host.get(at))["words"] == most
        assert fine(await bob.get(at))["words"] == []
        for bad in ([*most, "one more"], ["x" * 41], ["D\u0430shwood"], ["Dash\u0007wood"], [""], "Dashwood", None):
            assert reason(await ann.put(f"{at}/words", json={"words": bad})) == (422, "invalid"), bad
            refused = await host.post("/v1/spaces", json={"title": "Tea", "words": bad})
            assert reason(refused) == (422, "invalid"), bad
        assert fine(await host.get(at))["words"] == most
        key = {"idempotency-key": new_id()}
        for _ in range(2):
            assert fine(await host.put(f"{at}/words", json={"words": ["HNSW"]}, headers=key))["words"] == ["HNSW"]
        assert reason(await host.put(f"{at}/words", json={"words": []}, headers=key)) == (409, "idempotency_conflict")

        # What somebody on stage speaks, they say themselves, for this Space.
        assert reason(await bob.put(f"{at}/languages/me", json={"lang": "de"})) == (403, "not_on_stage")
        spoken = fine(await ann.put(f"{at}/languages/me", json={"lang": "de-AT"}))["stage"]
        assert [(m["person"]["id"], m["lang"]) for m in spoken] == [
            (cast.ids["host"], None),
            (cast.ids["ann"], "de-AT"),
        ]
        for no_tag in ("", "German", "DE", "d", "de_AT", "de-", "de-" + "a" * 40, 7, ["de"]):
            assert reason(await ann.put(f"{at}/languages/me", json={"lang": no_tag})) == (422, "invalid"), no_tag
        assert reason(await ann.put(f"{at}/languages/me", json={})) == (422, "invalid")
        fine(await ann.put(f"{at}/languages/me", json={"lang": "auto"}))
        told = [event for event in await public.until("room.language_chosen") if event.event not in PASSING]
        assert [event.event for event in told] == ["room.stage_joined", "room.cohost_appointed", "room.language_chosen"]
        assert told[-1].data["lang"] == "de-AT"
        assert (await public.until("room.language_chosen"))[-1].data["lang"] == "und"

        # It is still theirs when they come back, until they take it back.
        fine(await ann.delete(f"{at}/stage/{cast.ids['ann']}"))
        fine(await host.post(f"{at}/invitations", json={"person_id": cast.ids["ann"]}), 202)
        assert fine(await ann.post(f"{at}/invitations/me/accept"))["stage"][-1]["lang"] == "und"
        assert fine(await ann.put(f"{at}/languages/me", json={"lang": None}))["stage"][-1]["lang"] is None
