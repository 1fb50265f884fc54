"""Who is there, told on the bus."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts import subjects
from contracts.envelope import Event
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1
from libs.aio import end
from libs.bus import Bus
from libs.eventstore import name_of
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.room.main import compose, stored_facts
from services.room.settings import Settings
from tests.integration.room.conftest import Guests, brief
from tests.support.waiting import beats, eventually


class Watch:
    """Collects presence events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.more = asyncio.Event()

    async def run(self, bus: Bus) -> None:
        async for batch in bus.follow(filters=[subjects.events_of("presence")]):
            self.events.extend(received.event for received in batch)
            self.more.set()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def counts(self) -> list[tuple[int, int]]:
        return [(e.listeners, e.on_stage) for e in self.events if isinstance(e, presence.Counted)]


def stored(env: dict[str, str], space_id: str) -> list[str]:
    """What was stored of a Space, but for the host's absence: who never connects is missed after five seconds."""
    names = [name_of(one.fact) for one in stored_facts(env, space_id)]
    return [name for name in names if name != "space.lost"]


@pytest.fixture
async def watch(bus: Bus) -> AsyncIterator[Watch]:
    watch = Watch()
    task = asyncio.create_task(watch.run(bus))
    yield watch
    await end(task)


@pytest.mark.usefixtures("service")
async def test_people_come_and_go_and_the_counts_say_so(guests: Guests, watch: Watch) -> None:
    await guests.create()
    await guests.speaker("ann")
    one, two = new_id(), new_id()
    session = await guests.join("bob", one)
    assert (session.role, session.lease_seconds, session.space.id) == (v1.Role.LISTENER, 60.0, guests.space)
    await guests.join("bob", two)
    await guests.join(None)
    await guests.counted(2, 1)
    await eventually(lambda: watch.counts[-1:] == [(2, 1)])
    leave = v1.LeaveSpace(command_id=new_id(), actor=guests.ids["bob"], space_id=guests.space, session_id=one)
    await guests.order(leave)
    await guests.counted(2, 1)  # the other device is still there
    await guests.order(leave.model_copy(update={"session_id": two, "command_id": new_id()}))
    await guests.counted(1, 1)
    await eventually(lambda: watch.counts[-1:] == [(1, 1)])
    await eventually(lambda: len(watch.of(presence.Left)) == 2)
    assert len(watch.of(presence.Joined)) == 4


@pytest.mark.usefixtures("service")
async def test_a_session_of_somebody_else_is_not_closed(guests: Guests) -> None:
    await guests.create()
    session = new_id()
    await guests.join("bob", session)
    await guests.counted(1, 0)
    foreign = v1.LeaveSpace(command_id="1", actor=guests.ids["ann"], space_id=guests.space, session_id=session)
    await guests.order(foreign)
    assert await guests.count() == (1, 0)


@pytest.mark.usefixtures("service")
async def test_who_leaves_on_purpose_leaves_the_queue_with_the_last_session(guests: Guests) -> None:
    await guests.create()
    one, two = new_id(), new_id()
    # Whatever is renewed after its end would begin anew.
    await guests.join("bob", one, follows=False)
    await guests.join("bob", two, follows=False)
    await guests.order(v1.RequestToSpeak(command_id="1", actor=guests.ids["bob"], space_id=guests.space))
    leave = v1.LeaveSpace(command_id="2", actor=guests.ids["bob"], space_id=guests.space, session_id=one)
    await guests.order(leave)
    assert len((await guests.see("host")).requests) == 1, "they are still there on the other device"
    await guests.order(leave.model_copy(update={"command_id": "3", "session_id": two}))
    assert (await guests.see("host")).requests == ()


@pytest.mark.usefixtures("service")
async def test_a_guest_who_signs_up_while_listening_is_one_listener(guests: Guests, watch: Watch) -> None:
    await guests.create()
    before, after = new_id(), new_id()
    await guests.join(None, before, follows=False)
    await guests.renew((before, None), holder="node")
    await guests.counted(1, 0)
    command = v1.JoinSpace(
        command_id="1", actor=guests.ids["ann"], space_id=guests.space, session_id=after, replaces=before
    )
    await guests.order(command)
    assert await guests.count() == (1, 0)
    # What keeps the anonymous session alive, as media does until its client connects anew, means the new one.
    await guests.renew((before, None), holder="node")
    await guests.join("bob")
    await guests.counted(2, 0)
    await eventually(lambda: len(watch.of(presence.Joined)) == 3)
    joined = [e for e in watch.of(presence.Joined) if isinstance(e, presence.Joined)]
    assert [e.continues for e in joined] == [None, before, None]
    assert [e.session_id for e in watch.of(presence.Left) if isinstance(e, presence.Left)] == [before]


@pytest.mark.usefixtures("service")
async def test_a_session_whose_last_holder_lets_go_of_it_is_over_at_once(guests: Guests, watch: Watch) -> None:
    await guests.create()
    await guests.join("bob", mine := new_id(), follows=False)
    for holder in ("node", "other"):
        await guests.renew((mine, guests.ids["bob"]), holder=holder)
    await guests.renew(ended=(mine,), holder="node")
    await guests.join("ann")
    await guests.counted(2, 0)  # the other node still keeps it
    await guests.renew(ended=(mine,), holder="other")
    await eventually(lambda: len(watch.of(presence.Left)) == 1)
    left = watch.of(presence.Left)[0]
    assert isinstance(left, presence.Left)
    assert (left.session_id, left.lapsed) == (mine, False)


@pytest.mark.usefixtures("service")
async def test_whoever_only_says_that_they_are_there_counts_nowhere(guests: Guests, watch: Watch) -> None:
    await guests.create()
    told, made_up = guests.ids["bob"], [(new_id(), None), (new_id(), guests.ids["bob"])]
    await guests.join(None, made_up[0][0], follows=False)
    await guests.join("bob", made_up[1][0], follows=False)
    # Its client renews it, also one that nobody opened.
    await guests.renew(*made_up, (new_id(), None), holder="")
    react = v1.React(command_id="r", actor=told, space_id=guests.space, reaction="clap")
    await guests.order(react)  # they may act all the same
    ann = await guests.join("ann")
    await guests.counted(1, 0)
    await eventually(lambda: bool(watch.of(presence.Reacted)))
    await guests.renew(made_up[1], holder="node")
    await guests.counted(2, 0)
    await eventually(lambda: watch.counts[-1:] == [(2, 0)])
    assert max(watch.counts) == (2, 0)
    await guests.order(v1.EndSpace(command_id="e", actor=guests.ids["host"], space_id=guests.space))
    await eventually(lambda: len(watch.of(presence.Left)) == 2)
    # Whoever was told to have joined was so before; who came first leaves first, so nobody else is still to come.
    joined = [e.session_id for e in watch.of(presence.Joined) if isinstance(e, presence.Joined)]
    left = [e.session_id for e in watch.of(presence.Left) if isinstance(e, presence.Left)]
    assert joined == [ann.session_id, made_up[1][0]]
    assert left == [made_up[1][0], ann.session_id]


async def test_a_crowd_that_vanishes_is_gone_after_one_lease_and_writes_no_event_of_the_space(
    guests: Guests, watch: Watch, env: dict[str, str]
) -> None:
    def lapsed() -> set[str]:
        return {e.session_id for e in watch.of(presence.Left) if isinstance(e, presence.Left) and e.lapsed}

    async with running(Settings.read(brief(env, 4)), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        kept: tuple[str, str | None] = (new_id(), guests.ids["bob"])
        crowd: list[tuple[str, str | None]] = []

        async def renewing() -> None:
            async for _ in beats(0.3):
                await guests.renew(kept, *crowd)

        async def come() -> None:
            crowd.append(((await guests.join(None)).session_id, None))

        await guests.join("bob", kept[0])
        task = asyncio.create_task(renewing())
        await asyncio.gather(*(come() for _ in range(200)))
        await guests.counted(201, 0)
        gone = {session for session, _ in crowd}
        crowd.clear()
        await eventually(lambda: watch.counts[-1:] == [(1, 0)])
        # The count does not wait until everybody has been told one by one.
        await eventually(lambda: gone <= lapsed())
        assert stored(env, guests.space) == ["space.created", "space.started"]
        await end(task)


@pytest.mark.usefixtures("service")
async def test_a_removed_person_is_gone_at_once_and_stays_out_whatever_is_renewed(guests: Guests) -> None:
    await guests.create()
    session = new_id()
    await guests.join("bob", session)
    await guests.join("ann")
    remove = v1.RemovePerson(
        command_id="1", actor=guests.ids["host"], space_id=guests.space, person_id=guests.ids["bob"]
    )
    await guests.counted(2, 0)
    await guests.order(remove)
    assert await guests.count() == (1, 0)
    await guests.renew((session, guests.ids["bob"]))
    with pytest.raises(Refusal, match="removed"):
        await guests.join("bob")
    # Room looks at renewals in their order: bob's would have counted before this one.
    await guests.renew((new_id(), None), holder="node")
    await guests.counted(2, 0)
    there = await guests.ask(v1.ParticipantsQuery(space_id=guests.space, actor=guests.ids["host"]))
    assert [one.person.handle for one in there.people] == ["ann"]


@pytest.mark.usefixtures("service")
async def test_who_is_signed_out_everywhere_is_gone_from_every_space_at_once(guests: Guests, watch: Watch) -> None:
    await guests.create()
    await guests.speaker("bob")
    for name in ("bob", "ann"):
        await guests.join(name, new_id())
    await guests.counted(1, 1)
    bob, now = guests.ids["bob"], datetime.now(UTC)
    for revoked in (
        people.TokensRevoked(person_id=guests.ids["ann"], token_id="0" * 32, at=now),
        people.TokensRevoked(person_id=guests.ids["ann"], at=now - timedelta(hours=1)),
        people.TokensRevoked(person_id=bob, at=now),
    ):
        await guests.bus.publish_event(revoked)
    await guests.counted(1, 0)
    await eventually(lambda: len(watch.of(presence.Left)) == 2)
    assert {event.person_id for event in watch.of(presence.Left) if isinstance(event, presence.Left)} == {bob}

    async def alone() -> bool:
        return [one.person.handle for one in (await guests.see("host")).stage] == ["host"]

    await eventually(alone)


@pytest.mark.usefixtures("service")
async def test_when_the_space_ends_everybody_has_left(guests: Guests, watch: Watch) -> None:
    await guests.create()
    for name in ("host", "ann", "bob"):
        await guests.join(name)
    await guests.counted(2, 1)
    await guests.order(v1.EndSpace(command_id="1", actor=guests.ids["host"], space_id=guests.space))
    await eventually(lambda: len(watch.of(presence.Left)) == 3)
    assert not any(e.lapsed for e in watch.events if isinstance(e, presence.Left))


@pytest.mark.usefixtures("service")
async def test_reactions_are_counted_together_and_each_once(guests: Guests, watch: Watch, env: dict[str, str]) -> None:
    await guests.create()
    ann = guests.ids["ann"]
    await guests.join("ann")
    began = time.monotonic()
    claps = [v1.React(command_id=f"k{n}", actor=ann, space_id=guests.space, reaction="clap") for n in range(30)]
    await asyncio.gather(*(guests.order(clap) for clap in [*claps, *claps[:10]]))
    wave = v1.React(command_id="w", actor=ann, space_id=guests.space, reaction="wave", skin_tone=4)
    await guests.order(wave)
    for tone in (1, 2):  # Unicode has one modifier for both
        await guests.order(wave.model_copy(update={"command_id": f"w{tone}", "skin_tone": tone}))
    total: Counter[str] = Counter()

    def complete() -> bool:
        total.clear()
        for event in watch.events:
            if isinstance(event, presence.Reacted):
                total.update(event.counts)
        return total == {"clap": 30, "wave:4": 1, "wave:2": 2}

    await eventually(complete)
    windows = 1 + (time.monotonic() - began) / 0.25
    assert len(watch.of(presence.Reacted)) <= windows, "together, once in a quarter of a second"
    assert stored(env, guests.space) == ["space.created", "space.started"]
    unknown = v1.React(command_id="u", actor=ann, space_id=guests.space, reaction="rotten_tomato")
    with pytest.raises(Refusal, match="invalid"):
        await guests.order(unknown)
    with pytest.raises(Refusal, match="invalid"):  # only hands have one
        await guests.order(wave.model_copy(update={"command_id": "h", "reaction": "purple_heart"}))
    known = await guests.ask(v1.ReactionsQuery())
    assert set(known.with_skin_tone) == {"clap", "fist", "thumbs_up", "thumbs_down", "wave"}


async def test_after_a_restart_the_sessions_are_relearnt_and_nobody_joins_or_leaves(
    guests: Guests, watch: Watch, env: dict[str, str]
) -> None:
    settings = Settings.read(brief(env, 8))
    sessions = [new_id() for _ in range(20)]

    async def renewing() -> None:
        async for _ in beats(0.3):
            await guests.renew(*((session, None) for session in sessions))

    async with running(settings, compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        for session in sessions:
            await guests.join(None, session)
        await eventually(lambda: watch.counts[-1:] == [(20, 0)])
        await eventually(lambda: len(watch.of(presence.Joined)) == 20)
    before = len(watch.counts)
    task = asyncio.create_task(renewing())
    async with running(settings, compose) as service:
        await eventually(lambda: not service.missing())
        await guests.counted(20, 0)
        # What it tells first is what it has learnt in half a lease.
        await eventually(lambda: watch.counts[before:] == [(20, 0)])
        await guests.join("ann")
        await eventually(lambda: len(watch.of(presence.Joined)) > 20)
        assert [e.person_id for e in watch.of(presence.Joined)[20:] if isinstance(e, presence.Joined)] == [
            guests.ids["ann"]
        ]
        assert watch.of(presence.Left) == []
    await end(task)


async def test_who_can_join_narrowed_while_live_is_for_those_who_come(
    guests: Guests, watch: Watch, env: dict[str, str]
) -> None:
    inside = [(new_id(), None), (new_id(), guests.ids["ann"])]
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        await guests.join(None, inside[0][0])
        await guests.join("ann", inside[1][0])
        await guests.order(
            v1.ChangeSettings(
                command_id=new_id(), actor=guests.ids["host"], space_id=guests.space, who_can_join=v1.WhoCanJoin.INVITED
            )
        )
        await guests.counted(2, 0)
        for name in (None, "bob"):
            with pytest.raises(Refusal, match="not_allowed"):
                await guests.join(name)
            with pytest.raises(Refusal, match="not_allowed"):
                await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids[name] if name else None))
        # Whoever is in may connect again, and come on a second device.
        for session, actor in inside:
            await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=actor, session_id=session))
        with pytest.raises(Refusal, match="not_allowed"):
            await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids["bob"], session_id=inside[1][0]))
        await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids["ann"]))
        second = new_id()
        await guests.join("ann", second, follows=False)
        # A session is proof while it lives.
        for session, actor in inside:
            await guests.ask(v1.SpaceQuery(space_id=guests.space, actor=actor, let_in=True, session_id=session))
        with pytest.raises(Refusal, match="not_allowed"):
            await guests.ask(v1.SpaceQuery(space_id=guests.space, let_in=True, session_id=new_id()))
        await guests.order(
            v1.LeaveSpace(command_id=new_id(), actor=guests.ids["ann"], space_id=guests.space, session_id=second)
        )
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        # Nobody is known to be in yet, and whoever has a session may be.
        anonymous = inside[0][0]
        await guests.ask(v1.SpaceQuery(space_id=guests.space, let_in=True, session_id=anonymous))
        await guests.renew(*inside)
        await guests.counted(2, 0)
        await guests.order(
            v1.LeaveSpace(command_id=new_id(), actor=guests.ids["ann"], space_id=guests.space, session_id=inside[1][0])
        )
        with pytest.raises(Refusal, match="not_allowed"):
            await guests.join("ann")
