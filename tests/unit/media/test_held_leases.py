"""Which sessions a media node tells of at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from contracts.presence.v1 import Ended, Lease
from libs.aio import end
from libs.ids import new_id
from services.media.app.held_leases import HeldLeases
from services.media.app.session import Reason, Session
from tests.support.waiting import eventually

SPACE = new_id()


def connection(number: int, presence: str, closing: Reason | None = None) -> Session:
    return Session(
        number=number,
        id=new_id(),
        space_id=SPACE,
        person=None,
        direction="subscribe",
        recorded=False,
        recordable=False,
        opened_at=datetime.now(UTC),
        audio_id=new_id(),
        presence=presence,
        remote_ufrag="u",
        mid="0",
        address=None,
        muted=True,
        capture=False,
        closing=closing,
    )


async def nobody() -> list[Lease]:
    return []


class Told:
    def __init__(self) -> None:
        self.came: list[str] = []
        self.gone: list[str] = []

    async def renew(self, leases: Iterable[Lease], ended: Iterable[Ended]) -> None:
        self.came += [lease.session_id for lease in leases]
        self.gone += [one.session_id for one in ended]


async def test_who_comes_and_hangs_up_is_told_long_before_the_next_renewal() -> None:
    held, told = HeldLeases(), Told()
    telling = asyncio.create_task(held.tell(told.renew, 3600, nobody))
    one, other, failed = new_id(), new_id(), new_id()
    first, second = connection(1, one), connection(2, one)
    for session in (first, second, third := connection(3, other), fourth := connection(4, failed)):
        held.connected(session)
    await eventually(lambda: sorted(told.came) == sorted([one, one, other, failed]))
    third.closing, first.closing, fourth.closing = "closed", "closed", "failed"
    for session in (first, third, fourth):
        held.closed(session)
    await eventually(lambda: told.gone)
    assert told.gone == [other], "the one has another connection, and who failed comes back"
    second.closing = "expired"
    held.closed(second)
    await eventually(lambda: told.gone == [other, one])
    await end(telling)


async def test_who_is_gone_before_it_was_told_is_told_as_gone_alone() -> None:
    held, told = HeldLeases(), Told()
    session = connection(1, new_id())
    held.connected(session)
    session.closing = "closed"
    held.closed(session)
    telling = asyncio.create_task(held.tell(told.renew, 3600, nobody))
    await eventually(lambda: told.gone == [session.presence])
    assert told.came == []
    await end(telling)


async def test_who_is_not_heard_is_let_go_of_and_may_be_heard_again() -> None:
    held, told = HeldLeases(), Told()
    telling = asyncio.create_task(held.tell(told.renew, 3600, nobody))
    session = connection(1, new_id())
    held.connected(session)
    await eventually(lambda: told.came == [session.presence])
    for _ in range(2):
        held.quiet(session)
    await eventually(lambda: told.gone == [session.presence])
    for _ in range(2):
        held.heard(session)
    await eventually(lambda: told.came == [session.presence] * 2)
    held.quiet(session)
    await eventually(lambda: told.gone == [session.presence] * 2)
    session.closing = "expired"
    held.closed(session)
    held.connected(other := connection(2, new_id()))
    await eventually(lambda: other.presence in told.came)
    assert told.gone == [session.presence] * 2, "it had been let go of already"
    await end(telling)
