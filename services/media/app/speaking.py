"""Who is heard in the Spaces of this node, from here and from the other nodes that carry them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from contracts.envelope import Event
from contracts.media import v1
from services.media.adapters.neighbours import Neighbours, SpeakerPackets
from services.media.app.followed_spaces import FollowedSpace, FollowedSpaces
from services.media.app.remote_speakers import RemoteSpeakers
from services.media.app.session import Session


class SpeakingEvents:
    """Publishes who is heard in each Space, and for how long each person talked.

    `tell` publishes an event and does not wait.
    """

    def __init__(
        self,
        spaces: FollowedSpaces,
        remote_speakers: RemoteSpeakers,
        neighbours: Neighbours,
        node_id: str,
        tell: Callable[[Event], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._spaces = spaces
        self._remote_speakers = remote_speakers
        self._neighbours = neighbours
        self._node_id = node_id
        self._tell = tell
        self._clock = clock

    def talking(self, space: int, sessions: list[int]) -> None:
        """Sessions with these numbers are heard now, the loudest first."""
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
        """Publish how long somebody talked, if they did."""
        seconds = session.talked(asyncio.get_running_loop().time())
        if seconds is None or session.person_id is None:
            return
        self._tell(v1.Talked(**session.head(self._node_id, self._clock()), seconds=seconds))

    def received(self, spoken: SpeakerPackets) -> None:
        """Let packets of a speaker at another node be heard here."""
        followed = self._spaces.get(spoken.space_id)
        if followed is not None and followed.state is not None:
            self._remote_speakers.received(followed.state, spoken)

    def carriers_changed(self, space_id: str) -> None:
        """Other nodes have come to carry the Space, or have ceased to."""
        followed = self._spaces.get(space_id)
        if followed is None:
            return
        self._remote_speakers.share(space_id)
        if followed.told != (followed.talkers if self._neighbours.first(space_id) else ()):
            self._say(followed)

    def _who(self, followed: FollowedSpace, number: int) -> str | None:
        known = followed.sessions.get(number)
        return self._remote_speakers.person(followed.id, number) if known is None else known.person_id

    def _say(self, followed: FollowedSpace) -> None:
        """Publish who is heard. One of the nodes that carry the Space does so for all; the others publish nobody."""
        people = followed.talkers if self._neighbours.first(followed.id) else ()
        if people or followed.told:
            followed.told = people
            self._tell(v1.Speaking(at=self._clock(), space_id=followed.id, node_id=self._node_id, person_ids=people))
