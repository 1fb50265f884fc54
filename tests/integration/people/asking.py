"""Asking people."""

from __future__ import annotations

from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from tests.support.waiting import LIMIT


async def sign_up(bus: Bus, handle: str, *, key: str | None = None, name: str = "Somebody") -> v1.Person:
    command = v1.SignUp(command_id=key or new_id(), person_id=new_id(), handle=handle, display_name=name)
    return (await bus.ask(command, timeout=LIMIT)).result


async def follow(bus: Bus, who: v1.Person, whom: str) -> int:
    return (await bus.ask(v1.Follow(command_id=new_id(), actor=who.id, followee_id=whom))).version


async def profile(bus: Bus, person_id: str) -> v1.Person:
    return (await bus.ask(v1.PersonQuery(person_id=person_id))).result
