"""What people holds of somebody is told to them: all of it, and nothing that others keep from them."""

from __future__ import annotations

import pytest

from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.people.asking import follow, sign_up
from tests.integration.people.spaces import a_space
from tests.integration.people.test_moderation import OPERATOR, log, suspend
from tests.support.personal_data import events, held, of

pytestmark = pytest.mark.usefixtures("people")


async def report(bus: Bus, who: v1.Person, whom: v1.Person, comment: str) -> None:
    await bus.ask(
        v1.FileReport(
            command_id=new_id(), actor=who.id, report_id=new_id(), person_id=whom.id, reason="abuse", comment=comment
        )
    )


async def test_a_person_has_what_they_wrote_and_what_happened_to_them_and_no_more(bus: Bus) -> None:
    ann, bob, eve = await sign_up(bus, "ann", name="Ann"), await sign_up(bus, "bob"), await sign_up(bus, "eve")
    for bio in ("I keep bees.", "I keep wasps."):
        await bus.ask(v1.ChangeProfile(command_id=new_id(), actor=ann.id, bio=bio, links=("https://bees.example/",)))
    await follow(bus, ann, bob.id)
    await follow(bus, bob, ann.id)
    await bus.ask(v1.Block(command_id=new_id(), actor=ann.id, blocked_id=eve.id))
    await bus.ask(v1.Block(command_id=new_id(), actor=eve.id, blocked_id=ann.id))
    await report(bus, ann, eve, "She shouted.")
    await report(bus, eve, ann, "She shouted back.")
    space = await a_space(bus, bob, title="Tea")
    await suspend(bus, ann)
    await bus.ask(v1.LodgeAppeal(command_id=new_id(), actor=ann.id, text="I did not."))
    answer = v1.DecideAppeal(
        command_id=new_id(), actor=OPERATOR, operator=True, person_id=ann.id, granted=True, answer="So it seems."
    )
    await bus.ask(answer)

    records = await held(bus, v1.HeldQuery, ann.id)
    (profile,) = of(records, "profile")
    assert (profile["handle"], profile["name"], profile["bio"]) == ("ann", "Ann", "I keep wasps.")
    assert profile["links"] == ["https://bees.example/"]
    account = of(records, "account")
    assert [one["event"] for one in account] == [
        "registered", "profile_changed", "profile_changed", "followed", "blocked", "suspended", "appealed",
        "appeal_decided", "reinstated",
    ]  # fmt: skip
    said = {one["event"]: one for one in account}
    assert said["registered"]["name"] == "Ann"
    assert [one["bio"] for one in account if "bio" in one] == ["I keep bees.", "I keep wasps."]
    assert said["suspended"]["explanation"] == "Threats."
    assert (said["appealed"]["text"], said["appeal_decided"]["answer"]) == ("I did not.", "So it seems.")
    assert [one["person_id"] for one in of(records, "followers")] == [bob.id]
    (filed,) = of(records, "reports")
    assert (filed["person_id"], filed["comment"], filed["state"]) == (eve.id, "She shouted.", "open")
    everything = " ".join(record.model_dump_json() for record in records)
    assert "She shouted back." not in everything
    assert OPERATOR not in everything
    assert space not in everything
    assert events(await held(bus, v1.HeldQuery, eve.id), "account") == ["registered", "blocked"]


async def test_only_the_person_and_operators_have_it_and_the_log_says_when_operators_do(bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
    for query, why in (
        (v1.HeldQuery(actor=bob.id, person_id=ann.id), "not_allowed"),
        (v1.HeldQuery(person_id=ann.id), "unauthenticated"),
        (v1.HeldQuery(actor=ann.id, person_id=ann.id, after="9:"), "invalid"),
        (v1.HeldQuery(actor=ann.id, person_id=ann.id, after="1:x"), "invalid"),
        (v1.HeldQuery(operator=True, person_id=new_id()), "person_unknown"),
    ):
        with pytest.raises(Refusal, match=why):
            await bus.ask(query)
    assert (await bus.ask(v1.HeldQuery(operator=True, person_id=ann.id))).result.records
    for order, why in (
        (v1.NoteExport(command_id=new_id(), actor=bob.id, person_id=ann.id), "not_allowed"),
        (v1.NoteExport(command_id=new_id(), operator=True, person_id=new_id()), "person_unknown"),
    ):
        with pytest.raises(Refusal, match=why):
            await bus.ask(order)
    await bus.ask(v1.NoteExport(command_id=new_id(), actor=OPERATOR, operator=True, person_id=ann.id))
    (entry,) = await log(bus, person_id=ann.id)
    assert (entry.act, entry.actor_id, entry.person_id, entry.undoable) == ("exported", OPERATOR, ann.id, False)


async def test_a_long_history_comes_whole_in_pages_of_a_bounded_size(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.personal_data.pages._BYTES", 1_000)
    ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
    for _ in range(20):
        await follow(bus, ann, bob.id)
        await bus.ask(v1.Unfollow(command_id=new_id(), actor=ann.id, followee_id=bob.id))
    first = (await bus.ask(v1.HeldQuery(actor=ann.id, person_id=ann.id))).result
    assert first.next is not None
    assert len(first.model_dump_json()) < 2_000
    assert events(await held(bus, v1.HeldQuery, ann.id), "account") == ["registered", *["followed", "unfollowed"] * 20]
