"""People who come from elsewhere: an issuer and its subject are one person for ever, and nobody once erased."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.people.main import compose
from tests.integration.people.asking import profile, sign_up
from tests.integration.people.test_erasing import erase, settings, until_forgotten
from tests.support.at_rest import contents
from tests.support.nats import NatsServer
from tests.support.personal_data import held
from tests.support.waiting import LIMIT, eventually

ISSUER = "https://needle-issuer.example"
OPERATOR: dict[str, Any] = {"operator": True, "actor": new_id()}


async def sign_in(bus: Bus, subject: str, **said: Any) -> v1.Person:
    given: dict[str, Any] = {"issuer": ISSUER, "issued_at": datetime.now(UTC)} | said
    order = v1.SignIn(command_id=new_id(), person_id=new_id(), subject_name=subject, **given)
    return (await bus.ask(order, timeout=LIMIT)).result


async def test_an_issuer_and_its_subject_are_one_person_for_ever(people: None, bus: Bus) -> None:
    ada = await sign_in(bus, "u-1", handle="Ada.Lovelace@example.org", display_name="Ada Lovelace")
    assert (ada.handle, ada.name, ada.protected) == ("Ada_Lovelace", "Ada Lovelace", False)
    again = await sign_in(bus, "u-1", handle="Ada.Lovelace@example.org", display_name="Ada Lovelace")
    assert again == ada, "and nothing was written for it"
    others = [await sign_in(bus, "U-1"), await sign_in(bus, "u-1 "), await sign_in(bus, "u-1", issuer=ISSUER + "/")]
    assert len({ada.id, *(one.id for one in others)}) == 4
    assert [one.handle for one in others] == ["guest", "guest2", "guest3"]
    found = await bus.ask(v1.SubjectQuery(issuer=ISSUER, subject_name="u-1", **OPERATOR))
    assert found.result.id == ada.id
    for asked, no in ((OPERATOR | {"operator": False}, "not_allowed"), (OPERATOR, "person_unknown")):
        with pytest.raises(Refusal) as refused:
            await bus.ask(v1.SubjectQuery(issuer=ISSUER, subject_name="nobody", **asked))
        assert refused.value.reason == no


async def test_a_copy_of_ones_data_says_who_one_is_elsewhere(people: None, bus: Bus) -> None:
    ada = await sign_in(bus, "u-1", handle="ada", display_name="Ada", protected=True)
    said = [record.fields for record in await held(bus, v1.HeldQuery, ada.id) if record.subject == "account"]
    assert [one["event"] for one in said] == ["registered", "identified", "privacy_changed"]
    assert (said[1]["issuer"], said[1]["subject"], said[1]["protected"]) == (ISSUER, "u-1", True)


async def test_of_many_who_are_one_at_once_there_is_one(people: None, bus: Bus) -> None:
    at_once = await asyncio.gather(*(sign_in(bus, "crowd", handle="crowd") for _ in range(20)))
    assert len({one.id for one in at_once}) == 1
    one_name = await asyncio.gather(*(sign_in(bus, f"s-{number}", handle="samename") for number in range(12)))
    handles = {one.handle.lower() for one in one_name}
    assert len(handles) == 12
    assert all(one.startswith("samena") and len(one) <= 15 for one in handles)


@pytest.mark.parametrize(
    ("said", "handle"),
    [
        ("zoë.könig", "zoe_konig"),
        ("  ", "guest"),
        ("李雷", "guest"),
        ("../../../etc/passwd", "etc_passwd"),
        ("a" * 200, "a" * 15),
        ("@ada", "ada"),
    ],
)
async def test_a_handle_is_made_of_whatever_is_said(people: None, bus: Bus, said: str, handle: str) -> None:
    assert (await sign_in(bus, "u-1", handle=said)).handle == handle


async def test_what_the_issuer_says_is_taken_over_when_it_is_another_than_before(people: None, bus: Bus) -> None:
    taken = await sign_up(bus, "countess")
    ada = await sign_in(bus, "u-1", handle="ada", display_name="Ada", protected=False)
    chosen = v1.ChangeProfile(command_id=new_id(), actor=ada.id, display_name="Ada L.", handle="adal")
    await bus.ask(chosen)
    await sign_in(bus, "u-1", handle="ada", display_name="Ada", protected=False)
    assert ((await profile(bus, ada.id)).name, (await profile(bus, ada.id)).handle) == ("Ada L.", "adal")
    now = await sign_in(bus, "u-1", handle="countess", display_name="Ada King", protected=True)
    assert (now.id, now.handle, now.name, now.protected) == (ada.id, "countess2", "Ada King", True)
    assert taken.handle == "countess"
    # What it does not say any more stays.
    assert await sign_in(bus, "u-1", display_name="Ada King") == now.model_copy(update={"version": now.version + 1})
    free = await sign_in(bus, "u-2", handle="ada")
    assert free.handle == "ada", "what was given up is free"


async def test_an_older_token_changes_nothing_of_what_a_newer_one_said(people: None, bus: Bus) -> None:
    made = datetime.now(UTC)
    now = await sign_in(bus, "u-1", handle="ada", display_name="Ada King", protected=True, issued_at=made)
    for earlier in (made - timedelta(seconds=1), None):
        old = await sign_in(bus, "u-1", handle="ada", display_name="Ada Byron", protected=False, issued_at=earlier)
        assert old == now


async def test_of_who_is_suspended_it_is_taken_over_afterwards(people: None, bus: Bus) -> None:
    ada = await sign_in(bus, "u-1", handle="ada", display_name="Ada")
    await bus.ask(v1.Suspend(command_id=new_id(), person_id=ada.id, reason="abuse", **OPERATOR))
    assert (await sign_in(bus, "u-1", handle="ada", display_name="Eve")).name == "Ada"
    await bus.ask(v1.Reinstate(command_id=new_id(), person_id=ada.id, **OPERATOR))
    assert (await sign_in(bus, "u-1", handle="ada", display_name="Eve")).name == "Eve"


async def test_who_was_erased_is_somebody_new_and_an_earlier_token_brings_nobody_back(
    server: NatsServer, bus: Bus, tmp_path: Path
) -> None:
    subject = "needle-subject-4711"
    async with running(settings(server, ROSTRUM_PEOPLE_HANDLE_KEPT_DAYS="0.00004"), compose):
        before = datetime.now(UTC)
        told = v1.ToldPerson(subject=subject, handle="needle_handle", name="Needle Name")
        other = v1.ToldPerson(subject="somebody")
        await bus.ask(v1.UpsertPeople(command_id=new_id(), issuer=ISSUER, people=(told, other), **OPERATOR), timeout=30)
        ada = await sign_in(bus, subject, handle="needle_handle", display_name="Needle Name")
        follows = v1.Relation(subject=subject, does="follow", whom="somebody")
        await bus.ask(v1.ChangeRelations(command_id=new_id(), issuer=ISSUER, changes=(follows,), **OPERATOR))
        await erase(bus, ada)
        for early in (before, None):
            with pytest.raises(Refusal) as refused:
                await sign_in(bus, subject, handle="needle_handle", issued_at=early)
            assert (refused.value.reason, "deleted" in refused.value.detail) == ("unauthenticated", True)
        await until_forgotten(bus, ada)
        marks = [subject, ISSUER, "needle_handle", "Needle Name"]
        found = dict(contents(Path(server.env["ROSTRUM_VAR"])))
        for word in marks:
            for form in (word.encode(), hashlib.sha256(word.encode()).digest()):
                assert not [path for path, data in found.items() if form in data], word

        async def free() -> bool:
            try:
                again = await sign_in(bus, subject, handle="needle_handle", issued_at=before)
            except Refusal:
                return False
            return again.id != ada.id

        await eventually(free)


async def test_who_was_erased_may_begin_anew_at_once(server: NatsServer, bus: Bus) -> None:
    async with running(settings(server), compose):
        ada = await sign_in(bus, "u-1", handle="ada")
        before = datetime.now(UTC)
        await erase(bus, ada)
        later = datetime.now(UTC) + timedelta(seconds=1)
        again = await sign_in(bus, "u-1", handle="ada", issued_at=later)
        assert (again.id != ada.id, again.handle) == (True, "ada2"), "the handle stays taken for a while"
        assert (await sign_in(bus, "u-1", handle="ada", issued_at=later)).id == again.id
        await sign_in(bus, "u-1", handle="ada", display_name="Ada", issued_at=later + timedelta(seconds=5))
        for early in (before, None):
            with pytest.raises(Refusal) as refused:
                await sign_in(bus, "u-1", handle="ada", issued_at=early)
            assert refused.value.reason == "unauthenticated", "a token of the erased account opens the new one"
        await erase(bus, again)
        third = await sign_in(bus, "u-1", issued_at=later + timedelta(minutes=1))
        assert third.id not in (ada.id, again.id)
