"""Every command of tipping, by everybody, in every case: `matrix.txt` has what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from contracts.commands import Command
from contracts.envelope import PersonRef
from contracts.tipping import v1
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.service import running
from services.tipping.main import compose
from services.tipping.settings import Settings
from tests.integration.tipping.test_tipping import fill, live_space, offer, publish, registered
from tests.support.events import created, ended, person, started
from tests.support.keys import keys_at
from tests.support.matrix import answer_to, answers_of, commands_of, read
from tests.support.nats import running_nats
from tests.support.waiting import eventually

TABLE: Final = Path(__file__).with_name("matrix.txt")
ROLES: Final[Mapping[str, PersonRef]] = {
    "recipient": person("host"),
    "payer": person("payer"),
    "stranger": person("stranger"),
    "unknown": person("unknown"),
}
CLOSED: Final = person("closed")

Fields = Callable[["Evening"], Awaitable[dict[str, Any]]]


class Evening:
    """A live Space whose host takes tips, one whose host does not, and one that is over."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.live = self.closed = self.over = ""

    async def begin(self) -> None:
        host = ROLES["recipient"]
        known = (host, ROLES["payer"], ROLES["stranger"], CLOSED)
        await publish(self.bus, *(registered(who) for who in known))
        await fill(self.bus, host, paypal="ann")
        self.live, self.closed = await live_space(self.bus, host), await live_space(self.bus, CLOSED)
        self.over = new_id()
        await publish(self.bus, created(self.over, host), started(self.over, host), ended(self.over, version=3))

        async def all_is_known() -> bool:
            too_late = offer(self.over, ROLES["payer"], host)
            return await answer_to(lambda: self.bus.ask(too_late)) == "not_live"

        await eventually(all_is_known)

    async def tip(self, *, opened: bool = False) -> str:
        """One that the payer offered; its id."""
        made = (await self.bus.ask(offer(self.live, ROLES["payer"], ROLES["recipient"]))).result
        if opened:
            await self.bus.ask(v1.OpenTip(command_id=new_id(), actor=made.payer, tip_id=made.id))
        return made.id


def offered(space: Callable[[Evening], str], to: PersonRef = ROLES["recipient"], **fields: Any) -> Fields:
    async def of(evening: Evening) -> dict[str, Any]:
        chosen = {"provider": "paypal", "amount_minor": 500, "currency": "EUR", **fields}
        return {"tip_id": new_id(), "space_id": space(evening), "recipient": to.id, **chosen}

    return of


def jar(**fields: Any) -> Fields:
    async def of(evening: Evening) -> dict[str, Any]:
        return {"enabled": True, "names": {"paypal": "ann"}, "public_names_acknowledged": True, **fields}

    return of


async def of_offered(evening: Evening) -> dict[str, Any]:
    return {"tip_id": await evening.tip()}


async def of_opened(evening: Evening) -> dict[str, Any]:
    return {"tip_id": await evening.tip(opened=True)}


async def of_none(evening: Evening) -> dict[str, Any]:
    return {"tip_id": new_id()}


CASES: Final[dict[type[Command[Any]], dict[str, Fields]]] = {
    v1.FillJar: {
        "told_of_publicity": jar(),
        "not_told": jar(public_names_acknowledged=False),
        "a_link_elsewhere": jar(names={"paypal": "https://evil.example.org/ann"}),
    },
    v1.OfferTip: {
        "on_stage": offered(lambda e: e.live),
        "listening": offered(lambda e: e.live, ROLES["stranger"]),
        "jar_closed": offered(lambda e: e.closed, CLOSED),
        "over": offered(lambda e: e.over),
        "no_space": offered(lambda e: new_id()),
        "no_currency": offered(lambda e: e.live, currency=None),
    },
    v1.OpenTip: {"offered": of_offered, "opened": of_opened, "none": of_none},
    v1.ConfirmTip: {"offered": of_offered, "opened": of_opened, "none": of_none},
}


def test_the_matrix_has_every_command_there_is_and_every_case_of_it() -> None:
    assert {kind.__name__ for kind in CASES} == commands_of("tipping")
    assert {(kind.__name__, name) for kind, cases in CASES.items() for name in cases} == {
        (command, name) for command, name, _ in read(TABLE)
    }


async def test_every_command_by_everybody_in_every_case() -> None:
    answers = read(TABLE)
    kinds = {kind.__name__: kind for kind in CASES}
    with running_nats() as server:
        settings = Settings.read({**server.env, "ROSTRUM_TIPPING_NEWS_WITHIN": "0.2"})
        async with (
            await connect("test", BusSettings(url=server.url)) as bus,
            keys_at(server.url),
            running(settings, compose),
        ):
            evening = Evening(bus)
            await evening.begin()

            async def cell(command: str, name: str, role: str) -> str:
                who = ROLES.get(role)
                fields = await CASES[kinds[command]][name](evening)
                ask = kinds[command](command_id=new_id(), actor=None if who is None else who.id, **fields)
                return await answer_to(lambda: bus.ask(ask))

            found = await answers_of(answers, cell)
    assert found == answers
