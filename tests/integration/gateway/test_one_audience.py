"""Whom a Space is shown to is one decision: the same along every way in, before, during and after it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from infra.launcher import System
from libs.ids import new_id
from tests.integration.gateway.client import Client
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "Ponderosa"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    settings = {"ROSTRUM_GATEWAY_COMMANDS_PER_SECOND": "1000"}
    services = ("room", "people", "discovery", "gateway")
    async with System(tmp_path_factory.mktemp("system"), gateway_port=0, services=services, settings=settings) as made:
        yield made


async def signed_up(system: System, handle: str) -> tuple[dict[str, Any], Client]:
    async with Client(system.url) as nobody:
        made = await nobody.http.post("/v1/people", json={"handle": handle, "name": handle.title()})
        assert made.status_code == 201, made.text
    return made.json()["person"], Client(system.url, made.json()["token"])


async def shown(who: Client, space_id: str, *, signed_in: bool) -> dict[str, bool]:
    """By every way in, whether somebody is shown the Space, of which every way that shows it shows the title."""
    at = f"/v1/spaces/{space_id}"
    ways = {
        "REST": at,
        "browse": "/v1/spaces?state=all&limit=100",
        "search": f"/v1/spaces?state=all&q={SECRET}",
        "events": f"{at}/events",
    }
    if signed_in:
        fields = "space.fields=title"
        ways |= {
            "X one": f"/2/spaces/{space_id}?{fields}",
            "X many": f"/2/spaces?ids={space_id}&{fields}",
            "X search": f"/2/spaces/search?query={SECRET}&{fields}",
        }
    found = {}
    for name, path in ways.items():
        if name == "events":
            found[name] = (await who.http.head(path)).status_code == 200 and await _snapshot_has_title(who, path)
        else:
            found[name] = SECRET in (await who.http.get(path)).text
    return found


async def _snapshot_has_title(who: Client, path: str) -> bool:
    async with who.events(path) as events:
        return SECRET in str((await events.until("snapshot"))[-1].data)


@pytest.mark.parametrize("rule", ["invited", "followers"])
async def test_every_way_in_shows_a_space_to_the_same_people(system: System, rule: str) -> None:
    host, as_host = await signed_up(system, f"host_{rule[:5]}")
    guest, as_guest = await signed_up(system, f"guest_{rule[:5]}")
    _, as_stranger = await signed_up(system, f"alien_{rule[:5]}")
    async with as_host, as_guest, as_stranger, Client(system.url) as nobody:
        body = {"title": f"{SECRET} {rule}", "who_can_join": rule}
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        space = (await as_host.http.post("/v1/spaces", json=body | {"scheduled_start": later})).json()
        at = f"/v1/spaces/{space['id']}"
        if rule == "followers":
            assert (await as_guest.http.put(f"/v1/me/following/{host['id']}")).status_code == 204
        else:
            invited = await as_host.http.post(f"{at}/invitations", json={"person_id": guest["id"], "to": "join"})
            assert invited.status_code == 202, invited.text

        async def told(who: Client) -> dict[str, bool]:
            return await shown(who, space["id"], signed_in=who is not nobody)

        async def everywhere(who: Client) -> bool:
            return all((await told(who)).values())

        for state in ("scheduled", "live", "ended"):
            if state == "live":
                assert (await as_host.http.post(f"{at}/start")).status_code == 200
            if state == "ended":
                assert (await as_host.http.post(f"{at}/end")).status_code == 200
            # The lists follow within a moment; then nobody else is shown anything either.
            for way in ("X search",) if state != "ended" else ():
                await eventually(lambda way=way: _has(told, as_guest, way))  # type: ignore[misc]
            for who in (as_host, as_guest):
                seen = await eventually(lambda who=who, state=state: _settled(told, who, state))  # type: ignore[misc]
                assert all(seen.values()), (state, seen)
            for who in (as_stranger, nobody):
                seen = await told(who)
                assert not any(seen.values()), (state, seen)
                refused = await who.http.get(at)
                assert (refused.status_code, refused.json()["reason"]) == (403, "not_allowed")
                assert (await who.http.get(f"/spaces/{space['id']}")).status_code == 200
            if state == "scheduled":
                reminder = await as_stranger.http.put(f"{at}/reminder")
                assert (reminder.status_code, reminder.json()["reason"]) == (403, "not_allowed")
                assert (await as_guest.http.put(f"{at}/reminder")).status_code == 204
        complaint = {"space_id": space["id"], "reason": "spam"}
        reported = await as_stranger.http.post("/v1/reports", json=complaint)
        assert (reported.status_code, reported.json()["title"], SECRET in reported.text) == (201, "", False)
        assert SECRET in (await as_guest.http.post("/v1/reports", json=complaint)).json()["title"]


async def _has(told: Any, who: Client, way: str) -> bool:
    return bool((await told(who))[way])


async def _settled(told: Any, who: Client, state: str) -> dict[str, bool] | None:
    """What somebody is shown once all of it is there; X finds nothing that is over by words."""
    seen: dict[str, bool] = await told(who)
    if state == "ended":
        seen.pop("X search", None)
    return seen if all(seen.values()) else None


async def test_a_list_says_which_states_it_covers(system: System) -> None:
    async with Client(system.url) as nobody:
        for choice, states in {
            "": ["live"],
            "?state=scheduled": ["scheduled"],
            "?state=ended": ["ended", "timed_out"],
            "?state=all": ["live", "scheduled", "ended", "timed_out"],
        }.items():
            assert (await nobody.http.get(f"/v1/spaces{choice}")).json()["states"] == states


async def test_who_was_let_in_stays_when_fewer_may_join(system: System) -> None:
    _, as_host = await signed_up(system, "narrow")
    _, as_inside = await signed_up(system, "inside")
    _, as_outside = await signed_up(system, "outside")
    async with as_host, as_inside, as_outside, Client(system.url) as nobody:
        space = (await as_host.http.post("/v1/spaces", json={"title": "Wide"})).json()
        at = f"/v1/spaces/{space['id']}"
        theirs = (await as_inside.http.post(f"{at}/sessions", json={})).json()
        unnamed = (await nobody.http.post(f"{at}/sessions", json={})).json()
        assert (await as_host.http.patch(at, json={"who_can_join": "invited"})).status_code == 200
        assert (await as_inside.http.get(at)).status_code == 200
        assert (await as_outside.http.get(at)).json()["reason"] == "not_allowed"
        assert (await as_inside.http.post(f"{at}/requests", json={})).status_code == 202
        assert (await as_inside.http.delete(f"{at}/requests/me")).status_code == 200
        for who, session in ((as_inside, theirs), (nobody, unnamed)):
            own = session["session_id"]
            renewed = await who.http.post(f"{at}/sessions/{own}/renew", json={})
            assert renewed.status_code == 204, renewed.text
            # Their connection was lost: they come back, and do what whoever is in may do.
            async with who.events(f"{at}/events", session=own) as events:
                await events.until("snapshot")
            assert (await who.http.delete(f"{at}/sessions/{own}")).status_code == 204
            # Whoever left has to be let in again.
            refused = await who.http.get(f"{at}/events", params={"session": own})
            assert (refused.status_code, refused.json()["reason"]) == (403, "not_allowed")


async def test_whoever_is_let_in_by_name_is_told_so_until_that_is_taken_back(system: System) -> None:
    _, as_host = await signed_up(system, "keeper")
    guest, as_guest = await signed_up(system, "awaited")
    _, as_other = await signed_up(system, "unasked")
    bar = "/v1/live-bar/events"
    async with as_host, as_guest, as_other, as_guest.events(bar) as told, as_other.events(bar) as others:
        seen = (await told.until("snapshot"))[-1].id
        await others.until("snapshot")
        space = (await as_host.http.post("/v1/spaces", json={"title": "Tea", "who_can_join": "invited"})).json()
        at = f"/v1/spaces/{space['id']}"
        invitation = f"{at}/invitations/{guest['id']}"
        invited = await as_host.http.post(f"{at}/invitations", json={"person_id": guest["id"], "to": "join"})
        assert invited.status_code == 202, invited.text
        news = (await told.until("room.invited"))[-1].data
        assert (news["space_id"], news["to"], news["person"]["id"]) == (space["id"], "join", guest["id"])
        assert (await as_guest.http.get(at)).status_code == 200

        async def listed(is_there: bool) -> bool:
            return (space["id"] in (await as_guest.http.get("/v1/spaces")).text) is is_there

        await eventually(lambda: listed(True))
        refused = await as_guest.http.delete(invitation, params={"to": "join"})
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_host")
        assert (await as_host.http.delete(invitation)).json()["reason"] == "invitation_unknown", "none to speak"
        assert (await as_host.http.delete(invitation, params={"to": "join"})).status_code == 200
        assert (await told.until("room.uninvited"))[-1].data["space_id"] == space["id"]
        assert (await as_guest.http.get(at)).json()["reason"] == "not_allowed"
        assert (await as_guest.http.post(f"{at}/sessions", json={})).json()["reason"] == "not_allowed"
        await eventually(lambda: listed(False))
        assert (await as_host.http.delete(invitation, params={"to": "join"})).json()["reason"] == "invitation_unknown"
        # Whoever was away is told the same, and nobody else is.
        async with as_guest.events(bar, seen) as later:
            assert [one.event for one in await later.until("room.uninvited")] == ["room.invited", "room.uninvited"]
        with pytest.raises(TimeoutError):
            await others.next(0.2)


async def test_the_page_of_a_space_that_does_not_exist_is_not_found(system: System) -> None:
    _, as_host = await signed_up(system, "real")
    async with as_host, Client(system.url) as nobody:
        space = (await as_host.http.post("/v1/spaces", json={"title": "Here"})).json()
        there = await nobody.http.get(f"/spaces/{space['id']}")
        assert there.status_code == 200
        for unknown in (new_id(), "no-id", "x" * 300):
            missing = await nobody.http.get(f"/spaces/{unknown}", headers={"Range": "bytes=0-1"})
            assert missing.status_code == 404
            assert missing.headers["content-type"].startswith("text/html")
            assert missing.text == there.text, "the page says so itself"
