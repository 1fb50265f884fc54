"""Finding people by handle and name."""

from __future__ import annotations

import pytest

from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.integration.people.asking import sign_up
from tests.support.nats import NatsServer


async def found(bus: Bus, who: v1.Person, words: str, *, operator: bool = False, limit: int = 10) -> list[str]:
    query = v1.PeopleQuery(actor=who.id, operator=operator, words=words, limit=limit)
    return [one.handle for one in (await bus.ask(query)).result.people]


@pytest.mark.usefixtures("people")
async def test_people_are_found_by_the_beginnings_of_their_names(bus: Bus) -> None:
    me = await sign_up(bus, "me", name="Ann Smith")
    await sign_up(bus, "zoe_k", name="Zoë König")
    await sign_up(bus, "ann", name="Zacharias Q")
    await sign_up(bus, "annsmith", name="Ann Smith")
    await sign_up(bus, "smith", name="Bo Annandale")
    await sign_up(bus, "kanji", name="青木 花子")
    assert await found(bus, me, "zoe KON") == ["zoe_k"]
    assert await found(bus, me, "@Zoe_K") == await found(bus, me, "zoe_") == await found(bus, me, "konig") == ["zoe_k"]
    assert await found(bus, me, "青") == ["kanji"]
    # Whose handle it is comes first; then by name. One does not find oneself.
    assert await found(bus, me, "ann") == ["ann", "annsmith", "smith"]
    assert await found(bus, me, "smith ann") == ["annsmith", "smith"]
    assert await found(bus, me, "ann", limit=1) == ["ann"]
    for nothing in ("mith", "ann smith zoe", "%", "_", "***", "ann_", "@"):
        assert await found(bus, me, nothing) == [], nothing


@pytest.mark.usefixtures("people")
async def test_whoever_changed_their_names_is_found_by_the_new_ones_alone(bus: Bus) -> None:
    me, ann = await sign_up(bus, "me"), await sign_up(bus, "ann_k", name="Ann König")
    await bus.ask(v1.ChangeProfile(command_id=new_id(), actor=ann.id, handle="zoe", display_name="Zoë Smith"))
    assert await found(bus, me, "zoe smi") == await found(bus, me, "@zoe") == ["zoe"]
    assert await found(bus, me, "ann") == await found(bus, me, "ann_k") == await found(bus, me, "konig") == []


@pytest.mark.usefixtures("people")
async def test_of_thousands_with_one_letter_each_the_handle_is_still_found(bus: Bus) -> None:
    me = await sign_up(bus, "me")
    for n in range(30):
        await sign_up(bus, f"b{n}", name="A")
    await sign_up(bus, "a", name="Zed")
    assert (await found(bus, me, "a", limit=20))[0] == "a"
    assert len(await found(bus, me, "a", limit=20)) == 20


@pytest.mark.usefixtures("people")
async def test_a_block_in_either_direction_hides_both_until_it_is_lifted(bus: Bus) -> None:
    ann, bob, eve = [await sign_up(bus, handle, name=f"Common {handle}") for handle in ("ann", "bob", "eve")]
    await bus.ask(v1.Block(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
    assert await found(bus, ann, "common") == ["eve"]
    assert await found(bus, bob, "common") == await found(bus, bob, "common", operator=True) == ["eve"]
    assert await found(bus, bob, "ann") == await found(bus, bob, "@ann") == []
    assert await found(bus, eve, "common") == ["ann", "bob"]
    await bus.ask(v1.Unblock(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
    assert await found(bus, bob, "ann") == ["ann"]


@pytest.mark.usefixtures("people")
async def test_whoever_is_suspended_is_not_found_while_it_lasts(bus: Bus) -> None:
    ann, bob = [await sign_up(bus, handle) for handle in ("ann", "bob")]
    await bus.ask(v1.Suspend(command_id=new_id(), actor=ann.id, operator=True, person_id=bob.id, reason="spam"))
    assert await found(bus, ann, "bob") == []
    await bus.ask(v1.Reinstate(command_id=new_id(), actor=ann.id, operator=True, person_id=bob.id))
    assert await found(bus, ann, "bob") == ["bob"]


@pytest.mark.usefixtures("people")
async def test_nobody_finds_people_without_a_name_of_their_own(bus: Bus) -> None:
    with pytest.raises(Refusal, match="unauthenticated"):
        await bus.ask(v1.PeopleQuery(words="ann"))


async def test_they_are_found_after_the_list_of_names_was_lost(server: NatsServer, bus: Bus) -> None:
    async with running(Settings.read(server.env), compose):
        ann, bob = [await sign_up(bus, handle) for handle in ("ann", "bob")]
        await bus.ask(v1.Block(command_id=new_id(), actor=ann.id, blocked_id=bob.id))
        eve = await sign_up(bus, "eve")
    lost = list(server.directory.glob("var/stores/people-names.db*"))
    assert lost
    for file in lost:
        file.unlink()
    async with running(Settings.read(server.env), compose):
        assert await found(bus, eve, "bob") == ["bob"]
        assert await found(bus, ann, "bob") == []
