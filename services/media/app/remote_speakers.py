"""People who speak at another node: whether they are heard here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from contracts.room import v1 as room
from contracts.room.follow import member
from services.media.adapters.edge import Edge
from services.media.adapters.neighbours import Neighbours, SpeakerPackets
from services.media.app.session import number_of

_RECENT: Final = 0.5
"""For this many seconds after a packet, its connection is the one that is heard of its person."""
_FORGET: Final = 30.0
_MOST: Final = 64
"""The most connections at other nodes that are remembered of one Space."""


@dataclass(slots=True, eq=False)
class _RemoteSpeaker:
    number: int
    session_id: str
    person_id: str
    at: float
    heard: bool = False
    """Whether it may hold a slot here."""


class RemoteSpeakers:
    """Lets each person be heard once.

    Somebody who moves from one node to another speaks at both for a moment. They are heard from this node if they speak
    here, otherwise from their newest connection.
    """

    def __init__(self, edge: Edge, neighbours: Neighbours) -> None:
        self._edge = edge
        self._neighbours = neighbours
        self._speakers: dict[str, dict[int, _RemoteSpeaker]] = {}
        self._here: dict[str, dict[str, float]] = {}
        """Space -> person -> when they last spoke here."""

    def opened(self, space_id: str) -> None:
        """A connection of the Space was opened here."""
        self._neighbours.carry(space_id)
        self.share(space_id)

    def share(self, space_id: str) -> None:
        """Have packets of speakers here relayed while another node carries the Space, or recording mixes it."""
        self._edge.set_shared(number_of(space_id), self._neighbours.wanted(space_id))

    def left(self, space_id: str) -> None:
        """The Space's last connection here was closed."""
        self._neighbours.drop(space_id)
        self._speakers.pop(space_id, None)
        self._here.pop(space_id, None)

    def relay(self, spoken: SpeakerPackets) -> None:
        """Send packets of a speaker here to the other nodes."""
        self._here.setdefault(spoken.space_id, {})[spoken.person_id] = asyncio.get_running_loop().time()
        self._neighbours.put(spoken)

    def silent_here(self, space_id: str, person_id: str | None) -> None:
        """Somebody's connection here was closed; if they speak at another node, they are heard from there at once."""
        if person_id is not None:
            self._here.get(space_id, {}).pop(person_id, None)

    def person(self, space_id: str, number: int) -> str | None:
        """Who speaks at another node under this number."""
        speaker = self._speakers.get(space_id, {}).get(number)
        return None if speaker is None else speaker.person_id

    def received(self, space: room.Space, spoken: SpeakerPackets) -> None:
        """Let packets from another node be heard here, where their speaker may speak and is not heard otherwise."""
        now = asyncio.get_running_loop().time()
        place = member(space, spoken.person_id)
        if space.state is not room.State.LIVE or place is None or place.muted:
            return
        speakers = self._speakers.setdefault(space.id, {})
        number = number_of(spoken.session_id)
        speaker = speakers.get(number)
        if speaker is None:
            for old in [old for old in speakers.values() if now - old.at > _FORGET]:
                del speakers[old.number]
            if len(speakers) >= _MOST:
                return
            speaker = speakers[number] = _RemoteSpeaker(number, spoken.session_id, spoken.person_id, now)
        speaker.at = now
        others = [other for other in speakers.values() if other.person_id == spoken.person_id and other is not speaker]
        if now - self._here.get(space.id, {}).get(spoken.person_id, float("-inf")) < _RECENT or any(
            other.session_id > spoken.session_id and now - other.at < _RECENT for other in others
        ):
            self._hush(space.id, speaker)
            return
        for other in others:
            self._hush(space.id, other)
        speaker.heard = True
        for packet in spoken.packets:
            self._edge.inject(packet, space=number_of(space.id), source=number, owner=number_of(spoken.person_id))

    def enforce(self, space: room.Space) -> None:
        """Silence those who may no longer speak."""
        for speaker in self._speakers.get(space.id, {}).values():
            place = member(space, speaker.person_id)
            if space.state is not room.State.LIVE or place is None or place.muted:
                self._hush(space.id, speaker)

    def _hush(self, space_id: str, speaker: _RemoteSpeaker) -> None:
        if speaker.heard:
            speaker.heard = False
            self._edge.hush(number_of(space_id), source=speaker.number)
