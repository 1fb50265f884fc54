"""How a Space was, by version and by time, out of a real store: as it was told at the time, without what is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.people import v1 as people
from contracts.room import v1
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import Service
from services.room.main import inspect
from services.room.settings import Settings
from tests.integration.room.conftest import Guests, unread
from tests.integration.room.test_hidden import join
from tests.integration.room.test_people_on_stage import give, say, told
from tests.support.waiting import eventually


async def past(guests: Guests, who: str | None, at: int | datetime, *, operator: bool = False) -> v1.PastSpace:
    when = {"version": at} if isinstance(at, int) else {"at": at}
    asker = {"actor": guests.ids[who] if who else None, "operator": operator, "space_id": guests.space}
    return await guests.ask(v1.PastSpaceQuery.model_validate({**asker, **when}))


async def refused(guests: Guests, who: str | None, at: int | datetime) -> tuple[str, str]:
    with pytest.raises(Refusal) as no:
        await past(guests, who, at)
    return no.value.reason, no.value.detail


def as_space(then: v1.PastSpace) -> v1.Space:
    return v1.Space.model_validate(then.model_dump())


async def test_every_version_is_as_it_was_told_and_as_its_events_tell_it(
    service: Service[Settings], guests: Guests, env: dict[str, str]
) -> None:
    ids = guests.ids
    seen = [await guests.create(), await guests.see("host")]
    await guests.speaker("ann")
    for order in (
        (v1.PinLink, {"pin_id": new_id(), "url": "https://example.org/", "text": "Read"}),
        (v1.Invite, {"person_id": ids["bob"]}),
        (v1.ChangeSettings, {"title": "On wasps"}),
        (v1.ChangeWords, {"words": ("Dashwood",)}),
        (v1.Mute, {"person_id": ids["ann"]}),
        (v1.AppointCohost, {"person_id": ids["ann"]}),
    ):
        kind, fields = order
        await give(guests, "host", kind, **fields)
        seen.append(await guests.see("host"))
    newest = seen[-1].version
    for then in seen:
        found = await past(guests, "host", then.version)
        assert (as_space(found), found.newest) == (then, newest)
    for version in range(1, newest + 1):
        found = await past(guests, "host", version)
        assert unread(as_space(found)) == inspect(env, guests.space, at=version)
        at_that_time = await past(guests, "host", found.since)
        assert as_space(at_that_time).version >= version, "several in one moment count as one"
        assert at_that_time.since == found.since
        assert (await past(guests, "ann", version)).settings == found.settings, "a co-host too"
    for who in ("bob", None):
        assert (await refused(guests, who, 1))[0] == "not_allowed"
    assert (await past(guests, "bob", newest, operator=True)).stage
    begun = seen[0].created_at
    assert await refused(guests, "host", newest + 1) == (
        "not_found", f"The Space has no version {newest + 1}; its newest is {newest}."
    )  # fmt: skip
    assert (await refused(guests, "host", begun - timedelta(microseconds=1)))[0] == "not_found"
    assert (await past(guests, "host", begun)).created_at == begun
    assert (await past(guests, "host", datetime.now(UTC))).version == newest
    await give(guests, "host", v1.EndSpace)
    for who in ("bob", None):
        found = await past(guests, who, newest)
        assert (found.state, [one.person.id for one in found.stage]) == ("live", [ids["host"], ids["ann"]])
        assert (found.words, found.requests, found.removed) == ((), (), ())
        assert found.invited == ((ids["bob"],) if who else ())


async def test_who_only_listened_stays_hidden_and_what_was_taken_back_stays_away(
    service: Service[Settings], guests: Guests
) -> None:
    ids = guests.ids
    await guests.create()
    await join(guests, "ann", new_id(), hidden=True)
    await guests.counted(1, 0)
    pin = new_id()
    await give(guests, "host", v1.PinLink, pin_id=pin, url="https://example.org/", text="Read")
    await give(guests, "bob", v1.RequestToSpeak, message="please")
    asked = (await guests.see("host")).version
    assert [one.message for one in (await past(guests, "host", asked)).requests] == ["please"]
    assert len((await past(guests, "host", asked)).pins) == 1
    await say(guests, people.Blocked.model_validate({**told(guests, "host"), "blocked_id": ids["ann"]}))

    async def out() -> bool:
        return ids["ann"] in (await guests.see(follower=True)).removed

    await eventually(out)
    await give(guests, "host", v1.DeclineRequest, person_id=ids["bob"])
    await give(guests, "host", v1.Unpin, pin_id=pin)
    newest = (await guests.see("host")).version
    for version in range(1, newest + 1):
        assert ids["ann"] not in (await past(guests, "host", version)).model_dump_json()
        assert ids["ann"] not in (await past(guests, None, version, operator=True)).model_dump_json()
    found = await past(guests, "host", asked)
    assert ([one.message for one in found.requests], found.pins) == ([""], ())
    assert (await refused(guests, "ann", asked))[0] == "blocked"


async def test_whoever_is_erased_is_gone_from_the_past_and_a_deleted_space_has_none(
    service: Service[Settings], guests: Guests
) -> None:
    await guests.create()
    await guests.speaker("ann")
    version = (await guests.see("host")).version
    assert guests.ids["ann"] in (await past(guests, "host", version)).model_dump_json()
    await say(guests, people.Erased.model_validate(told(guests, "ann")))

    async def gone() -> bool:
        return guests.ids["ann"] not in (await past(guests, "host", version)).model_dump_json()

    await eventually(gone)
    await give(guests, "host", v1.EndSpace)
    await give(guests, "host", v1.DeleteSpace)
    assert (await refused(guests, "host", version))[0] == "space_deleted"
