"""Whom a Space is shown to is one decision: the same along every way in, before, during and after it.

`matrix.txt` has it for every way in, role, state and choice of who can join.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from infra.demo.connection import new_connection
from infra.launcher import System
from libs.ids import new_id
from tests.integration.gateway.client import Client
from tests.integration.gateway.every_role import (
    AUDIENCES,
    INSIDE,
    KINDS,
    OUT,
    SERVICES,
    SETTINGS,
    STATES,
    World,
    everybody,
)
from tests.integration.gateway.ways_in import Answers, differences, is_tried, read, ways
from tests.support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

TABLE: Final = Path(__file__).with_name("matrix.txt")


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("system")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(var: Path) -> AsyncIterator[System]:
    async with System(var, gateway_port=0, services=SERVICES, settings=SETTINGS) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(system: System, var: Path) -> AsyncIterator[World]:
    async with everybody(system, var) as made:
        yield made


async def signed_up(system: System, handle: str) -> tuple[dict[str, Any], Client]:
    async with Client(system.url) as nobody:
        made = await nobody.http.post("/v1/people", json={"handle": handle, "name": handle.title()})
        assert made.status_code == 201, made.text
    return made.json()["person"], Client(system.url, made.json()["token"])


async def offers() -> tuple[str, str]:
    """Of a client that sends, and of one that receives. They are never connected."""
    found = []
    for direction in ("sendonly", "recvonly"):
        pc = new_connection()
        pc.addTransceiver("audio", direction=direction)
        await pc.setLocalDescription(await pc.createOffer())
        found.append(pc.localDescription.sdp)
        await pc.close()
    return found[0], found[1]


async def answers(world: World, roles: Iterable[str], audiences: Iterable[str] = AUDIENCES) -> Answers:
    """What everybody of these roles is answered along every way."""
    every_way = ways(*await offers())
    await world.stay()
    places = [place for place in world.places if place.audience in audiences]

    async def of(role: str) -> Answers:
        found: Answers = {}
        for name, way in every_way.items():
            for place in places:
                if is_tried(name, place.state, place.audience):
                    found[name, place.state, place.audience, role] = await way(world.people[role], place)
        return found

    merged: Answers = {}
    for answered in await asyncio.gather(*map(of, roles)):
        merged |= answered
    return merged


async def test_every_way_in_lets_in_whom_the_table_says(world: World) -> None:
    table = read(TABLE.read_text(), STATES, AUDIENCES)
    expected = {cell: answer for cell, answer in table.items() if cell[1:3] in KINDS and is_tried(*cell[:3])}
    roles = tuple(dict.fromkeys(role for *_, role in expected))
    assert set(roles) == {"host", *INSIDE, "invited", "follower", "stranger", "anonymous", "operator"}
    # The page is everybody's.
    expected |= {("page", *kind, role): "ok" for kind in KINDS for role in roles}
    found = differences(expected, await answers(world, roles))
    assert not found, "\n".join(found)


async def test_whoever_is_out_is_let_in_nowhere(world: World) -> None:
    lists = ("browse", "search", "live_bar", "x_one", "x_many", "x_tweets", "x_buyers", "x_search", "x_creator")
    why = {"removed": "removed", "blocked": "blocked", "blocker": "blocked", "suspended": "suspended"}
    # Where everyone can join: being out comes first.
    answered = await answers(world, OUT, ("everyone",))
    expected = {}
    for cell in answered:
        way, _, _, role = cell
        in_list = way in lists and role != "suspended"
        told = "-" if in_list or (way == "report" and role != "suspended") else why[role]
        expected[cell] = "ok" if way == "page" else told
    found = differences(expected, answered)
    assert not found, "\n".join(found)


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
        assert (await as_host.http.post(f"{at}/sessions", json={})).status_code == 201
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
            for refused in (
                await who.http.get(f"{at}/events", params={"session": own}),
                await who.http.post(f"{at}/sessions/{own}/renew", json={}),
            ):
                assert (refused.status_code, refused.json()["reason"]) == (403, "not_allowed")


async def test_whoever_is_let_in_by_name_is_told_so_until_that_is_taken_back(system: System) -> None:
    _, as_host = await signed_up(system, "keeper")
    guest, as_guest = await signed_up(system, "awaited")
    other, as_other = await signed_up(system, "unasked")
    bar = "/v1/live-bar/events"
    async with as_host, as_guest, as_other, as_guest.events(bar) as told, as_other.events(bar) as others:
        seen = (await told.until("snapshot"))[-1].id
        await others.until("snapshot")
        space = (await as_host.http.post("/v1/spaces", json={"title": "Tea", "who_can_join": "invited"})).json()
        at = f"/v1/spaces/{space['id']}"
        assert (await as_host.http.post(f"{at}/sessions", json={})).status_code == 201
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
        # The first that the other one is told is what is for them.
        await as_host.http.post(f"{at}/invitations", json={"person_id": other["id"], "to": "join"})
        (only,) = await others.until("room.invited")
        assert only.data["person"]["id"] == other["id"]


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
