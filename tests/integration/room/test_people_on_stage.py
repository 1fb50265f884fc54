"""The rest of the stage over the real bus: invited, appointed, handed over, pinned, blocked, suspended, lost."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import catalogue, subjects
from contracts.commands import Request
from contracts.named import with_names
from contracts.people import v1 as people
from contracts.room import v1
from contracts.room.follow import follow, member
from libs.aio import end
from libs.bus import Bus
from libs.bus.opening import Opening
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import Service, running
from services.room.main import compose, inspect
from services.room.settings import Settings
from tests.integration.room.conftest import Guests, brief, unread
from tests.support.erasures import erasure
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, beats, eventually, pace, standstill


async def give(guests: Guests, who: str, kind: type[Request[Any]], **fields: object) -> Any:
    """Somebody gives an order about the Space; for one that needs a session they join first."""
    if kind in (v1.RequestToSpeak, v1.AcceptInvitation):
        await guests.join(who)
    command = kind.model_validate(
        {"command_id": new_id(), "actor": guests.ids[who], "space_id": guests.space, **fields}
    )
    return (await guests.bus.ask(command, timeout=LIMIT)).result


async def refused(guests: Guests, who: str, kind: type[Request[Any]], **fields: object) -> str:
    with pytest.raises(Refusal) as no:
        await give(guests, who, kind, **fields)
    return no.value.reason


async def say(guests: Guests, event: people.PersonEvent) -> None:
    await guests.bus.publish_event(event)


def told(guests: Guests, who: str) -> dict[str, object]:
    return {"person_id": guests.ids[who], "version": 9, "at": datetime.now(UTC)}


def privacy(guests: Guests, who: str, *, protected: bool = False, hides_listening: bool = False) -> people.PersonEvent:
    """Somebody chose what to keep to themself."""
    chosen = {"protected": protected, "hides_listening": hides_listening}
    return people.PrivacyChanged.model_validate({**told(guests, who), **chosen})


async def test_a_whole_evening_and_whoever_follows_sees_it(
    service: Service[Settings], bus: Bus, guests: Guests, words: Opening, env: dict[str, str]
) -> None:
    ids = guests.ids
    await guests.create()
    invited = await give(guests, "host", v1.Invite, person_id=ids["ann"])
    assert [i.person.handle for i in invited.invitations] == ["ann"]
    assert (await guests.see("ann")).invitations == invited.invitations
    assert (await guests.see("bob")).invitations == ()
    space = await give(guests, "ann", v1.AcceptInvitation)
    assert [m.person.handle for m in space.stage] == ["host", "ann"]
    await give(guests, "host", v1.AppointCohost, person_id=ids["ann"])
    await give(guests, "ann", v1.Invite, person_id=ids["bob"])
    await give(guests, "bob", v1.DeclineInvitation)
    await guests.speaker("bob")
    await give(guests, "bob", v1.RaiseHand)
    pinned = await give(guests, "bob", v1.PinLink, pin_id=new_id(), url="https://example.org/?a=1", text="Read this")
    assert [(p.url, p.text, p.person.handle) for p in pinned.pins] == [("https://example.org/?a=1", "Read this", "bob")]
    await give(guests, "bob", v1.Unmute, person_id=ids["bob"])
    muted = await give(guests, "ann", v1.MuteAll)
    assert [(m.muted, m.hand_raised) for m in muted.stage] == [(True, False)] * 3
    assert (await give(guests, "ann", v1.ChangeWords, words=("Dashwood",))).words == ("Dashwood",)
    assert (await guests.see("bob")).words == ()
    chosen = await give(guests, "bob", v1.ChooseLanguage, lang="auto")
    assert [m.lang for m in chosen.stage] == [None, None, "und"]
    changed = await give(guests, "host", v1.ChangeSettings, title="On wasps", who_can_speak="everyone")
    assert (changed.settings.title, changed.settings.who_can_speak) == ("On wasps", v1.WhoCanSpeak.EVERYONE)
    assert await refused(guests, "ann", v1.EndSpace) == "not_host"
    left = await give(guests, "host", v1.HandOver, person_id=ids["ann"])
    assert (left.host.handle, [m.person.handle for m in left.stage]) == ("ann", ["ann", "bob"])
    await give(guests, "ann", v1.RemovePerson, person_id=ids["bob"], explanation="noise")
    assert await refused(guests, "bob", v1.RequestToSpeak) == "removed"
    await give(guests, "ann", v1.ReadmitPerson, person_id=ids["bob"])
    await give(guests, "bob", v1.RequestToSpeak)
    await give(guests, "ann", v1.Unpin, pin_id=pinned.pins[0].id)

    async def seen_as_stored() -> bool:
        # Who came or was missed may be stored between the two.
        return unread(await guests.see(follower=True)) == inspect(env, guests.space)

    await eventually(seen_as_stored)
    await give(guests, "ann", v1.EndSpace)

    followed = inspect(env, guests.space, at=1)
    assert followed is not None
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.events_of("room")], opening=words):
            for received in batch:
                assert isinstance(received.event, v1.SpaceEvent)
                followed = follow(followed, received.event)
            if followed.state is v1.State.ENDED:
                break
    followed = with_names(followed, guests.called)
    assert unread(followed) == inspect(env, guests.space)
    assert followed == await guests.see(follower=True)


@pytest.mark.usefixtures("service")
async def test_at_most_ten_spaces_of_a_host_are_scheduled(guests: Guests) -> None:
    def create(who: str = "host") -> v1.CreateSpace:
        return v1.CreateSpace(
            command_id=new_id(),
            actor=guests.ids[who],
            space_id=new_id(),
            settings=v1.Settings(title="Later"),
            scheduled_start=datetime.now(UTC) + timedelta(days=1),
        )

    commands = [create() for _ in range(14)]
    answers = await asyncio.gather(*(guests.order(c) for c in commands), return_exceptions=True)
    assert sorted(a.reason for a in answers if isinstance(a, Refusal)) == ["too_many_scheduled"] * 4
    made = [c for c, a in zip(commands, answers, strict=True) if not isinstance(a, BaseException)]
    assert (await guests.order(made[0])).result.id == made[0].space_id, "sent again, it is answered as before"
    await guests.order(create("ann"))
    for command, kind in ((made[0], v1.CancelSpace), (made[1], v1.StartSpace)):
        await guests.order(kind(command_id=new_id(), actor=guests.ids["host"], space_id=command.space_id))
        await guests.order(create())
        with pytest.raises(Refusal, match="too_many_scheduled"):
            await guests.order(create())
    moved = v1.Reschedule(
        command_id=new_id(),
        actor=guests.ids["host"],
        space_id=made[2].space_id,
        scheduled_start=datetime.now(UTC) + timedelta(days=29),
    )
    assert (await guests.order(moved)).result.scheduled_start == moved.scheduled_start


@pytest.mark.usefixtures("service")
async def test_topics_come_from_a_list_that_can_be_asked_for(guests: Guests) -> None:
    topics = (await guests.ask(v1.TopicsQuery())).topics
    assert {"music", "technology", "open-source"} <= set(topics)
    await guests.create(topics=("music",))
    assert await refused(guests, "host", v1.ChangeSettings, topics=("no-such-topic",)) == "invalid"


@pytest.mark.usefixtures("service")
async def test_who_is_there_is_shown_in_pages_and_hidden_people_are_only_counted(guests: Guests) -> None:
    await guests.create()
    await guests.sign_up("cy", "dee", "shy")
    await say(
        guests,
        people.PrivacyChanged.model_validate({**told(guests, "shy"), "protected": False, "hides_listening": True}),
    )
    await guests.sign_up("last")
    await guests.join("last")
    for name in ("host", "ann", "ann", "bob", "cy", "dee", "shy", None):
        await guests.join(name)
    await guests.counted(7, 1)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await guests.ask(
            v1.ParticipantsQuery(space_id=guests.space, actor=guests.ids["ann"], limit=2, after=after)
        )
        assert len(page.people) <= 2
        assert page.listeners == 7
        seen += [p.person.handle for p in page.people]
        after = page.next
    assert sorted(seen) == ["ann", "bob", "cy", "dee", "host", "last"]
    roles = (await guests.ask(v1.ParticipantsQuery(space_id=guests.space))).people
    assert [p.role for p in roles if p.person.handle == "host"] == [v1.Role.HOST]


@pytest.mark.usefixtures("service")
async def test_a_block_takes_who_is_blocked_off_the_stage_and_warns_of_others(guests: Guests) -> None:
    await guests.create()
    await guests.speaker("ann")
    await guests.join("ann")
    await guests.sign_up("cy")
    await guests.block("cy", "ann")
    await guests.known_to_room()
    assert [p.handle for p in (await guests.join("cy")).blocked_on_stage] == ["ann"]
    assert (await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids["cy"]))).blocked_on_stage

    await guests.block("host", "ann")

    async def out() -> bool:
        return guests.ids["ann"] in (await guests.see(follower=True)).removed

    await eventually(out)
    assert member(await guests.see(follower=True), guests.ids["ann"]) is None
    await guests.counted(1, 0)
    for command in (v1.RequestToSpeak, v1.RaiseHand):
        assert await refused(guests, "ann", command) == "blocked"
    with pytest.raises(Refusal, match="blocked"):
        await guests.join("ann")
    unblocked = {**told(guests, "host"), "blocked_id": guests.ids["ann"]}
    await say(guests, people.Unblocked.model_validate(unblocked))

    async def in_again() -> bool:
        return not (await guests.see(follower=True)).removed

    await eventually(in_again)
    await guests.join("ann")


async def test_a_block_that_came_while_room_was_away_is_made_up_for(guests: Guests, env: dict[str, str]) -> None:
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        await guests.speaker("ann")
    await guests.block("ann", "host")
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())

        async def out() -> bool:
            space = await guests.see(follower=True)
            return guests.ids["ann"] in space.removed and len(space.stage) == 1

        await eventually(out)


@pytest.mark.usefixtures("service")
async def test_a_suspended_person_is_out_everywhere_and_a_suspended_hosts_space_ends(bus: Bus, guests: Guests) -> None:
    await guests.create()
    await guests.speaker("ann")
    await guests.join("bob")
    for name in ("ann", "bob"):
        await say(guests, people.Suspended.model_validate({**told(guests, name), "reason": "spam"}))

    async def out() -> bool:
        return set((await guests.see(follower=True)).removed) == {guests.ids["ann"], guests.ids["bob"]}

    await eventually(out)
    await guests.counted(0, 0)
    about: dict[str, object] = {"person_id": guests.ids["host"]}
    fields: dict[str, dict[str, object]] = {
        "reschedule": {"scheduled_start": datetime.now(UTC)}, "mute": about, "unmute": about, "invite": about,
        "pin_link": {"pin_id": new_id(), "url": "https://example.org/"}, "unpin": {"pin_id": new_id()},
        "change_words": {"words": ()}, "choose_language": {"lang": "de"},
        "join_space": {"session_id": new_id()}, "react": {"reaction": "clap"},
        "create_space": {"space_id": new_id(), "settings": {"title": "Mine"}},
    }  # fmt: skip
    for (kind, service, name), command in catalogue.request_types().items():
        if (kind, service) == ("command", "room") and name != "leave_space":
            needs = fields.get(name) or (about if "person_id" in command.model_fields else {})
            assert await refused(guests, "bob", command, **needs) == "suspended", name
    await say(guests, people.Reinstated.model_validate(told(guests, "bob")))

    async def reinstated() -> bool:
        return set((await guests.see(follower=True)).removed) == {guests.ids["ann"]}

    await eventually(reinstated)
    await guests.join("bob")
    await say(guests, people.Suspended.model_validate({**told(guests, "host"), "reason": "spam"}))

    async def over() -> bool:
        return (await guests.see(follower=True)).state is v1.State.ENDED

    await eventually(over)


async def erase(guests: Guests, who: str) -> None:
    await guests.bus.publish_events([(event, new_id()) for event in erasure(guests.ids[who])])


async def removals(guests: Guests, last: str) -> list[tuple[str, str]]:
    """Who had to leave the Space or gave it away, and why, as it was published up to the removal of `last`."""
    found: list[tuple[str, str]] = []
    async for batch in guests.bus.follow(filters=[subjects.events_of("room")]):
        for received in batch:
            match received.event:
                case v1.Removed(person_id=person_id, because=because):
                    found.append((person_id, because))
                    if person_id == guests.ids[last]:
                        return found
                case v1.HostChanged(previous_id=person_id, reason=reason):
                    found.append((person_id, reason))
                case v1.StageLeft(person_id=person_id, reason=reason):
                    found.append((person_id, reason))
                case _:
                    pass
    raise AssertionError("the stream ended")


@pytest.mark.usefixtures("service")
async def test_who_is_erased_leaves_every_space_and_a_cohost_takes_over(guests: Guests) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    create = v1.CreateSpace(
        command_id=new_id(), actor=guests.ids["host"], space_id=new_id(), settings=v1.Settings(title="Later"),
        scheduled_start=soon,
    )  # fmt: skip
    scheduled = (await guests.order(create)).result.id
    await guests.sign_up("dora")
    await guests.known_to_room()
    await guests.create()
    for name in ("ann", "dora"):
        await guests.speaker(name)
    await give(guests, "host", v1.AppointCohost, person_id=guests.ids["dora"])
    await guests.join("bob")
    for name in ("ann", "bob"):
        await erase(guests, name)

    async def out() -> bool:
        return set((await guests.see(follower=True)).removed) == {guests.ids["ann"], guests.ids["bob"]}

    await eventually(out)
    assert await refused(guests, "bob", v1.JoinSpace, session_id=new_id()) == "person_unknown"
    await erase(guests, "host")

    async def taken_over() -> bool:
        space = await guests.see(follower=True)
        return (space.state, space.host.id, len(space.stage)) == (v1.State.LIVE, guests.ids["dora"], 1)

    await eventually(taken_over)
    ann, bob, host = (guests.ids[name] for name in ("ann", "bob", "host"))
    async with asyncio.timeout(LIMIT):
        told_of = await removals(guests, "host")
    # Nobody is told that they left by themselves, or were lost.
    assert sorted(told_of[:2]) == sorted([(ann, "erased"), (bob, "erased")])
    assert told_of[2:] == [(host, "erased"), (host, "erased")]

    async def canceled() -> bool:
        query = v1.SpaceQuery(space_id=scheduled, follower=True)
        return (await guests.bus.ask(query)).result.state is v1.State.CANCELED

    await eventually(canceled)
    await erase(guests, "dora")

    async def over() -> bool:
        return (await guests.see(follower=True)).state is v1.State.ENDED

    await eventually(over)


async def test_room_killed_when_somebody_is_erased_makes_up_for_it(guests: Guests, env: dict[str, str]) -> None:
    async with ServiceProcess("room", env) as process:
        await guests.create()
        await guests.speaker("ann")
        process.kill()
        await erase(guests, "ann")
        await process.start()

        async def out() -> bool:
            return guests.ids["ann"] in (await guests.see(follower=True)).removed

        await eventually(out)
        await erase(guests, "host")
        process.kill()  # somewhere between the event and what follows from it
        await process.start()

        async def over() -> bool:
            return (await guests.see(follower=True)).state is v1.State.ENDED

        await eventually(over)


@pytest.mark.usefixtures("service")
async def test_who_may_host_is_the_policy_of_the_moment(guests: Guests) -> None:
    policy = people.HostingPolicy(rule=people.HostingRule(who=people.WhoMayHost.FOLLOWERS, followers=1))
    await guests.bus.publish_event(people.HostingPolicyChanged(version=1, policy=policy, at=datetime.now(UTC)))
    await guests.sign_up("fan")
    await guests.follow("fan", "host")
    await guests.known_to_room()

    async def refused_to_host(who: str) -> str | None:
        try:
            await guests.create(who)
        except Refusal as no:
            return no.reason
        return None

    assert await refused_to_host("ann") == "may_not_host"
    assert await refused_to_host("host") is None


# ---- lost and back ----------------------------------------------------------------------------------------------


async def _stays(guests: Guests, leases: dict[str, str | None]) -> None:
    """Renew the sessions that are in this for ever, as gateways do."""
    async for _ in beats(0.3):
        await guests.renew(*leases.items())


@pytest.fixture
def quick(env: dict[str, str]) -> dict[str, str]:
    return brief(env) | {"ROSTRUM_ROOM_GRACE_SECONDS": "4"}


async def test_a_lost_host_is_followed_by_the_longest_serving_cohost_also_over_a_restart_of_room(
    guests: Guests, quick: dict[str, str]
) -> None:
    quick["ROSTRUM_ROOM_GRACE_SECONDS"] = "3"
    ids = guests.ids
    sessions = {name: new_id() for name in ("host", "ann", "bob")}
    async with running(Settings.read(quick), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        here: dict[str, str | None] = {session: ids[name] for name, session in sessions.items()}
        for name, session in sessions.items():
            await guests.join(name, session)
        staying = asyncio.create_task(_stays(guests, here))
        for name in ("bob", "ann"):
            await guests.speaker(name)
        for name in ("ann", "bob"):
            await give(guests, "host", v1.AppointCohost, person_id=ids[name])
        del here[sessions["host"]]

        async def host_missed() -> datetime | None:
            host = member(await guests.see(), ids["host"])
            return host.lost_until if host is not None else None

        lost_until = await eventually(host_missed)
    async with running(Settings.read(quick), compose) as service:
        await eventually(lambda: not service.missing())
        host = member(await guests.see(), ids["host"])
        if host is not None:  # the machine was quick enough to see it
            assert host.lost_until is not None
            assert host.lost_until >= lost_until

        async def taken_over() -> bool:
            return (await guests.see()).host.id == ids["ann"]

        await eventually(taken_over)
        assert datetime.now(UTC) >= lost_until
        space = await guests.see()
        assert (space.state, [m.person.handle for m in space.stage]) == (v1.State.LIVE, ["bob", "ann"])
        back = await guests.join("host")
        assert back.role is v1.Role.LISTENER
        await end(staying)


async def test_who_is_back_within_the_grace_finds_everything_and_who_is_not_loses_the_place(
    guests: Guests, quick: dict[str, str]
) -> None:
    ids = guests.ids
    async with running(Settings.read(quick), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        await guests.sign_up("cy")
        sessions = {name: new_id() for name in ("host", "ann", "bob", "cy")}
        here: dict[str, str | None] = {session: ids[name] for name, session in sessions.items()}
        for name, session in sessions.items():
            await guests.join(name, session)
        staying = asyncio.create_task(_stays(guests, here))
        await guests.speaker("ann")
        await give(guests, "ann", v1.Unmute, person_id=ids["ann"])
        for name in ("bob", "cy"):
            await give(guests, name, v1.RequestToSpeak)
        for name in ("ann", "bob", "cy"):
            del here[sessions[name]]

        async def missed() -> bool:
            space = await guests.see("host")
            ann = member(space, ids["ann"])
            return ann is not None and ann.lost_until is not None and all(r.lost_until for r in space.requests)

        await eventually(missed)
        for name, session in (("ann", new_id()), ("cy", sessions["cy"])):
            here[session] = ids[name]
            await guests.join(name, session)

        async def settled() -> bool:
            space = await guests.see("host")
            return [(r.person.handle, r.lost_until) for r in space.requests] == [("cy", None)]

        await eventually(settled)
        ann = member(await guests.see("host"), ids["ann"])
        assert ann is not None
        assert (ann.role, ann.muted) == (v1.Role.SPEAKER, False)
        await end(staying)

        async def timed_out() -> bool:
            return (await guests.see()).state is v1.State.TIMED_OUT

        await eventually(timed_out)


async def test_nobody_is_timed_out_because_nats_was_away(guests: Guests, env: dict[str, str], nats: NatsServer) -> None:
    env = brief(env) | {"ROSTRUM_ROOM_GRACE_SECONDS": "12", "ROSTRUM_ROOM_INVITATION_SECONDS": "14"}
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        await guests.join("host")
        await give(guests, "host", v1.Invite, person_id=guests.ids["ann"])

        async def missed() -> datetime | None:
            return (await guests.see("host")).stage[0].lost_until

        before = await eventually(missed)
        nats.stop()
        async with asyncio.timeout(LIMIT):
            async for _ in beats(0.1):
                if datetime.now(UTC) > before:
                    break
        nats.start()
        await eventually(lambda: not service.missing())
        space = await guests.see("host")
        assert space.state is v1.State.LIVE
        assert [one.invited_by for one in space.invitations] == [guests.ids["host"]]
        await guests.join("host", mine := new_id())
        staying = asyncio.create_task(_stays(guests, {mine: guests.ids["host"]}))

        async def back() -> bool:
            host = (await guests.see("host")).stage[0]
            return host.person.id == guests.ids["host"] and host.lost_until is None

        await eventually(back)
        await end(staying)


async def test_room_answers_at_once_after_nats_stood_still(
    service: Service[Settings], guests: Guests, nats: NatsServer
) -> None:
    await guests.create()
    nats.pause()
    began = time.monotonic()
    await pace(began + 2.5)
    async with standstill() as stood:
        nats.resume()
        resumed = time.monotonic()
        assert (await guests.see("host")).state is v1.State.LIVE
        # Where the answer to a ping was given up, nats-py hears nothing until two of its own are missed: 10 to 15 s.
        assert time.monotonic() - resumed < 8 + stood()
    await eventually(lambda: not service.missing())


async def test_whoever_room_never_hears_of_is_waited_for_a_moment_only(guests: Guests, env: dict[str, str]) -> None:
    async with running(Settings.read({**env, "ROSTRUM_ROOM_PERSON_WAIT": "0.1"}), compose) as service:
        await eventually(lambda: not service.missing())
        guests.ids["new"] = new_id()
        with pytest.raises(Refusal) as no:
            await guests.create("new")
        assert (no.value.reason, no.value.retry) == ("person_unknown", True)


async def test_an_invitation_lapses_by_itself(guests: Guests, env: dict[str, str]) -> None:
    env = {**env, "ROSTRUM_ROOM_INVITATION_SECONDS": "1"}
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        assert len((await give(guests, "host", v1.Invite, person_id=guests.ids["ann"])).invitations) == 1

        async def lapsed() -> bool:
            return not (await guests.see("host")).invitations

        await eventually(lapsed)
        assert await refused(guests, "ann", v1.AcceptInvitation) == "invitation_unknown"
