"""Every command of people, by everybody, in every case: `matrix.txt` has what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from contracts import pictures
from contracts.commands import Command
from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.integration.people.asking import sign_up
from tests.integration.people.spaces import a_space, scheduled
from tests.support.matrix import answer_to, answers_of, commands_of, read
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

TABLE: Final = Path(__file__).with_name("matrix.txt")
OPERATOR: Final = new_id()
A_TOKEN: Final = "0123456789abcdef" * 2


@dataclass(frozen=True)
class World:
    """What a cell of the table is about, made for it alone."""

    bus: Bus
    actor: str | None
    other: v1.Person
    """Whom it is about; they block the role `blocked`."""
    live: str
    scheduled: str

    async def operate(self, kind: type[Command[Any]], **fields: Any) -> Any:
        """What operators did before."""
        return (
            await self.bus.ask(kind(command_id=new_id(), actor=OPERATOR, operator=True, **fields), timeout=LIMIT)
        ).result

    async def suspended(self, person_id: str) -> None:
        await self.operate(v1.Suspend, person_id=person_id, reason="spam")

    async def reported(self) -> str:
        reporter = await a_person(self.bus)
        filed = v1.FileReport(
            command_id=new_id(), actor=reporter.id, report_id=new_id(), person_id=self.other.id, reason="spam"
        )
        return (await self.bus.ask(filed, timeout=LIMIT)).result.id

    async def appealed(self) -> None:
        await self.suspended(self.other.id)
        await self.bus.ask(v1.LodgeAppeal(command_id=new_id(), actor=self.other.id, text="No!"), timeout=LIMIT)


async def a_person(bus: Bus) -> v1.Person:
    return await sign_up(bus, new_id()[-15:])


async def an_actor(bus: Bus, role: str, other: v1.Person) -> str | None:
    """Somebody of this role."""
    if role in ("anonymous", "unknown"):
        return None if role == "anonymous" else new_id()
    actor = (await a_person(bus)).id
    if role == "suspended":
        await bus.ask(v1.Suspend(command_id=new_id(), actor=OPERATOR, operator=True, person_id=actor, reason="spam"))
    elif role == "blocked":
        await bus.ask(v1.Block(command_id=new_id(), actor=other.id, blocked_id=actor))
    return actor


Fields = Callable[[World], Awaitable[dict[str, Any]]]


def case(**fields: Any) -> Fields:
    """The fields of a command; those that are functions are asked what they are in the cell's world."""

    async def of(world: World) -> dict[str, Any]:
        return {name: field(world) if callable(field) else field for name, field in fields.items()}

    return of


def after(before: Callable[[World], Awaitable[Any]], fields: Fields) -> Fields:
    """The same when something happened before."""

    async def of(world: World) -> dict[str, Any]:
        await before(world)
        return await fields(world)

    return of


async def of_report(world: World) -> dict[str, Any]:
    return {"report_id": await world.reported()}


async def of_closed_report(world: World) -> dict[str, Any]:
    made = await of_report(world)
    await world.operate(v1.CloseReport, outcome=v1.ReportState.ACTED, **made)
    return made


def dismissing(fields: Fields) -> Fields:
    async def of(world: World) -> dict[str, Any]:
        return await fields(world) | {"outcome": v1.ReportState.DISMISSED}

    return of


def listening(fields: Fields) -> Fields:
    async def of(world: World) -> dict[str, Any]:
        return await fields(world) | {"piece": 0}

    return of


async def of_code(world: World) -> dict[str, Any]:
    return {"code": (await world.operate(v1.IssueInvitation)).code}


async def of_key(world: World) -> dict[str, Any]:
    made = {"key_id": new_id()}
    await world.operate(v1.IssueApiKey, digest=A_TOKEN * 2, title="The app", scopes=("people",), **made)
    return made


def rotating(fields: Fields) -> Fields:
    async def of(world: World) -> dict[str, Any]:
        return await fields(world) | {"digest": A_TOKEN * 2}

    return of


def using(fields: Fields, scope: str) -> Fields:
    async def of(world: World) -> dict[str, Any]:
        return await fields(world) | {"digest": A_TOKEN * 2, "scope": scope}

    return of


async def of_entry(world: World) -> dict[str, Any]:
    await world.suspended(world.other.id)
    asked = v1.LogQuery(actor=OPERATOR, operator=True, person_id=world.other.id, limit=1)
    return {"entry_id": (await world.bus.ask(asked)).result.entries[0].id}


async def of_undone_entry(world: World) -> dict[str, Any]:
    made = await of_entry(world)
    await world.operate(v1.UndoAct, **made)
    return made


async def suspend_other(world: World) -> None:
    await world.suspended(world.other.id)


async def follow_other(world: World) -> None:
    if world.actor is not None:
        await answer_to(
            lambda: world.bus.ask(v1.Follow(command_id=new_id(), actor=world.actor, followee_id=world.other.id))
        )


async def block_other(world: World) -> None:
    if world.actor is not None:
        await answer_to(
            lambda: world.bus.ask(v1.Block(command_id=new_id(), actor=world.actor, blocked_id=world.other.id))
        )


async def erase_other(world: World) -> None:
    await world.operate(v1.ErasePerson, person_id=world.other.id, confirmation=world.other.id)


async def appeal_already(world: World) -> None:
    if world.actor is not None:
        await answer_to(lambda: world.bus.ask(v1.LodgeAppeal(command_id=new_id(), actor=world.actor, text="No!")))


def other(world: World) -> str:
    return world.other.id


def oneself(world: World) -> str:
    return world.actor or world.other.id


def nobody(world: World) -> str:
    return new_id()


def live(world: World) -> str:
    return world.live


def soon(world: World) -> str:
    return world.scheduled


def sizes(*sides: int) -> tuple[v1.PictureSize, ...]:
    """A picture, as the gateway makes it, in some sizes."""
    return tuple(v1.PictureSize(side=side, data=b"RIFF") for side in sides)


CASES: Final[dict[type[Command[Any]], dict[str, Fields]]] = {
    v1.SignUp: {
        "new": case(person_id=nobody, handle=lambda w: new_id()[-15:], display_name="N"),
        "taken": case(person_id=nobody, handle=lambda w: w.other.handle.upper(), display_name="N"),
    },
    v1.Follow: {
        "other": case(followee_id=other),
        "again": after(follow_other, case(followee_id=other)),
        "one_i_block": after(block_other, case(followee_id=other)),
        "oneself": case(followee_id=oneself),
        "nobody": case(followee_id=nobody),
    },
    v1.Unfollow: {"followed": after(follow_other, case(followee_id=other)), "not_followed": case(followee_id=other)},
    v1.Block: {
        "other": case(blocked_id=other),
        "again": after(block_other, case(blocked_id=other)),
        "oneself": case(blocked_id=oneself),
        "nobody": case(blocked_id=nobody),
    },
    v1.Unblock: {"blocked": after(block_other, case(blocked_id=other)), "not_blocked": case(blocked_id=other)},
    v1.ChangePrivacy: {"any": case(protected=True)},
    v1.ChangeProfile: {
        "any": case(display_name="Somebody else", handle=lambda _: new_id()[-15:]),
        "taken": case(handle=lambda world: world.other.handle.upper()),
        "odd_link": case(links=("https://bank.example@evil.example/",)),
    },
    v1.ChangePicture: {
        "any": case(picture_id=nobody, sizes=sizes(*pictures.SIDES)),
        "one_size_less": case(picture_id=nobody, sizes=sizes(*pictures.SIDES[1:])),
    },
    v1.RemovePicture: {"none": case()},
    v1.NoteExport: {"other": case(person_id=other), "nobody": case(person_id=nobody)},
    v1.ChangeHostingPolicy: {"any": case(policy=v1.HostingPolicy())},
    v1.AllowHosting: {"other": case(person_id=other), "nobody": case(person_id=nobody)},
    v1.WithdrawHosting: {"other": case(person_id=other), "nobody": case(person_id=nobody)},
    v1.IssueInvitation: {"any": case()},
    v1.RevokeInvitation: {"issued": of_code, "none": case(code="0000-0000-0000")},
    v1.Suspend: {
        "other": case(person_id=other, reason="spam"),
        "again": after(suspend_other, case(person_id=other, reason="spam")),
        "nobody": case(person_id=nobody, reason="spam"),
        "odd_reason": case(person_id=other, reason="boredom"),
        "for_a_week": case(person_id=other, reason="spam", until=lambda w: datetime.now(UTC) + timedelta(days=7)),
        "till_yesterday": case(person_id=other, reason="spam", until=lambda w: datetime.now(UTC) - timedelta(days=1)),
        "odd_report": case(person_id=other, reason="spam", report_id=nobody),
    },
    v1.Reinstate: {
        "suspended": after(suspend_other, case(person_id=other)),
        "not_suspended": case(person_id=other),
        "nobody": case(person_id=nobody),
    },
    v1.TakePictureAway: {"none": case(person_id=other), "nobody": case(person_id=nobody)},
    v1.FileReport: {
        "person": case(report_id=nobody, person_id=other, reason="spam"),
        "space": case(report_id=nobody, space_id=live, reason="spam"),
        "oneself": case(report_id=nobody, person_id=oneself, reason="spam"),
        "nobody": case(report_id=nobody, person_id=nobody, reason="spam"),
        "no_space": case(report_id=nobody, space_id=nobody, reason="spam"),
        "odd_reason": case(report_id=nobody, person_id=other, reason="boredom"),
    },
    v1.CloseReport: {
        "open": dismissing(of_report),
        "closed_otherwise": dismissing(of_closed_report),
        "none": dismissing(case(report_id=nobody)),
    },
    v1.ReopenReport: {"closed": of_closed_report, "open": of_report, "none": case(report_id=nobody)},
    v1.LookAtCopy: {
        "open": of_report,
        "closed": of_closed_report,
        "sound": listening(of_report),
        "none": case(report_id=nobody),
    },
    v1.LodgeAppeal: {"first": case(text="It was not me."), "again": after(appeal_already, case(text="Hear me."))},
    v1.DecideAppeal: {
        "open": after(World.appealed, case(person_id=other, granted=True)),
        "none": after(suspend_other, case(person_id=other, granted=True)),
        "nobody": case(person_id=nobody, granted=True),
    },
    v1.UndoAct: {"undoable": of_entry, "undone": of_undone_entry, "none": case(entry_id=lambda w: f"{new_id()}-1")},
    v1.RevokeTokens: {
        "own": case(person_id=oneself),
        "own_one": case(person_id=oneself, token_id=A_TOKEN),
        "others": case(person_id=other),
        "others_one": case(person_id=other, token_id=A_TOKEN),
        "nobody": case(person_id=nobody),
    },
    v1.ErasePerson: {
        "own": case(person_id=oneself, confirmation=oneself),
        "own_unconfirmed": case(person_id=oneself, confirmation="yes"),
        "others": case(person_id=other, confirmation=lambda world: f"@{world.other.handle.upper()}"),
        "others_unconfirmed": case(person_id=other, confirmation=nobody),
        "erased": after(erase_other, case(person_id=other, confirmation="whatever")),
        "nobody": case(person_id=nobody, confirmation="whatever"),
    },
    v1.IssueApiKey: {"any": case(key_id=nobody, digest=A_TOKEN * 2, title="The app", scopes=("people",))},
    v1.RotateApiKey: {"issued": rotating(of_key), "none": rotating(case(key_id=nobody))},
    v1.RevokeApiKey: {"issued": of_key, "none": case(key_id=nobody)},
    v1.UseApiKey: {
        "issued": using(of_key, "people"),
        "not_for_it": using(of_key, "relations"),
        "none": using(case(key_id=nobody), "people"),
    },
    v1.UpsertPeople: {"any": case(issuer="https://issuer.example", people=({"subject": "u-1"},))},
    v1.ChangeRelations: {
        "any": case(issuer="https://issuer.example", changes=({"subject": "u-1", "does": "follow", "whom": "u-2"},))
    },
    v1.PassOverEvent: {"any": case(event_id="room:1207")},
    v1.OrderSpaceEnd: {
        "live": case(space_id=live, reason="spam"),
        "no_space": case(space_id=nobody, reason="spam"),
        "odd_reason": case(space_id=live, reason="boredom"),
    },
    v1.SetReminder: {
        "scheduled": case(space_id=soon),
        "live": case(space_id=live),
        "no_space": case(space_id=nobody),
    },
    v1.ClearReminder: {"none_set": case(space_id=soon), "no_space": case(space_id=nobody)},
}


async def report_space(bus: Bus, actor: str, space_id: str) -> None:
    await bus.ask(v1.FileReport(command_id=new_id(), actor=actor, report_id=new_id(), space_id=space_id, reason="spam"))


def test_the_matrix_has_every_command_there_is_and_every_case_of_it() -> None:
    # Services order these, not people; who may is held by `test_permissions.py` of the launcher.
    by_services = {kind.__name__ for kind in (v1.DestroyUnits, v1.DestroySubjects, v1.AcknowledgeDrop, v1.SignIn)}
    assert {kind.__name__ for kind in CASES} == commands_of("people") - by_services
    assert {(kind.__name__, name) for kind, cases in CASES.items() for name in cases} == {
        (command, name) for command, name, _ in read(TABLE)
    }


async def test_every_command_by_everybody_in_every_case(server: NatsServer, bus: Bus) -> None:
    answers = read(TABLE)
    settings = Settings.read({**server.env, "ROSTRUM_PEOPLE_SPACE_WAIT": "0.05"})
    kinds = {kind.__name__: kind for kind in CASES}
    async with running(settings, compose):
        host = await a_person(bus)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        spaces = {"live": await a_space(bus, host), "scheduled": await scheduled(bus, host.id, tomorrow)}

        async def all_are_known() -> bool:
            return {await answer_to(partial(report_space, bus, host.id, space)) for space in spaces.values()} == {"ok"}

        await eventually(all_are_known)

        async def cell(command: str, name: str, role: str) -> str:
            kind, whom = kinds[command], await a_person(bus)
            world = World(bus, await an_actor(bus, role, whom), whom, **spaces)
            fields = await CASES[kind][name](world)
            ask = kind(command_id=new_id(), actor=world.actor, operator=role == "operator", **fields)
            return await answer_to(lambda: bus.ask(ask, timeout=LIMIT))

        found = await answers_of(answers, cell)
    assert found == answers
