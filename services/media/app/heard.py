"""Who is heard: in the Spaces of this node, from here and from the other nodes that carry them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from contracts.envelope import Event
from contracts.media import v1
from services.media.adapters.neighbours import Said
from services.media.app.elsewhere import Elsewhere
from services.media.app.session import Session
from services.media.app.spaces import Followed, Spaces


class Heard:
    """Tells who speaks, and for how long they did. `tell` publishes an event and does not wait."""

    def __init__(
        self,
        spaces: Spaces,
        elsewhere: Elsewhere,
        node_id: str,
        tell: Callable[[Event], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._spaces = spaces
        self._elsewhere = elsewhere
        self._node_id = node_id
        self._tell = tell
        self._clock = clock

    def talking(self, space: int, sessions: list[int]) -> None:
        """Who is heard now, loudest first."""
        followed = self._spaces.numbered(space)
        if followed is None:
            return
        now = asyncio.get_running_loop().time()
        talkers = [known for number in sessions if (known := followed.sessions.get(number)) is not None]
        for known in [known for known in followed.talking if known not in talkers]:
            self.fell_silent(known)
        for known in talkers:
            if known.talking_since is None:
                known.talking_since = now
        followed.talking = tuple(talkers)
        people = (self._who(followed, number) for number in sessions)
        followed.talkers = tuple(dict.fromkeys(person for person in people if person is not None))
        self._say(followed)

    def fell_silent(self, session: Session) -> None:
        """Tells how long somebody talked, where they did."""
        seconds = session.talked(asyncio.get_running_loop().time())
        if seconds is None or session.person_id is None:
            return
        self._tell(v1.Talked(**session.head(self._node_id, self._clock()), seconds=seconds))

    def said_elsewhere(self, said: Said) -> None:
        """Packets of a speaker at another node."""
        followed = self._spaces.get(said.space_id)
        if followed is not None and followed.state is not None:
            self._elsewhere.said(followed.state, said)

    def carriers_changed(self, space_id: str) -> None:
        """Other nodes carry the Space than before."""
        followed = self._spaces.get(space_id)
        if followed is None:
            return
        self._elsewhere.share(space_id)
        if followed.told != (followed.talkers if self._elsewhere.first(space_id) else ()):
            self._say(followed)

    def _who(self, followed: Followed, number: int) -> str | None:
        known = followed.sessions.get(number)
        return self._elsewhere.person(followed.id, number) if known is None else known.person_id

    def _say(self, followed: Followed) -> None:
        """One of the nodes that carry the Space says it for all; the others say that nobody is heard at theirs."""
        people = followed.talkers if self._elsewhere.first(followed.id) else ()
        if people or followed.told:
            followed.told = people
            self._tell(v1.Speaking(at=self._clock(), space_id=followed.id, node_id=self._node_id, person_ids=people))
