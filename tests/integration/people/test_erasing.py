"""Erasing people: refused everywhere at once, forgotten soon after, and nobody brings them back."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contracts import subjects
from contracts.people import v1
from libs.bus import Bus, BusSettings, connect
from libs.eventstore import Order, open_store
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.people.domain.entities import new
from services.people.domain.erasure import PersonErased
from services.people.domain.person import Blocked, Followed, Registered
from services.people.main import compose
from services.people.settings import Settings
from tests.integration.people.asking import follow, profile, sign_up
from tests.integration.people.spaces import scheduled
from tests.integration.people.test_moderation import OPERATOR, log
from tests.support.at_rest import contents
from tests.support.command import rostrum
from tests.support.matrix import answer_to
from tests.support.nats import NatsServer, running_nats
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually

HANDLE, NAME, BIO = "needle_ann", "Needle Grüße", "needle of a bio"


def settings(server: NatsServer, **more: str) -> Settings:
    return Settings.read({**server.env, "ROSTRUM_PEOPLE_KEY_LEASE": "1.0", **more})


async def erase(bus: Bus, person: v1.Person, *, key: str | None = None, **fields: Any) -> v1.Erasure:
    given = {"actor": person.id, "person_id": person.id, "confirmation": person.id, **fields}
    return (await bus.ask(v1.ErasePerson(command_id=key or new_id(), **given), timeout=LIMIT)).result


async def erasure(bus: Bus, person: v1.Person) -> v1.Erasure:
    return (await bus.ask(v1.ErasureQuery(operator=True, person_id=person.id), timeout=LIMIT)).result


async def until_forgotten(bus: Bus, person: v1.Person) -> v1.Erasure:
    found: list[v1.Erasure] = []

    async def forgotten() -> bool:
        found.append(await erasure(bus, person))
        return found[-1].forgotten_at is not None

    await eventually(forgotten)
    return found[-1]


async def told(bus: Bus, last: type[v1.Erased] | type[v1.Forgotten], person: str) -> list[str]:
    """The names of the events about somebody, up to this one."""
    names: list[str] = []
    async for batch in bus.follow(filters=[subjects.events_of("people")]):
        for received in batch:
            event = received.event
            if getattr(event, "person_id", None) == person or getattr(event, "what", "") == f"person:{person}":
                names.append(event.name)
                if isinstance(event, last):
                    return names
    raise AssertionError("the stream ended")


def files_with(var: Path, needle: str) -> set[str]:
    found = set()
    for path, held in contents(var):
        if path.parent.name != "keys":
            data = held.lower()
            if needle.lower().encode() in data or needle.lower().encode("utf-16-le") in data:
                found.add(path.name)
    return found


async def test_nobody_is_shown_who_erased_themself_and_nothing_binds_others_to_them(
    server: NatsServer, bus: Bus
) -> None:
    var = Path(server.env["ROSTRUM_VAR"])
    async with running(settings(server), compose):
        ann, bob, carla = await sign_up(bus, HANDLE, name=NAME), await sign_up(bus, "bob"), await sign_up(bus, "carla")
        await bus.ask(v1.ChangeProfile(command_id=new_id(), actor=ann.id, bio=BIO))
        await follow(bus, ann, bob.id)
        await follow(bus, bob, ann.id)
        await follow(bus, carla, bob.id)
        await bus.ask(v1.Block(command_id=new_id(), actor=carla.id, blocked_id=ann.id))
        space = await scheduled(bus, bob.id, datetime.now(UTC) + timedelta(days=1))
        for who in (ann, bob):
            await bus.ask(v1.SetReminder(command_id=new_id(), actor=who.id, space_id=space), timeout=LIMIT)
        assert files_with(var, HANDLE)  # one finds people by it
        report = v1.FileReport(
            command_id=new_id(), actor=bob.id, report_id=new_id(), person_id=ann.id, reason="spam", comment="Look."
        )
        await bus.ask(report)

        done = await erase(bus, ann, confirmation=f" @{HANDLE.upper()} ", key="once")
        again = await erase(bus, ann, confirmation=f" @{HANDLE.upper()} ", key="once")
        assert (done.person_id, again.erased_at) == (ann.id, done.erased_at)  # it may be forgotten between the two
        with pytest.raises(Refusal, match="person_unknown"):
            await profile(bus, ann.id)
        assert (await bus.ask(v1.PeopleQuery(actor=bob.id, words="needle"))).result.people == ()

        await until_forgotten(bus, ann)
        assert (await profile(bus, bob.id)).followers == 1
        assert [(await profile(bus, who.id)).following for who in (bob, carla)] == [0, 1]
        names = await told(bus, v1.Forgotten, ann.id)
        after = ["erased", "tokens_revoked", "unfollowed", "reminder_cleared", "forgotten"]
        assert names[names.index("erased") :] == after
        with pytest.raises(Refusal, match="handle_taken"):
            await sign_up(bus, HANDLE.upper())
        with pytest.raises(Refusal, match="handle_taken"):
            await bus.ask(v1.ChangeProfile(command_id=new_id(), actor=bob.id, handle=HANDLE))
        with pytest.raises(Refusal, match="person_unknown"):
            await follow(bus, bob, ann.id)
        (kept,) = (await bus.ask(v1.ReportsQuery(actor=OPERATOR, operator=True))).result.reports
        assert (kept.handle, kept.name, kept.comment, kept.state) == (HANDLE, NAME, "Look.", v1.ReportState.OPEN)
        (entry,) = await log(bus, person_id=ann.id)
        assert (entry.act, entry.actor_id, entry.person, entry.explanation) == ("erased", ann.id, None, "")
        for needle in (HANDLE, NAME, BIO):
            await eventually(partial(_nowhere, var, needle))


def _nowhere(var: Path, needle: str) -> bool:
    return not files_with(var, needle)


async def test_an_operator_erases_whom_they_name_and_codes_of_an_erased_operator_are_worth_nothing(
    bus: Bus, people: None
) -> None:
    operator, ann = await sign_up(bus, "operator"), await sign_up(bus, "ann")
    code = (await bus.ask(v1.IssueInvitation(command_id=new_id(), actor=operator.id, operator=True))).result
    with pytest.raises(Refusal, match="invalid"):
        await erase(bus, ann, actor=operator.id, operator=True, confirmation="operator")
    await erase(bus, ann, actor=operator.id, operator=True, confirmation="ann")
    (entry,) = await log(bus, person_id=ann.id)
    assert (entry.act, entry.actor_id, entry.what, entry.after) == ("erased", operator.id, "standing", "erased")
    await erase(bus, operator)

    async def revoked() -> bool:
        codes = (await bus.ask(v1.InvitationsQuery(actor=OPERATOR, operator=True))).result.codes
        return [(one.code, one.revoked) for one in codes] == [(code.code, True)]

    await eventually(revoked)


async def test_a_handle_is_free_for_others_when_its_time_is_over(server: NatsServer, bus: Bus) -> None:
    days = str(3 / 86_400)
    async with running(settings(server, ROSTRUM_PEOPLE_HANDLE_KEPT_DAYS=days), compose):
        ann = await sign_up(bus, "ann")
        await erase(bus, ann)
        with pytest.raises(Refusal, match="handle_taken"):
            await sign_up(bus, "ann")

        async def free() -> bool:
            answer = await answer_to(lambda: sign_up(bus, "Ann"))
            assert answer in ("ok", "handle_taken")
            return answer == "ok"

        await eventually(free)
        assert (await erasure(bus, ann)).handle_free_at is None


async def test_somebody_with_many_ties_is_erased(server: NatsServer, bus: Bus) -> None:
    """More than end in one fact's transaction. Nobody had begun when the process was killed, right after the fact."""
    ann, fans = new_id(), [new_id() for _ in range(3)]
    async with open_store(settings(server).store_place, new) as store:
        order = Order(id="1", actor=ann, at=datetime.now(UTC))
        follows, blocks = (
            [Followed(followee=new_id()) for _ in range(700)],
            [Blocked(person=new_id()) for _ in range(400)],
        )
        facts = [Registered(handle="ann", name="Ann"), *follows, *blocks, PersonErased()]
        await store.execute(ann, order, lambda _: facts, lambda _: None)
        for fan in fans:
            facts_of_fan = [Registered(handle=fan[-9:], name="F"), Followed(followee=ann)]
            order = Order(id="1", actor=fan, at=datetime.now(UTC))
            await store.execute(fan, order, lambda _, facts=facts_of_fan: facts, lambda _: None)  # type: ignore[misc]
    async with running(settings(server), compose):
        names = await told(bus, v1.Forgotten, ann)
        assert (names.count("unfollowed"), names.count("unblocked")) == (700, 400)
        for fan in fans:
            assert (await bus.ask(v1.PersonQuery(person_id=fan))).result.following == 0


async def test_erasing_goes_on_after_people_was_killed_at_whatever_step(server: NatsServer, bus: Bus) -> None:
    env = {**server.env, "ROSTRUM_PEOPLE_KEY_LEASE": "1.0"}
    async with ServiceProcess("people", env) as people:
        fan = await sign_up(bus, "fan")
        for number, after in enumerate(("answer", "erased", "unfollowed")):
            ann = await sign_up(bus, f"ann{number}", name=NAME)
            await follow(bus, fan, ann.id)
            await follow(bus, ann, fan.id)
            await erase(bus, ann)
            if after == "erased":
                await told(bus, v1.Erased, ann.id)
            elif after == "unfollowed":
                await eventually(lambda: _follows_nobody(bus, fan))
            people.kill()
            await people.start()
            await until_forgotten(bus, ann)
            assert (await profile(bus, fan.id)).following == 0
            assert (await profile(bus, fan.id)).followers == 0


async def _follows_nobody(bus: Bus, person: v1.Person) -> bool:
    return (await profile(bus, person.id)).following == 0


async def test_a_backup_of_before_brings_nobody_back(server: NatsServer, bus: Bus, tmp_path: Path) -> None:
    var, backup, newest = Path(server.env["ROSTRUM_VAR"]), tmp_path / "backup", tmp_path / "newest"
    async with running(settings(server), compose):
        ann, fan = await sign_up(bus, "ann", name=NAME), await sign_up(bus, "fan")
        await follow(bus, fan, ann.id)
        assert (await rostrum("backup", str(backup), "--var", str(var))).code == 0
        await erase(bus, ann)
        await until_forgotten(bus, ann)
    shutil.copytree(var / "ledger", newest)
    shutil.rmtree(var)
    assert (await rostrum("restore", str(backup), "--var", str(var), "--ledger", str(newest))).code == 0
    with running_nats() as other:
        env = {**server.env, "ROSTRUM_NATS_URL": other.url, "ROSTRUM_PEOPLE_KEY_LEASE": "1.0"}
        async with await connect("test", BusSettings(url=other.url)) as again, running(Settings.read(env), compose):
            assert "registered" not in await told(again, v1.Erased, ann.id)
            await until_forgotten(again, ann)
            with pytest.raises(Refusal, match="person_unknown"):
                await profile(again, ann.id)
            with pytest.raises(Refusal, match="handle_taken"):
                await sign_up(again, "ann")
            await eventually(lambda: _follows_nobody(again, fan))


async def test_the_command_erases_and_waits_until_nobody_can_read_what_they_wrote(
    server: NatsServer, bus: Bus, tmp_path: Path
) -> None:
    env = {"ROSTRUM_NATS_URL": server.url}
    async with running(settings(server), compose):
        ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
        said = await rostrum("erase", "@ann", env=env)
        assert (said.code, "add --yes" in said.errors) == (2, True)
        assert (await profile(bus, ann.id)).handle == "ann"
        said = await rostrum("erase", "@Ann", "--yes", env=env)
        assert said.code == 0, said.errors
        assert said.out.splitlines()[-1].startswith(f"{ann.id} is forgotten")
        said = await rostrum("erase", ann.id, "--yes", "--json", env=env)  # again
        assert said.code == 0, said.errors
        assert json.loads(said.out)["forgotten_at"] is not None
        for given, code, why in (("@ann", 1, "no such person"), (new_id(), 1, "no such person"), ("a b", 2, "neither")):
            said = await rostrum("erase", given, "--yes", env=env)
            assert (said.code, why in said.errors) == (code, True), said.errors
    # A process that it gave keys to before it was started again may have them for as long as their lease.
    async with running(settings(server, ROSTRUM_PEOPLE_KEY_LEASE="60"), compose):
        said = await rostrum("erase", bob.id, "--yes", "--timeout", "1", env=env)
        assert (said.code, "not forgotten yet" in said.errors) == (1, True), said.errors
    said = await rostrum("erase", bob.id, "--yes", env=env)
    assert (said.code, "does not answer" in said.errors) == (1, True)


async def test_what_an_earlier_version_stored_plainly_is_told_to_nobody(server: NatsServer, bus: Bus) -> None:
    person = new_id()
    async with open_store(settings(server).store_place, new) as store:
        order = Order(id="1", actor=person, at=datetime.now(UTC))
        facts = [Registered(handle=HANDLE, name=NAME), PersonErased()]
        await store.execute(person, order, lambda _: facts, lambda _: None)
    async with running(settings(server), compose):
        assert (await told(bus, v1.Forgotten, person))[0] == "erased"
