"""A session is its person's, or its anonymous client's; and nobody is told enough to use another's."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from infra.launcher import System
from libs.identity import DevelopmentIdentity
from libs.ids import new_id
from tests.integration.gateway.client import Client
from tests.support.waiting import eventually, standstill
from tests.support.webrtc import ear

pytestmark = pytest.mark.asyncio(loop_scope="module")

HUNG_UP_SECONDS = 1.0
"""How long somebody who says that they go is counted, beside what a busy machine takes."""


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("system")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(var: Path) -> AsyncIterator[System]:
    async with System(var, gateway_port=0, services=("room", "people", "media", "gateway")) as running:
        yield running


def reason(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


async def signed_up(system: System) -> tuple[dict[str, Any], Client]:
    """Somebody new and their client."""
    handle = new_id()[-15:]
    async with Client(system.url) as nobody:
        made = (await nobody.http.post("/v1/people", json={"handle": handle, "name": handle})).json()
    return made["person"], Client(system.url, made["token"])


async def begun(host: Client, **settings: object) -> str:
    """The address of a new live Space."""
    made = await host.http.post("/v1/spaces", json={"title": "Tea", **settings})
    return f"/v1/spaces/{made.json()['id']}"


async def session_of(client: Client, at: str, **chosen: object) -> str:
    opened = await client.http.post(f"{at}/sessions", json=chosen)
    assert opened.status_code == 201, opened.text
    return str(opened.json()["session_id"])


async def listeners(at: str, client: Client) -> int:
    return int((await client.http.get(f"{at}/participants")).json()["listeners"])


async def counted(at: str, client: Client, number: int) -> None:
    """Wait until so many listen."""

    async def there() -> bool:
        return await listeners(at, client) == number

    await eventually(there)


async def test_what_nobody_opened_or_somebody_else_did_cannot_be_used_on_any_route(system: System, var: Path) -> None:
    _, as_host = await signed_up(system)
    _, as_ann = await signed_up(system)
    _, as_bob = await signed_up(system)
    operator = Client(system.url, DevelopmentIdentity(var / "keys").mint(new_id(), operator=True))
    async with as_host, as_ann, as_bob, operator, Client(system.url) as guest, Client(system.url) as thief:
        at = await begun(as_host)
        of_ann = await session_of(as_ann, at)
        secret = await session_of(guest, at)
        async with (
            operator.events("/v1/ops/events") as told,
            as_ann.events(f"{at}/events", session=of_ann),
            guest.events(f"{at}/events", session=secret),
        ):
            public = [(await told.until("presence.joined"))[-1].data["session_id"] for _ in range(2)]
            assert secret not in public
            public.remove(of_ann)
            (of_guest,) = public
            assert await listeners(at, as_host) == 2

            tries = [(as_bob, of_ann), (thief, of_ann), (as_bob, secret), (thief, of_guest), (as_bob, of_guest)]
            tries += [(client, new_id()) for client in (as_ann, as_bob, thief)]
            for client, session in tries:
                sdp = {"content-type": "application/sdp"}
                for refused in (
                    await client.http.post(f"{at}/sessions/{session}/renew"),
                    await client.http.get(f"{at}/events", params={"session": session}),
                    await client.http.post(f"{at}/whep?session={session}", content="v=0", headers=sdp),
                ):
                    assert reason(refused) == (404, "session_unknown"), session
                assert await client.not_live(f"{at}/live", session=session) == (404, "session_unknown")
            assert reason(await thief.http.delete(f"{at}/sessions/{of_ann}")) == (404, "session_unknown")
            assert reason(await thief.http.delete(f"{at}/sessions/{of_guest}")) == (404, "session_unknown")
            elsewhere = await begun(as_host)
            assert reason(await as_ann.http.post(f"{elsewhere}/sessions/{of_ann}/renew")) == (404, "session_unknown")
            assert await listeners(at, as_host) == 2, "no listener was made"

            assert (await as_ann.http.post(f"{at}/sessions/{of_ann}/renew")).status_code == 204
            assert (await guest.http.post(f"{at}/sessions/{secret}/renew")).status_code == 204
            assert (await guest.http.delete(f"{at}/sessions/{secret}")).status_code == 204
            assert (await as_ann.http.delete(f"{at}/sessions/{of_ann}")).status_code == 204
            assert await listeners(at, as_host) == 0


async def test_an_idempotent_join_is_answered_with_the_same_session(system: System) -> None:
    _, as_host = await signed_up(system)
    async with as_host:
        at = await begun(as_host)
        key = {"idempotency-key": new_id()}
        twice = [(await as_host.http.post(f"{at}/sessions", headers=key)).json()["session_id"] for _ in range(2)]
        assert twice[0] == twice[1]


async def test_who_signs_up_while_listening_is_one_listener_and_may_close_what_they_had(system: System) -> None:
    _, as_host = await signed_up(system)
    _, as_ann = await signed_up(system)
    async with as_host, as_ann, Client(system.url) as guest:
        at = await begun(as_host)
        before, other = await session_of(guest, at), await session_of(guest, at)
        async with guest.events(f"{at}/events", session=before):
            await counted(at, as_host, 1)
            own = await session_of(as_ann, at, replaces=before)
            assert await listeners(at, as_host) == 1
            for wrong in (own, new_id()):
                refused = await as_ann.http.post(f"{at}/sessions", json={"replaces": wrong})
                assert reason(refused) == (404, "session_unknown")
            async with guest.events(f"{at}/events", session=other):
                await counted(at, as_host, 2)
                assert (await as_ann.http.delete(f"{at}/sessions/{other}")).status_code == 204
                assert await listeners(at, as_host) == 1


async def test_who_leaves_on_purpose_leaves_the_queue(system: System) -> None:
    _, as_host = await signed_up(system)
    _, as_ann = await signed_up(system)
    async with as_host, as_ann:
        at = await begun(as_host)
        session = await session_of(as_ann, at)
        assert (await as_ann.http.post(f"{at}/requests")).status_code == 202
        assert (await as_ann.http.delete(f"{at}/sessions/{session}")).status_code == 204
        assert (await as_host.http.get(at)).json()["requests"] == []


async def test_a_listener_who_hangs_up_is_counted_no_longer_than_that_takes(system: System) -> None:
    _, as_host = await signed_up(system)
    async with as_host, Client(system.url) as guest:
        at = await begun(as_host)
        where: list[str] = []

        async def negotiate(offer: str) -> str:
            answer = await guest.http.post(f"{at}/whep", content=offer, headers={"content-type": "application/sdp"})
            where.append(answer.headers["location"])
            return answer.text

        async with standstill() as stood:
            took: list[float] = []
            # The best of three: the machine may do something else meanwhile.
            for says_so in (True, False) * 3:
                async with ear(negotiate):
                    await counted(at, as_host, 1)
                    if says_so:
                        assert (await guest.http.delete(where[-1])).status_code == 200
                        hung_up = time.monotonic()
                        await counted(at, as_host, 0)
                if not says_so:  # its goodbye in DTLS did
                    hung_up = time.monotonic()
                    await counted(at, as_host, 0)
                took.append(time.monotonic() - hung_up)
            print({"counted_after_delete": took[::2], "counted_after_goodbye": took[1::2]})
            assert min(took[::2]) < HUNG_UP_SECONDS + stood()
            assert min(took[1::2]) < HUNG_UP_SECONDS + stood()


async def test_whoever_only_opens_sessions_is_no_listener_and_whoever_has_media_is(system: System) -> None:
    _, as_host = await signed_up(system)
    async with as_host, Client(system.url) as guest, Client(system.url) as watching:
        at = await begun(as_host)
        made_up = [await session_of(guest, at) for _ in range(5)]

        async def negotiate(offer: str) -> str:
            sdp = {"content-type": "application/sdp"}
            return (await guest.http.post(f"{at}/whep?session={made_up[0]}", content=offer, headers=sdp)).text

        async with watching.events(f"{at}/events") as told:
            for session in made_up:
                assert (await guest.http.post(f"{at}/sessions/{session}/renew")).status_code == 204
            assert (await as_host.http.get(at)).json()["listeners"] == 0
            async with ear(negotiate):
                while (await told.until("presence.counted"))[-1].data["listeners"] != 1:
                    pass
                assert await listeners(at, as_host) == 1
                assert (await as_host.http.get(at)).json()["listeners"] == 1
            while (last := (await told.until("presence.counted"))[-1]).data["listeners"] != 0:
                assert last.data["listeners"] == 1


async def test_a_listener_who_vanishes_is_counted_for_twenty_seconds_at_most(system: System) -> None:
    _, as_host = await signed_up(system)
    async with as_host, Client(system.url) as guest:
        at = await begun(as_host)

        async def negotiate(offer: str) -> str:
            sdp = {"content-type": "application/sdp"}
            return (await guest.http.post(f"{at}/whep", content=offer, headers=sdp)).text

        async def there(number: int) -> bool:
            return await listeners(at, as_host) == number

        async with ear(negotiate) as vanishes, ear(negotiate), standstill() as stood_still:
            await eventually(lambda: there(2))
            ice: Any = vanishes.pc.getReceivers()[0].transport.transport._connection
            for protocol in ice._protocols:
                protocol.transport.close()
            vanished = time.monotonic()
            await eventually(lambda: there(1))
            # A few seconds for a busy machine; WebRTC's own consent ends after 30 s.
            assert time.monotonic() - vanished < 20 + 6 + stood_still()
            assert await there(1), "who is quiet while nobody speaks stays"


async def test_operators_see_every_live_space_in_pages_and_who_is_there_by_their_leases(
    system: System, var: Path
) -> None:
    _, as_host = await signed_up(system)
    _, as_ann = await signed_up(system)
    operator = Client(system.url, DevelopmentIdentity(var / "keys").mint(new_id(), operator=True))
    async with as_host, as_ann, operator, Client(system.url) as guest:
        spaces = [await begun(as_host, who_can_join=who) for who in ("everyone", "invited", "followers")]

        async def pages() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            after: str | None = ""
            while after is not None:
                page = (await operator.http.get("/v1/ops/spaces", params={"after": after, "limit": 2})).json()
                assert len(page["spaces"]) <= 2
                found += page["spaces"]
                after = page["next"]
            return found

        async def all_of_them() -> bool:
            return {at.rpartition("/")[2] for at in spaces} <= {card["id"] for card in await pages()}

        await eventually(all_of_them)
        ids = [card["id"] for card in await pages()]
        assert ids == sorted(set(ids))
        of_ann, of_guest = await session_of(as_ann, spaces[0]), await session_of(guest, spaces[0])

        async def both_are_told() -> bool:
            card = next(card for card in await pages() if card["id"] == spaces[0].rpartition("/")[2])
            told = (await operator.http.get("/v1/ops/overview")).json()
            everybody: int = told["people_connected"]
            return bool(card["listeners"] == 2 <= everybody and told["spaces_live"] == len(await pages()))

        async with (
            as_ann.events(f"{spaces[0]}/events", session=of_ann),
            guest.events(f"{spaces[0]}/events", session=of_guest),
        ):
            await eventually(both_are_told)
