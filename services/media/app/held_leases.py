"""Leases of the presence sessions that connections here keep alive, and news of them that does not wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from contracts.presence.v1 import Ended, Lease
from services.media.app.session import Session

_TOGETHER: Final = 0.1
"""Seconds within which news is told together: a crowd comes and goes at once."""

Renew = Callable[[Iterable[Lease], Iterable[Ended]], Awaitable[None]]


class HeldLeases:
    """Who came and went since it was last told; one session may be kept alive by several connections."""

    def __init__(self) -> None:
        self._held: Counter[tuple[str, str]] = Counter()
        self._came: dict[int, Session] = {}
        self._gone: dict[tuple[str, str], None] = {}
        self._quiet: set[int] = set()
        """Connections that are up and were not heard for long."""
        self._news = asyncio.Event()

    def heard(self, session: Session) -> None:
        """A connection is alive; it may have been quiet before."""
        if session.number in self._quiet:
            self._quiet.discard(session.number)
            self.connected(session)

    def quiet(self, session: Session) -> None:
        """Nothing is heard of a connection any more; it may be heard again before it is closed."""
        if session.number not in self._quiet:
            self.closed(session)
            self._quiet.add(session.number)

    def connected(self, session: Session) -> None:
        """A connection is up, so that its session is alive."""
        self._held[session.space_id, session.presence] += 1
        self._gone.pop((session.space_id, session.presence), None)
        self._came[session.number] = session
        self._news.set()

    def closed(self, session: Session) -> None:
        """A connection that was up is closed. Where it failed, its client comes back and its session lives on."""
        if session.number in self._quiet:
            self._quiet.discard(session.number)
            return
        key = (session.space_id, session.presence)
        self._came.pop(session.number, None)
        self._held[key] -= 1
        if self._held[key] > 0:
            return
        del self._held[key]
        if session.closing != "failed":
            self._gone[key] = None
            self._news.set()

    def _take(self) -> tuple[list[Lease], list[Ended]]:
        came, gone = self._came, self._gone
        self._came, self._gone = {}, {}
        self._news.clear()
        return (
            [lease_of(session) for session in came.values() if session.closing is None],
            [Ended(space_id=space_id, session_id=session_id) for space_id, session_id in gone],
        )

    async def tell(self, renew: Renew, every: float, all_leases: Callable[[], Awaitable[Iterable[Lease]]]) -> None:
        """Renew all leases every so many seconds, and tell at once who came or went; for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            await renew(await all_leases(), ())
            again = clock() + every
            while (left := again - clock()) > 0:
                try:
                    async with asyncio.timeout(left):
                        await self._news.wait()
                except TimeoutError:
                    break
                await renew(*self._take())
                await asyncio.sleep(min(_TOGETHER, max(0.0, again - clock())))


def lease_of(session: Session) -> Lease:
    """The lease of the presence session that a connection keeps alive."""
    return Lease(
        space_id=session.space_id,
        session_id=session.presence,
        person_id=session.person_id,
        joined_at=session.opened_at,
        platform="webrtc",
        # Whether a client's own session hides is not known here; one that is the connection's does not.
        hidden=session.presence != session.id,
    )
