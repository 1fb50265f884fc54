"""An instance where signing up takes an invitation code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.support.nats import NatsServer


@pytest.fixture(autouse=True)
async def invite_only(server: NatsServer, bus: Bus) -> AsyncIterator[None]:
    async with running(Settings.read(server.env | {"ROSTRUM_PEOPLE_INVITE_ONLY": "true"}), compose):
        yield


async def issue(bus: Bus, uses: int = 1, expires_at: datetime | None = None) -> str:
    command = v1.IssueInvitation(command_id=new_id(), actor=new_id(), operator=True, uses=uses, expires_at=expires_at)
    return (await bus.ask(command)).result.code


async def join(bus: Bus, handle: str, code: str | None, *, key: str | None = None) -> v1.Person:
    command = v1.SignUp(
        command_id=key or new_id(), person_id=new_id(), handle=handle, display_name=handle, invitation=code
    )
    return (await bus.ask(command)).result


async def test_nobody_joins_without_a_good_code(bus: Bus) -> None:
    past = await issue(bus, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    revoked = await issue(bus)
    await bus.ask(v1.RevokeInvitation(command_id=new_id(), actor=new_id(), operator=True, code=revoked.upper()))
    for code in (None, "", "abcd-efgh-jkmn", past, revoked):
        with pytest.raises(Refusal, match="invitation_needed"):
            await join(bus, "ann", code)
    await join(bus, "ann", (await issue(bus)).replace("-", "").upper())


async def test_a_code_lets_in_as_many_as_it_says_also_when_they_come_at_once(bus: Bus) -> None:
    code = await issue(bus, uses=3)
    answers = await asyncio.gather(*(join(bus, f"p{n}", code) for n in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, v1.Person) for answer in answers) == 3
    assert {a.reason for a in answers if isinstance(a, Refusal)} == {"invitation_needed"}
    (left,) = (await bus.ask(v1.InvitationsQuery(actor=new_id(), operator=True))).result.codes
    assert (left.uses, left.used) == (3, 3)


async def test_a_sign_up_sent_again_uses_the_code_once(bus: Bus) -> None:
    code = await issue(bus)
    assert await join(bus, "ann", code, key="k") == await join(bus, "ann", code, key="k")


async def test_a_taken_handle_costs_no_use(bus: Bus) -> None:
    code = await issue(bus, uses=2)
    await join(bus, "ann", code)
    with pytest.raises(Refusal, match="handle_taken"):
        await join(bus, "Ann", code)
    await join(bus, "bob", code)


async def test_a_code_is_issued_once(bus: Bus) -> None:
    command = v1.IssueInvitation(command_id="k", actor=new_id(), operator=True)
    assert (await bus.ask(command)).result == (await bus.ask(command)).result
