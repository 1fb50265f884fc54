"""Servers of the host product: their keys, and what they tell of people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.people import v1
from libs.bus import Bus
from libs.identity.api_keys import digest_of_key, new_secret, read_api_key
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.people.asking import profile
from tests.support.at_rest import contents
from tests.support.command import rostrum
from tests.support.nats import NatsServer

ISSUER = "https://issuer.example"
OPERATOR: dict[str, Any] = {"operator": True}


async def use(bus: Bus, text: str, scope: str) -> v1.ApiKey | str:
    read = read_api_key(text)
    assert read is not None
    asked = {"command_id": new_id(), "key_id": read[0], "digest": read[1], "scope": scope} | OPERATOR
    try:
        return (await bus.ask(v1.UseApiKey.model_validate(asked))).result
    except Refusal as no:
        return no.reason


async def test_a_key_opens_what_it_is_for_until_it_is_rotated_or_revoked(
    server: NatsServer, people: None, bus: Bus
) -> None:
    id, first = new_secret()
    issue = v1.IssueApiKey(
        command_id=new_id(),
        key_id=id,
        digest=digest_of_key(first),
        title="The app",
        scopes=("people", "relations"),
        **OPERATOR,
    )
    made = (await bus.ask(issue)).result
    assert (await bus.ask(issue)).result == made, "sent again, it is made once"
    assert isinstance(await use(bus, first, "people"), v1.ApiKey)
    assert await use(bus, first, "moderation") == "not_allowed"
    assert await use(bus, first[:-1] + ("A" if first[-1] != "A" else "B"), "people") == "unauthenticated"
    assert await use(bus, new_secret()[1], "people") == "unauthenticated"

    async def rotated(keep: int) -> str:
        text = new_secret(id)[1]
        rotate = v1.RotateApiKey(
            command_id=new_id(),
            key_id=id,
            digest=digest_of_key(text),
            keep_seconds=keep,
            **OPERATOR,
        )
        await bus.ask(rotate)
        return text

    second = await rotated(3600)
    assert [isinstance(await use(bus, text, "people"), v1.ApiKey) for text in (first, second)] == [True, True]
    third = await rotated(0)
    assert [await use(bus, text, "people") for text in (first, second)] == ["unauthenticated"] * 2
    assert isinstance(await use(bus, third, "people"), v1.ApiKey)
    (listed,) = (await bus.ask(v1.ApiKeysQuery(**OPERATOR))).result.keys
    assert listed.last_used_at is not None
    assert (listed.name, listed.scopes, listed.revoked) == ("The app", ("people", "relations"), False)
    await bus.ask(v1.RevokeApiKey(command_id=new_id(), key_id=id, **OPERATOR))
    assert await use(bus, third, "people") == "unauthenticated"
    found = dict(contents(Path(server.env["ROSTRUM_VAR"])))
    for text in (first, second, third):
        assert not [path for path, data in found.items() if text[30:].encode() in data]


async def upsert(bus: Bus, *people: v1.ToldPerson) -> list[str]:
    told = v1.UpsertPeople(command_id=new_id(), issuer=ISSUER, people=people, **OPERATOR)
    return [one.person_id or one.reason or "" for one in (await bus.ask(told, timeout=30)).result.people]


async def relate(bus: Bus, *changes: tuple[str, str, str]) -> dict[int, str]:
    """Why some were refused, by their place."""
    told = tuple(
        v1.Relation.model_validate({"subject": one, "does": does, "whom": whom}) for one, does, whom in changes
    )
    asked = v1.ChangeRelations(command_id=new_id(), issuer=ISSUER, changes=told, **OPERATOR)
    return {one.index: one.reason for one in (await bus.ask(asked, timeout=30)).result.refused}


async def test_people_are_told_of_as_often_as_one_likes(people: None, bus: Bus) -> None:
    told = [v1.ToldPerson(subject=f"u-{n}", name=f"Number {n}", handle="same") for n in range(30)]
    first = await upsert(bus, *told)
    assert len(set(first)) == 30
    before = [await profile(bus, id) for id in first[:3]]
    assert await upsert(bus, *told) == first
    assert [await profile(bus, id) for id in first[:3]] == before, "nothing was written for it"
    await upsert(bus, told[0].model_copy(update={"name": "Ada", "protected": True}))
    ada = await profile(bus, first[0])
    assert (ada.name, ada.protected, ada.handle) == ("Ada", True, before[0].handle)
    erase = v1.ErasePerson(command_id=new_id(), person_id=first[1], confirmation=first[1], **OPERATOR)
    await bus.ask(erase)
    assert await upsert(bus, told[1]) != [first[1]], "who was erased begins anew"


def writes_of(database: Path) -> int:
    """How many transactions stand in a write-ahead log of SQLite (fileformat2, section 4.1): a frame that ends one says
    how many pages the database has then."""
    log = database.with_name(f"{database.name}-wal").read_bytes()
    page, salts = int.from_bytes(log[8:12], "big"), log[16:24]
    heads = [log[at : at + 24] for at in range(32, len(log), 24 + page)]
    return sum(head[8:16] == salts and head[4:8] != bytes(4) for head in heads)


async def test_many_new_people_are_few_writes(server: NatsServer, people: None, bus: Bus) -> None:
    """Each write waits for the disk, and an import of a product's people has tens of thousands of them."""
    var = Path(server.env["ROSTRUM_VAR"])
    await upsert(bus, v1.ToldPerson(subject="first"))
    stores = (var / "keys" / "keyring.db", var / "stores" / "people.db")
    before = [writes_of(store) for store in stores]
    await upsert(bus, *(v1.ToldPerson(subject=f"u-{n}", name=f"Number {n}", handle=f"p{n}") for n in range(200)))
    keys, facts = (writes_of(store) - had for store, had in zip(stores, before, strict=True))
    assert keys == 2, "the people's, and their locks'"
    assert facts < 50, "what is decided together is written together, as far as the writer's thread lets it"


async def test_who_follows_and_blocks_whom_is_taken_over_in_its_order(people: None, bus: Bus) -> None:
    ids = await upsert(bus, *(v1.ToldPerson(subject=subject) for subject in ("a", "b", "c")))
    every = [
        ("a", "follow", "b"),
        ("a", "follow", "c"),
        ("a", "unfollow", "c"),
        ("a", "follow", "a"),
        ("a", "follow", "nobody"),
        ("b", "follow", "a"),
        ("c", "block", "a"),
        ("c", "follow", "b"),
    ]
    assert await relate(bus, *every) == {3: "not_allowed", 4: "person_unknown"}
    assert await relate(bus, *every) == {1: "not_allowed", 3: "not_allowed", 4: "person_unknown"}, "c blocks a by now"
    assert [(await profile(bus, id)).followers for id in ids] == [1, 2, 0]
    assert await relate(bus, ("a", "follow", "c"), ("c", "unblock", "a")) == {0: "not_allowed"}
    assert await relate(bus, ("a", "follow", "c")) == {}
    assert await relate(bus, ("c", "block", "a")) == {}
    assert [(await profile(bus, id)).followers for id in ids] == [1, 2, 0], "who is blocked follows no longer"
    await bus.ask(v1.Suspend(command_id=new_id(), person_id=ids[1], reason="spam", **OPERATOR))
    assert await relate(bus, ("b", "follow", "c"), ("b", "unfollow", "a")) == {0: "suspended"}


@pytest.mark.parametrize("command", [v1.UpsertPeople, v1.ChangeRelations])
async def test_only_who_acts_for_the_instance_tells_of_people(people: None, bus: Bus, command: Any) -> None:
    body = (
        {"people": [{"subject": "a"}]}
        if command is v1.UpsertPeople
        else {"changes": [{"subject": "a", "does": "follow", "whom": "b"}]}
    )
    with pytest.raises(Refusal, match="run this place"):
        await bus.ask(command.model_validate({"command_id": "1", "actor": new_id(), "issuer": ISSUER, **body}))


async def test_the_command_makes_keys_and_lists_them(server: NatsServer, people: None, bus: Bus) -> None:
    env = {"ROSTRUM_NATS_URL": server.url}
    said = await rostrum("keys", "--json", "create", "The app", "--for", "people", env=env)
    assert said.code == 0, said.errors
    made = json.loads(said.out)
    assert isinstance(await use(bus, made["key"], "people"), v1.ApiKey)
    listed = await rostrum("keys", "list", env=env)
    assert made["id"] in listed.out
    assert made["key"][31:] not in listed.out
