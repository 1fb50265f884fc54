"""Events reach webhooks: each at least once, in order, and whatever becomes of one webhook is nobody else's matter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.notifications import v1
from libs.ids import new_id
from tests.integration.notifications.receiver import Receiver, Request, receiving
from tests.integration.notifications.scene import ANN, Scene, scene
from tests.support.waiting import eventually


@pytest.fixture
async def there(store: str) -> AsyncIterator[Scene]:
    async with scene(store) as there:
        yield there


@pytest.fixture
async def hooks() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_a_webhook_is_told_of_what_happens_from_then_on_in_order(there: Scene, hooks: Receiver) -> None:
    async with there.notifications():
        await there.space()
        webhook = await there.add(hooks.url)
        space = await there.space(title="Bees")
        await there.joins(space, *range(3, 20))
        came = await hooks.until(19)
        assert hooks.bodies() == list(range(1, 20))
        assert [one.type for one in came[:3]] == ["room.created", "room.started", "room.stage_joined"]
        first = came[0].message
        assert first["data"]["settings"]["title"] == "Bees"
        assert first["data"]["host"] == {"id": ANN.id, "handle": "ann", "name": "Ann", "picture": None}
        assert first["people"] == {ANN.id: {"subject": "u-ann", "handle": "ann", "name": "Ann"}}
        assert came[0].headers["content-type"] == "application/json"
        await eventually(lambda: _is_done(there, webhook.id))  # what came is written down a moment later
        assert (await there.webhook(webhook.id)).state is v1.WebhookState.ACTIVE
        log = await there.log(webhook.id)
        assert [one.outcome for one in log] == [v1.Outcome.DELIVERED] * 19
        assert {one.space_id for one in log} == {space}


async def test_what_a_webhook_refuses_comes_again_and_then_what_is_behind_it(there: Scene, hooks: Receiver) -> None:
    async with there.notifications():
        await there.add(hooks.url)
        refused = 0

        def now_and_then(request: Request) -> int:
            nonlocal refused
            if request.data["version"] in (2, 5) and refused < 6:
                refused += 1
                return 500
            return 200

        hooks.answer = now_and_then
        space = await there.space()
        await there.joins(space, *range(3, 9))
        await hooks.until(8)
        assert hooks.bodies() == list(range(1, 9))
        again = [one.id for one in hooks.came if one.data["version"] == 2]
        assert len(again) > 1
        assert len(set(again)) == 1, "each time it has the same id"


async def test_a_space_that_waits_keeps_no_other_waiting(there: Scene, hooks: Receiver) -> None:
    async with there.notifications(webhook_slots="2"):
        await there.add(hooks.url)
        stuck = await there.space()
        hooks.answer = lambda request: 503 if request.data["space_id"] == stuck else 200
        others = [await there.space() for _ in range(5)]
        for version in range(3, 8):
            for space in (stuck, *others):
                await there.joins(space, version)
        await eventually(lambda: all(hooks.bodies(space) == list(range(1, 8)) for space in others))
        assert hooks.bodies(stuck) in ([], [1], [1, 2])
        hooks.answer = lambda _: 200
        await eventually(lambda: hooks.bodies(stuck) == list(range(1, 8)))


async def test_a_webhook_that_hangs_or_is_dead_keeps_no_other_waiting(there: Scene, hooks: Receiver) -> None:
    async with receiving() as hanging, there.notifications():
        for_ever = asyncio.Event()

        async def hang(_: Request) -> None:
            await for_ever.wait()

        hanging.answer = hang
        dead = Receiver()
        for url in (hanging.url, hanging.url, dead.url, hooks.url):
            await there.add(url)
        spaces = [await there.space() for _ in range(30)]
        await eventually(lambda: all(hooks.bodies(space) == [1, 2] for space in spaces))
        assert len(hanging.came) <= 16, "no more than its slots"
        assert hanging.taken == []


async def test_a_webhook_that_is_away_is_asked_seldom_and_has_everything_in_order_when_it_is_back(
    there: Scene, hooks: Receiver
) -> None:
    async with there.notifications(retry_longest_seconds="0.4", retry_first_seconds="0.4"):
        webhook = await there.add(hooks.url)
        await hooks.close()
        spaces = [await there.space() for _ in range(20)]
        for space in spaces:
            await there.joins(space, *range(3, 6))
        await eventually(lambda: _is(there, webhook.id, v1.WebhookState.FAILING))
        await eventually(lambda: _attempts(there, webhook.id, 9))
        log = await there.log(webhook.id)
        assert {one.status for one in log} == {None}
        assert all("cannot be reached" in one.error and hooks.url not in one.error for one in log)
        await hooks.open()
        await eventually(lambda: all(hooks.bodies(space) == [1, 2, 3, 4, 5] for space in spaces))
        await eventually(lambda: _is(there, webhook.id, v1.WebhookState.ACTIVE))


async def _is_done(there: Scene, id: str) -> bool:
    seen = await there.webhook(id)
    return (seen.waiting, seen.retried) == (0, 0)


async def _is(there: Scene, id: str, state: v1.WebhookState) -> bool:
    return (await there.webhook(id)).state is state


async def _attempts(there: Scene, id: str, least: int) -> bool:
    return len(await there.log(id)) >= least


async def another_comes(there: Scene, hooks: Receiver) -> None:
    """The webhook takes what happens in another Space. No faster than it does: what is due would wait behind that."""
    space = await there.space()
    await eventually(lambda: len(hooks.bodies(space)) >= 2)


async def test_an_event_that_is_refused_for_long_is_overtaken_and_tried_by_itself(
    there: Scene, hooks: Receiver
) -> None:
    async with there.notifications(hold_seconds="0.3"):
        webhook = await there.add(hooks.url)
        space = await there.space()
        hooks.answer = lambda request: 422 if request.data["version"] == 3 else 200
        await there.joins(space, *range(3, 8))

        async def others_come() -> bool:
            await another_comes(there, hooks)
            return {4, 5, 6, 7} <= set(hooks.bodies(space))

        await eventually(others_come)
        assert hooks.bodies(space) == [1, 2, 4, 5, 6, 7]
        assert (await there.webhook(webhook.id)).retried >= 1
        hooks.answer = lambda _: 200
        await eventually(lambda: hooks.bodies(space) == [1, 2, 4, 5, 6, 7, 3])


async def test_an_event_is_given_up_after_its_time_and_can_be_asked_for_again(there: Scene, hooks: Receiver) -> None:
    days = str(1.0 / 86_400)
    async with there.notifications(retry_days=days, hold_seconds="0"):
        webhook = await there.add(hooks.url)
        space = await there.space()
        hooks.answer = lambda request: 400 if request.data["version"] == 3 else 200
        await there.joins(space, 3, 4)

        async def given_up() -> list[v1.Delivery]:
            await another_comes(there, hooks)
            log = await there.log(webhook.id, failed=True)
            return [one for one in log if one.outcome is v1.Outcome.GIVEN_UP and one.space_id == space]

        (last, *_) = await eventually(given_up)
        assert (last.status, last.error) == (400, "it answered 400")
        hooks.answer = lambda _: 200
        since = last.event_at
        order = v1.ReplayDeliveries(command_id=new_id(), operator=True, webhook_id=webhook.id, since=since, failed=True)
        replayed = (await there.bus.ask(order)).result
        assert replayed.events >= 1
        await eventually(lambda: hooks.bodies(space) == [1, 2, 4, 3])


async def test_a_webhook_that_takes_nothing_for_days_is_paused_and_goes_on_where_it_was(
    there: Scene, hooks: Receiver
) -> None:
    days = str(0.5 / 86_400)
    async with there.notifications(retry_days=days):
        webhook = await there.add(hooks.url)
        hooks.answer = lambda _: 500
        space = await there.space()
        await eventually(lambda: _is(there, webhook.id, v1.WebhookState.PAUSED))
        assert (await there.webhook(webhook.id)).paused_because is v1.PauseReason.FAILING
        hooks.answer = lambda _: 200
        await there.joins(space, 3, 4)
        assert hooks.taken == []
        await there.bus.ask(v1.ResumeWebhook(command_id=new_id(), operator=True, webhook_id=webhook.id))
        await hooks.until(4)
        assert hooks.bodies() == [1, 2, 3, 4]


async def test_a_webhook_that_says_it_is_gone_is_paused_at_once(there: Scene, hooks: Receiver) -> None:
    async with there.notifications():
        webhook = await there.add(hooks.url)
        hooks.answer = lambda _: 410
        await there.space()
        await eventually(lambda: _is(there, webhook.id, v1.WebhookState.PAUSED))
        assert (await there.webhook(webhook.id)).paused_because is v1.PauseReason.GONE


@pytest.mark.parametrize("answer", [302, 307, 500, 404, None, b"nonsense\r\n\r\n"])
async def test_what_is_no_success_is_a_failure(there: Scene, hooks: Receiver, answer: int | bytes | None) -> None:
    async with there.notifications():
        webhook = await there.add(hooks.url)
        hooks.answer = lambda _: answer
        await there.space()
        failed = await eventually(lambda: there.log(webhook.id, failed=True))
        assert failed[-1].outcome is v1.Outcome.FAILED
        assert failed[-1].status == (answer if isinstance(answer, int) else None)
        hooks.answer = lambda _: 200
        await hooks.until(2)
        assert hooks.bodies() == [1, 2]
