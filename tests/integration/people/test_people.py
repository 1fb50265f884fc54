"""People over a real bus and a real store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts import subjects
from contracts.commands import Request
from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.people.asking import follow, profile, sign_up
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT


@pytest.mark.usefixtures("people")
async def test_somebody_signs_up_and_is_found(bus: Bus) -> None:
    ann = await sign_up(bus, "Ann", name="Ann B.")
    assert (ann.handle, ann.name, ann.followers, ann.following, ann.version) == ("Ann", "Ann B.", 0, 0, 1)
    assert await profile(bus, ann.id) == ann


@pytest.mark.usefixtures("people")
async def test_a_handle_is_taken_in_any_case(bus: Bus) -> None:
    await sign_up(bus, "Ann")
    with pytest.raises(Refusal) as refused:
        await sign_up(bus, "aNN")
    assert refused.value.reason == "handle_taken"


@pytest.mark.usefixtures("people")
async def test_of_many_who_want_a_handle_at_once_one_gets_it(bus: Bus) -> None:
    answers = await asyncio.gather(*(sign_up(bus, "ann") for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, v1.Person) for answer in answers) == 1
    assert {a.reason for a in answers if isinstance(a, Refusal)} == {"handle_taken"}


@pytest.mark.usefixtures("people")
async def test_the_same_sign_up_sent_again_is_one_person(bus: Bus) -> None:
    first, again = await asyncio.gather(sign_up(bus, "ann", key="k"), sign_up(bus, "ann", key="k"))
    assert first == again
    with pytest.raises(Refusal, match="idempotency_conflict"):
        await sign_up(bus, "bob", key="k")


async def rename(bus: Bus, who: v1.Person, handle: str, *, key: str | None = None) -> v1.Person:
    command = v1.ChangeProfile(command_id=key or new_id(), actor=who.id, handle=handle)
    return (await bus.ask(command, timeout=LIMIT)).result


@pytest.mark.usefixtures("people")
async def test_a_profile_is_changed_and_everybody_sees_it(bus: Bus) -> None:
    ann = await sign_up(bus, "ann", name="Ann")
    bio, links = "Bees.\nLondon.", ("https://example.org/ann",)
    wanted = v1.ChangeProfile(
        command_id=new_id(), actor=ann.id, handle="Anna", display_name="Anna B.", bio=bio, links=links
    )
    changed = (await bus.ask(wanted)).result
    assert (changed.handle, changed.name, changed.bio, changed.links) == ("Anna", "Anna B.", bio, links)
    assert await profile(bus, ann.id) == changed
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.event("people", ann.id, "profile_changed")]):
            (told,) = [received.event for received in batch]
            break
    assert isinstance(told, v1.ProfileChanged)
    assert (told.handle, told.display_name, told.version) == ("Anna", "Anna B.", 2)


@pytest.mark.usefixtures("people")
async def test_a_handle_that_was_given_up_is_free_and_the_new_one_is_taken_in_any_case(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    await rename(bus, ann, "Bea")
    await rename(bus, ann, "bEA")  # its own, in another case
    with pytest.raises(Refusal, match="handle_taken"):
        await sign_up(bus, "BEA")
    eve = await sign_up(bus, "ann")
    with pytest.raises(Refusal, match="handle_taken"):
        await rename(bus, eve, "bea")
    assert (await profile(bus, eve.id)).handle == "ann"


@pytest.mark.usefixtures("people")
async def test_of_many_who_change_to_one_handle_at_once_one_gets_it(bus: Bus) -> None:
    people = [await sign_up(bus, f"p{n}") for n in range(10)]
    answers = await asyncio.gather(*(rename(bus, one, "ann") for one in people), return_exceptions=True)
    assert sum(isinstance(answer, v1.Person) for answer in answers) == 1
    assert {a.reason for a in answers if isinstance(a, Refusal)} == {"handle_taken"}
    assert sorted([(await profile(bus, one.id)).handle for one in people])[0] == "ann"


@pytest.mark.usefixtures("people")
async def test_changing_ones_handle_to_several_at_once_holds_but_the_last(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    await asyncio.gather(*(rename(bus, ann, handle) for handle in ("b1", "b2", "b3")))
    now = (await profile(bus, ann.id)).handle
    for handle in {"ann", "b1", "b2", "b3"} - {now}:
        await sign_up(bus, handle)
    with pytest.raises(Refusal, match="handle_taken"):
        await sign_up(bus, now)


@pytest.mark.usefixtures("people")
async def test_a_change_that_is_sent_again_is_answered_as_it_was(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    first = await rename(bus, ann, "bea", key="k")
    await rename(bus, ann, "cea")
    await sign_up(bus, "bea")
    assert (await rename(bus, ann, "bea", key="k")) == first
    with pytest.raises(Refusal, match="idempotency_conflict"):
        await rename(bus, ann, "dea", key="k")


@pytest.mark.usefixtures("people")
async def test_followers_are_counted_at_once(bus: Bus) -> None:
    ann, bob, eve = [await sign_up(bus, handle) for handle in ("ann", "bob", "eve")]
    await follow(bus, bob, ann.id)
    await follow(bus, eve, ann.id)
    assert await follow(bus, eve, ann.id) == 2
    told = await profile(bus, ann.id)
    assert (told.followers, told.following) == (2, 0)
    await bus.ask(v1.Unfollow(command_id=new_id(), actor=bob.id, followee_id=ann.id))
    assert (await profile(bus, ann.id)).followers == 1
    assert (await profile(bus, eve.id)).following == 1


@pytest.mark.usefixtures("people")
async def test_blocking_ends_following(bus: Bus) -> None:
    ann, bob = [await sign_up(bus, handle) for handle in ("ann", "bob")]
    await follow(bus, ann, bob.id)
    await bus.ask(v1.Block(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
    assert (await profile(bus, bob.id)).followers == 0
    with pytest.raises(Refusal, match="not_allowed"):
        await follow(bus, ann, bob.id)
    await bus.ask(v1.Unblock(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
    await follow(bus, ann, bob.id)


@pytest.mark.usefixtures("people")
async def test_who_is_blocked_follows_no_longer_and_cannot_follow_again(bus: Bus) -> None:
    ann, bob = [await sign_up(bus, handle) for handle in ("ann", "bob")]
    await follow(bus, bob, ann.id)
    await bus.ask(v1.Block(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
    assert (await profile(bus, ann.id)).followers == 0
    assert (await profile(bus, bob.id)).following == 0
    with pytest.raises(Refusal, match="not_allowed"):
        await follow(bus, bob, ann.id)
    await bus.ask(v1.Unblock(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
    await follow(bus, bob, ann.id)
    assert (await profile(bus, ann.id)).followers == 1


@pytest.mark.usefixtures("people")
async def test_following_and_being_blocked_at_once_leaves_no_follower(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    fans = [await sign_up(bus, f"fan{n}") for n in range(15)]
    blocks = (bus.ask(v1.Block(command_id=new_id(), actor=ann.id, blocked_id=fan.id)) for fan in fans)
    follows = (follow(bus, fan, ann.id) for fan in fans)
    await asyncio.gather(*(one for both in zip(follows, blocks, strict=True) for one in both), return_exceptions=True)
    assert (await profile(bus, ann.id)).followers == 0


@pytest.mark.usefixtures("people")
async def test_refusals_have_reasons(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    asked: list[tuple[Request[Any], str]] = [
        (v1.PersonQuery(person_id=new_id()), "person_unknown"),
        (v1.Follow(command_id=new_id(), actor=ann.id, followee_id=new_id()), "person_unknown"),
        (v1.Follow(command_id=new_id(), actor=ann.id, followee_id=ann.id), "not_allowed"),
        (v1.Follow(command_id=new_id(), actor=new_id(), followee_id=ann.id), "person_unknown"),
        (v1.Block(command_id=new_id(), blocked_id=ann.id), "unauthenticated"),
    ]
    for request, reason in asked:
        with pytest.raises(Refusal) as refused:
            await bus.ask(request)
        assert refused.value.reason == reason


@pytest.mark.usefixtures("people")
async def test_others_are_told(bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
    await follow(bus, ann, bob.id)
    await bus.ask(v1.Block(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
    told = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.events_of("people")]):
            told += [received.event for received in batch]
            if len(told) >= 5:
                break
    assert [(type(event), event.key) for event in told] == [
        (v1.Registered, ann.id),
        (v1.Registered, bob.id),
        (v1.Followed, ann.id),
        (v1.Unfollowed, ann.id),
        (v1.Blocked, ann.id),
    ]
    assert [event.version for event in told if event.key == ann.id] == [1, 2, 3, 4]  # type: ignore[attr-defined]


async def test_killed_while_people_sign_up_nobody_is_lost_and_no_handle_is_held_twice(
    server: NatsServer, bus: Bus
) -> None:
    """Forty sign-ups for twenty handles, the service killed in the middle and started again; each is sent again until
    it is answered, as the gateway does."""
    async with ServiceProcess("people", server.env) as process:
        await sign_up(bus, "first")
        asked = [
            asyncio.create_task(sign_up(bus, f"p{n % 20}" if n < 20 else f"P{n % 20}", key=f"key{n}"))
            for n in range(40)
        ]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        process.kill()
        await process.start()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        accepted = [answer for answer in answers if isinstance(answer, v1.Person)]
        assert len({person.handle.lower() for person in accepted}) == len(accepted) == 20
        assert {a.reason for a in answers if isinstance(a, Refusal)} == {"handle_taken"}
        for person in accepted:
            assert await profile(bus, person.id) == person
