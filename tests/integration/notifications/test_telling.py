"""Who is told in their browser, of what, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from contracts.notifications import v1
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.notifications.crowd import Crowd, crowd
from tests.integration.notifications.test_matrix import AUTH, PUBLIC
from tests.support.waiting import LIMIT, eventually


@pytest.fixture
async def them() -> AsyncIterator[Crowd]:
    async with crowd() as them:
        yield them


async def test_followers_who_want_it_are_told_once_in_each_browser_when_a_host_begins(them: Crowd) -> None:
    async with them.notifications(push_contact="mailto:ops@example.org"):
        await them.sign_up("host", "stranger")
        (phone,) = await them.fans("host", "fan")
        laptop = await them.browser("fan")
        (silent,) = await them.fans("host", "silent", live=False)
        stranger = await them.browser("stranger")
        before = datetime.now(UTC)
        space = await them.create("host", title="On bees")
        await phone.until(1)
        await laptop.until(1)
        told = phone.shown[0]
        assert (told["title"], told["body"], told["path"]) == ("Host is live", "On bees", f"/spaces/{space}")
        headers = phone.came[0].headers
        assert 1700 < int(headers["ttl"]) <= 1800
        assert headers["urgency"] == "normal"
        assert len(headers["topic"]) == 32
        assert headers["topic"] != laptop.came[0].headers["topic"], "a push service cannot tell who hears the same"
        claims = them.service.claims(phone.came[0])
        assert claims["sub"] == "mailto:ops@example.org"
        assert claims["exp"] <= before.timestamp() + 86_400
        found = (await them.there.bus.ask(v1.SubscriptionsQuery(actor=them.ids["fan"]))).result
        assert claims["k"] == found.key
        await them.all_told(phone, laptop, stranger)
        assert (len(phone.shown), len(laptop.shown), stranger.shown, silent.shown) == (1, 1, [], [])


async def test_nobody_is_told_of_a_space_that_they_may_not_join(them: Crowd) -> None:
    async with them.notifications():
        await them.sign_up("host")
        fan, blocked, blocking, suspended, erased = await them.fans(
            "host", "fan", "blocked", "blocking", "suspended", "erased"
        )
        await them.block("host", "blocked")
        await them.block("blocking", "host")
        await them.say(people.Suspended, "suspended", reason="spam", explanation="", until=None)
        await them.say(people.Erased, "erased")
        await them.create("host", kind="conversation", title="Between us")
        closed = await them.create("host", who_can_join="invited", later=timedelta(days=1), title="For few")
        await them.order(room.Invite, closed, "host", person_id=them.ids["fan"], to="join")
        (other,) = await them.fans("host", "other")
        await them.order(room.StartSpace, closed, "host")
        await fan.until(1)
        followers = await them.create("host", who_can_join="followers", title="For followers")
        await other.until(1)
        await them.all_told(fan, other, blocked, blocking)
        assert [one["path"] for one in fan.shown] == [f"/spaces/{closed}", f"/spaces/{followers}"]
        assert [one["path"] for one in other.shown] == [f"/spaces/{followers}"]
        assert [one.came for one in (suspended, erased)] == [[], []]
        assert [one.shown for one in (blocked, blocking)] == [[], []]


async def test_whoever_wanted_to_be_reminded_is_told_once_though_they_follow_the_host(them: Crowd) -> None:
    async with them.notifications():
        await them.sign_up("host", "guest")
        (fan,) = await them.fans("host", "fan")
        guest = await them.browser("guest", live=False)
        none = await them.browser("guest", reminders=False, live=False)
        space = await them.create("host", later=timedelta(hours=1))
        for name in ("fan", "guest"):
            await them.remind(name, space)
        host = await them.browser("host")
        await them.remind("host", space, "soon")
        assert (await host.until(1))[0]["title"] == "Your Space starts soon"
        await fan.until(1)
        told = (await guest.until(1))[0]
        assert (told["title"], told["body"]) == ("It is time for “On bees”", "Hosted by Host")
        assert guest.came[0].headers["urgency"] == "high"
        await them.order(room.StartSpace, space, "host")
        first, second = await fan.until(2)
        assert first["tag"] == second["tag"], "the second takes the place of the first"
        assert first["id"] != second["id"]
        for name in ("fan", "guest"):
            await them.remind(name, space)  # since it has begun
        await guest.until(2)
        assert guest.shown[1]["title"] == "“On bees” has begun"
        await them.all_told(fan)
        assert (len(fan.shown), len(guest.shown), none.shown, len(host.shown)) == (2, 2, [], 1)


async def test_a_reminder_is_worth_nothing_once_its_space_is_over_or_half_an_hour_ago(them: Crowd) -> None:
    async with them.notifications():
        await them.sign_up("host")
        (fan,) = await them.fans("host", "fan", live=False)
        fan.answer = lambda _: 503
        before = done("start", "left_out")
        over = await them.create("host", later=timedelta(hours=1))
        await them.remind("fan", over)
        await eventually(lambda: len(fan.came) >= 2)
        await them.order(room.CancelSpace, over, "host")
        await eventually(lambda: done("start", "left_out") > before)
        fan.answer = lambda _: 201
        late = await them.create("host", later=timedelta(hours=1))
        long_ago = datetime.now(UTC) - timedelta(minutes=31)
        await them.remind("fan", late, start=long_ago, at=long_ago)
        await them.remind("fan", late)
        await fan.until(1)
        assert [one["path"] for one in fan.shown] == [f"/spaces/{late}"]


async def _browsers(them: Crowd, name: str, ids: list[str]) -> bool:
    """Whether somebody has these browsers."""
    found = (await them.there.bus.ask(v1.SubscriptionsQuery(actor=them.ids[name]), timeout=LIMIT)).result
    return [one.id for one in found.subscriptions] == ids


def done(about: str, outcome: str) -> float:
    """How many messages have come to this in this process."""
    return REGISTRY.get_sample_value("rostrum_pushes_total", {"about": about, "outcome": outcome}) or 0.0


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(them: Crowd, status: int) -> None:
    async with them.notifications():
        await them.sign_up("host")
        gone, stays = [*await them.fans("host", "fan"), await them.browser("fan")]
        gone.answer = lambda _: status
        await them.create("host")
        await stays.until(1)
        await eventually(lambda: _browsers(them, "fan", [stays.id]))
        assert len(gone.came) == 1


@pytest.mark.parametrize(
    "answer", [429, 500, 503, None, b"HTTP/1.1 429 X\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"]
)
async def test_a_push_service_that_is_busy_is_asked_again(them: Crowd, answer: int | bytes | None) -> None:
    async with them.notifications():
        await them.sign_up("host")
        (fan,) = await them.fans("host", "fan")
        fan.answer = lambda _: answer if len(fan.came) < 3 else 201
        await them.create("host")
        await fan.until(1)
        assert len(fan.came) == 3
        assert len({one.headers["topic"] for one in fan.came}) == 1


@pytest.mark.parametrize("status", [302, 307, 400, 403, 413])
async def test_what_a_push_service_refuses_is_not_sent_again(them: Crowd, status: int) -> None:
    async with them.notifications():
        await them.sign_up("host")
        (fan,) = await them.fans("host", "fan")
        fan.answer = lambda _: status if len(fan.came) < 2 else 201
        await them.create("host")
        await eventually(lambda: fan.came)
        await them.all_told(fan)
        assert fan.shown == []
        assert len(fan.came) == 2
        assert await _browsers(them, "fan", [fan.id])


async def test_a_push_service_that_hangs_keeps_no_other_waiting(them: Crowd) -> None:
    async with them.notifications(push_slots="4"):
        await them.sign_up("host")
        never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        for hung in await them.fans("host", "ann", "bob", "eve", "joe", "sue", "tim", host="localhost"):
            hung.answer = lambda _: never
        (fan,) = await them.fans("host", "zoe")
        await them.create("host")
        await fan.until(1)
        never.set_result(201)


async def test_signing_out_and_erasure_end_what_was_told(them: Crowd) -> None:
    async with them.notifications():
        await them.sign_up("host")
        token = "0" * 32
        (here,) = await them.fans("host", "fan", sign_in=token)
        there_ = await them.browser("fan")
        (gone,) = await them.fans("host", "leaver")
        await them.say(people.TokensRevoked, "fan", token_id=token)
        await eventually(lambda: _browsers(them, "fan", [there_.id]))
        await them.say(people.TokensRevoked, "fan")
        await eventually(lambda: _browsers(them, "fan", []))
        await them.say(people.Erased, "leaver")
        await eventually(lambda: _browsers(them, "leaver", []))
        (stays,) = await them.fans("host", "zoe")
        await them.create("host")
        await stays.until(1)
        assert [one.came for one in (here, there_, gone)] == [[], [], []]


async def test_a_browser_whose_keys_are_destroyed_is_told_nothing_and_forgotten(them: Crowd) -> None:
    async with them.notifications():
        await them.sign_up("host")
        fan, stays = await them.fans("host", "fan", "zoe")
        order = people.DestroySubjects(command_id=new_id(), subjects=(f"person:{them.ids['fan']}",))
        await them.there.keys.destroy_subjects(order)
        await them.create("host")
        await stays.until(1)
        await eventually(lambda: _browsers(them, "fan", []))
        assert fan.came == []


async def test_nobody_has_us_ask_an_address_of_a_private_network(them: Crowd) -> None:
    connections = 0

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with them.notifications(push_hosts='["*"]'), await asyncio.start_server(count, "127.0.0.1", 0) as server:
        await them.sign_up("host", "fan")
        port = server.sockets[0].getsockname()[1]
        given = {"p256dh": PUBLIC, "auth": AUTH, "reminders": True, "live": True}

        async def subscribe(address: str) -> None:
            order = {"command_id": new_id(), "actor": them.ids["fan"], "address": address, **given}
            await them.there.bus.ask(v1.Subscribe.model_validate(order), timeout=LIMIT)

        with pytest.raises(Refusal, match="https"):
            await subscribe(f"http://localhost:{port}/1")
        await them.follow("fan", "host")
        await subscribe(f"https://localhost:{port}/1")
        before = done("live", "failed")
        await them.create("host")
        await eventually(lambda: done("live", "failed") > before + 1)
        assert connections == 0
