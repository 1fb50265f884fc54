"""A Space over the real bus, with the real store."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from contracts import subjects
from contracts.named import with_names
from contracts.room import v1
from contracts.room.follow import follow
from libs.bus import Bus
from libs.bus.opening import Opening
from libs.ids import new_id
from libs.refusal import Refusal
from libs.telemetry import configure_traces
from services.room.main import inspect
from tests.integration.room.conftest import Guests, unread
from tests.support.waiting import LIMIT, eventually

pytestmark = pytest.mark.usefixtures("service")


async def _room_events(bus: Bus, until: str, words: Opening | None = None) -> list[v1.SpaceEvent]:
    events: list[v1.SpaceEvent] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.events_of("room")], opening=words):
            for received in batch:
                assert isinstance(received.event, v1.SpaceEvent)
                events.append(received.event)
            if events[-1].name == until:
                break
    return events


async def test_from_creation_to_the_end(bus: Bus, guests: Guests, words: Opening, env: dict[str, str]) -> None:
    ids = guests.ids
    space = await guests.create(recorded=True)
    assert (space.state, space.version, space.host.handle) == (v1.State.LIVE, 2, "host")
    await guests.speaker("ann")
    unmute = v1.Unmute(command_id=new_id(), actor=ids["ann"], space_id=space.id, person_id=ids["ann"])
    await guests.order(unmute)
    mute = v1.Mute(command_id=new_id(), actor=ids["host"], space_id=space.id, person_id=ids["ann"])
    after = (await guests.order(mute)).result
    assert [(m.person.handle, m.role, m.muted) for m in after.stage] == [
        ("host", v1.Role.HOST, True),
        ("ann", v1.Role.SPEAKER, True),
    ]
    await guests.join("bob")
    await guests.order(v1.RequestToSpeak(command_id=new_id(), actor=ids["bob"], space_id=space.id, message="me too"))
    remove = v1.RemovePerson(
        command_id=new_id(), actor=ids["host"], space_id=space.id, person_id=ids["bob"], explanation="spam"
    )
    await guests.order(remove)

    async def rebuilt() -> v1.Space | None:
        # From stored events alone. Who has no connection here may be missed between the two.
        seen = await guests.see(follower=True)
        return seen if unread(seen) == inspect(env, space.id) else None

    live = await eventually(rebuilt)
    await guests.order(v1.EndSpace(command_id=new_id(), actor=ids["host"], space_id=space.id))

    events = await _room_events(bus, "ended", words)
    followed = inspect(env, space.id, at=1)
    assert followed is not None
    for event in events:
        followed = follow(followed, event)
    followed = with_names(followed, guests.called)
    assert unread(followed) == inspect(env, space.id)
    assert followed.settings == live.settings
    assert followed == await guests.see(follower=True)
    # Who has no connection here may be missed before this is over, on a busy machine.
    assert [e.name for e in events if e.name not in ("lost", "arrived", "request_held")] == [
        "created", "started", "speak_requested", "stage_joined", "unmuted", "muted",
        "speak_requested", "removed", "removal_recorded", "ended",
    ]  # fmt: skip


async def test_a_command_sent_twice_happens_once_and_is_answered_alike(guests: Guests) -> None:
    await guests.create()
    await guests.join("ann")
    await guests.join("bob")
    ask = v1.RequestToSpeak(command_id="key", actor=guests.ids["ann"], space_id=guests.space, message="hi")
    answers = await asyncio.gather(*(guests.order(ask) for _ in range(10)))
    await guests.order(v1.RequestToSpeak(command_id="key", actor=guests.ids["bob"], space_id=guests.space))
    again = await guests.order(ask)
    assert all(answer == answers[0] for answer in [*answers, again])
    assert [r.person.handle for r in (await guests.see("host")).requests] == ["ann", "bob"]
    other = ask.model_copy(update={"message": "something else"})
    with pytest.raises(Refusal, match="idempotency_conflict"):
        await guests.order(other)


async def test_a_refused_command_can_succeed_later_with_the_same_id(guests: Guests) -> None:
    await guests.create()
    accept = v1.AcceptRequest(
        command_id="key", actor=guests.ids["host"], space_id=guests.space, person_id=guests.ids["ann"]
    )
    with pytest.raises(Refusal, match="request_unknown"):
        await guests.order(accept)
    await guests.join("ann")
    await guests.order(v1.RequestToSpeak(command_id="1", actor=guests.ids["ann"], space_id=guests.space))
    assert len((await guests.order(accept)).result.stage) == 2


async def test_the_queue_is_for_hosts_and_a_removed_person_sees_nothing(guests: Guests) -> None:
    await guests.create()
    await guests.join("ann")
    await guests.order(v1.RequestToSpeak(command_id="1", actor=guests.ids["ann"], space_id=guests.space))
    assert [r.person.handle for r in (await guests.see("host")).requests] == ["ann"]
    assert [r.person.handle for r in (await guests.see("ann")).requests] == ["ann"]
    assert (await guests.see("bob")).requests == ()
    assert (await guests.see(None)).requests == ()
    remove = v1.RemovePerson(
        command_id="2", actor=guests.ids["host"], space_id=guests.space, person_id=guests.ids["ann"]
    )
    await guests.order(remove)
    with pytest.raises(Refusal, match="removed"):
        await guests.see("ann")
    for query in (
        v1.AdmitQuery(space_id=guests.space, actor=guests.ids["ann"]),
        v1.AdmitQuery(space_id=guests.space, actor=guests.ids["ann"], publish=True),
    ):
        with pytest.raises(Refusal, match="removed"):
            await guests.ask(query)


async def test_who_may_publish_is_who_stands_on_stage(guests: Guests) -> None:
    await guests.create(recorded=True, captions=True)
    grant = await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids["ann"]))
    assert (grant.role, grant.may_publish, grant.recorded, grant.captions) == (v1.Role.LISTENER, False, True, True)
    with pytest.raises(Refusal, match="not_on_stage"):
        await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids["ann"], publish=True))
    with pytest.raises(Refusal, match="not_on_stage"):
        await guests.ask(v1.AdmitQuery(space_id=guests.space, publish=True))
    await guests.speaker("ann")
    grant = await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids["ann"], publish=True))
    assert (grant.role, grant.may_publish, grant.muted) == (v1.Role.SPEAKER, True, True)
    assert grant.person is not None
    assert grant.person.handle == "ann"


async def test_a_scheduled_space_is_started_by_its_host(guests: Guests) -> None:
    create = v1.CreateSpace(
        command_id="1",
        actor=guests.ids["host"],
        space_id=guests.space,
        settings=v1.Settings(title="Later"),
        scheduled_start=datetime.now(UTC) + timedelta(hours=1),
    )
    assert (await guests.order(create)).result.state is v1.State.SCHEDULED
    with pytest.raises(Refusal, match="not_live"):
        await guests.join("ann")
    start = v1.StartSpace(command_id="2", actor=guests.ids["host"], space_id=guests.space)
    assert (await guests.order(start)).result.state is v1.State.LIVE
    await guests.join("ann")


async def test_followers_and_blocks_come_from_the_people_service(guests: Guests) -> None:
    await guests.create(who_can_join="followers", who_can_speak="followed")
    with pytest.raises(Refusal, match="not_allowed"):
        await guests.join("ann")
    with pytest.raises(Refusal, match="not_allowed"):
        await guests.join(None)
    await guests.follow("ann", "host")
    await guests.follow("host", "ann")
    await guests.known_to_room()
    await guests.join("ann")
    ask = v1.RequestToSpeak(command_id="1", actor=guests.ids["ann"], space_id=guests.space)
    assert [m.person.handle for m in (await guests.order(ask)).result.stage] == ["host", "ann"]
    await guests.block("host", "bob")
    await eventually(lambda: _joins(guests, "bob", refused="blocked"))


async def _joins(guests: Guests, name: str, *, refused: str | None = None) -> bool:
    """Whether somebody may join now, or is refused for this reason."""
    try:
        await guests.join(name)
    except Refusal as no:
        return no.reason == refused
    return refused is None


async def test_somebody_who_has_just_signed_up_is_waited_for(guests: Guests) -> None:
    guests.ids["new"] = new_id()
    creating = asyncio.create_task(guests.create("new"))
    await asyncio.sleep(0)
    await guests.sign_up(new=guests.ids["new"])
    assert (await creating).host.handle == "new"


async def test_an_unknown_space_is_refused(guests: Guests) -> None:
    with pytest.raises(Refusal, match="space_unknown"):
        await guests.see()
    with pytest.raises(Refusal, match="space_unknown"):
        await guests.join(None)
    with pytest.raises(Refusal, match="space_unknown"):
        await guests.count()


async def test_all_events_carry_their_space_and_a_trace(bus: Bus, guests: Guests) -> None:
    configure_traces("room")
    await guests.create()
    await _room_events(bus, "started")
    message = await bus.js.get_last_msg(subjects.EVENTS_STREAM, subjects.event("room", guests.space, "started"))
    assert message.headers is not None
    assert message.headers[subjects.HEADER_SPACE] == guests.space
    assert message.headers["ce-type"] == "rostrum.room.v1.started"
    assert len(message.headers["traceparent"].split("-")) == 4
