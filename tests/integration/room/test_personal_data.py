"""What room holds of somebody is told to them: what they did and wrote in Spaces, and what happened to them there."""

from __future__ import annotations

import pytest

from contracts.room import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.room.conftest import Guests
from tests.support.personal_data import events, held, of

pytestmark = pytest.mark.usefixtures("service")


async def test_everybody_has_their_own_part_of_a_space(bus: Bus, guests: Guests) -> None:
    await guests.known_to_room()
    await guests.create(title="On bees")
    host, ann, bob = (guests.ids[name] for name in ("host", "ann", "bob"))
    for name, message in (("ann", "Let me in, please."), ("bob", "Me too!")):
        await guests.join(name)
        ask = v1.RequestToSpeak(
            command_id=new_id(), actor=guests.ids[name], space_id=guests.space, message=message,
            consent_to_recording=name == "bob",
        )  # fmt: skip
        await guests.order(ask)
        accept = v1.AcceptRequest(command_id=new_id(), actor=host, space_id=guests.space, person_id=guests.ids[name])
        await guests.order(accept)
    pin = v1.PinLink(
        command_id=new_id(),
        actor=ann,
        space_id=guests.space,
        pin_id=new_id(),
        url="https://bees.example/",
        text="Hives",
    )
    await guests.order(pin)
    remove = v1.RemovePerson(
        command_id=new_id(), actor=host, space_id=guests.space, person_id=bob, explanation="Shouting."
    )
    await guests.order(remove)

    anns = await held(bus, v1.HeldQuery, ann)
    assert events(anns, "spaces") == ["speak_requested", "stage_joined", "pinned"]
    asked, joined, pinned = of(anns, "spaces")
    assert (asked["space_id"], asked["message"]) == (guests.space, "Let me in, please.")
    assert (joined["consent_to_recording"], joined["person"]) == (False, {"id": ann})
    assert (pinned["pin"]["url"], pinned["pin"]["text"]) == ("https://bees.example/", "Hives")
    bobs = await held(bus, v1.HeldQuery, bob)
    assert events(bobs, "spaces") == ["speak_requested", "stage_joined", "removed"]
    assert "Shouting." not in str(bobs), "hosts alone are told why"
    hosts = await held(bus, v1.HeldQuery, host)
    assert of(hosts, "spaces")[0]["settings"]["title"] == "On bees"
    assert {"created", "removed", "removal_recorded"} <= set(events(hosts, "spaces"))
    assert "Shouting." in str(hosts), "the host wrote it"
    assert not any(words in str(hosts) for words in ("please", "Me too!", "Hives")), "others wrote it"
    assert await held(bus, v1.HeldQuery, new_id()) == []
    with pytest.raises(Refusal, match="not_allowed"):
        await bus.ask(v1.HeldQuery(actor=ann, person_id=bob))


async def test_a_page_ends_at_any_fact_and_the_next_one_goes_on_there(
    bus: Bus, guests: Guests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.personal_data.pages._LOOKED_AT", 1)
    await guests.known_to_room()
    spaces = []
    for title in ("Bees", "Wasps", "Ants"):
        guests.space = new_id()
        spaces.append(guests.space)
        await guests.create(title=title)
    records = of(await held(bus, v1.HeldQuery, guests.ids["host"]), "spaces")
    made = [one["settings"]["title"] for one in records if one["event"] == "created"]
    assert sorted(made) == ["Ants", "Bees", "Wasps"]
    assert sorted(dict.fromkeys(one["space_id"] for one in records)) == sorted(spaces)
    assert len(records) == len({(one["space_id"], one["version"], one["event"]) for one in records})
