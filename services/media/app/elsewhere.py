"""People who speak at another node: whether they are heard here, by what room says and who speaks here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from contracts.room import v1 as room
from contracts.room.follow import member
from services.media.adapters.edge import Edge
from services.media.adapters.neighbours import Neighbours, Said
from services.media.app.session import number_of

_RECENT: Final = 0.5
"""Seconds after a packet in which its connection is the one that counts for its person."""
_FORGET: Final = 30.0
_MOST: Final = 64
"""Connections at other nodes that are known of one Space."""


@dataclass(slots=True, eq=False)
class _Speaker:
    number: int
    session_id: str
    person_id: str
    at: float
    heard: bool = False
    """Whether it may hold a slot here."""


class Elsewhere:
    """A person who moves from one node to another speaks at both for a moment, and is heard once: from here where they
    speak here, else from the newest connection."""

    def __init__(self, edge: Edge, neighbours: Neighbours) -> None:
        self._edge = edge
        self._neighbours = neighbours
        self._speakers: dict[str, dict[int, _Speaker]] = {}
        self._here: dict[str, dict[str, float]] = {}
        """Space -> person -> when they last spoke here."""

    def opened(self, space_id: str) -> None:
        """A connection of the Space was opened here."""
        self._neighbours.carry(space_id)
        self.share(space_id)

    def share(self, space_id: str) -> None:
        """Other nodes have come to carry the Space, or have ceased to."""
        self._edge.set_shared(number_of(space_id), self._neighbours.shared(space_id))

    def left(self, space_id: str) -> None:
        """The Space's last connection here was closed."""
        self._neighbours.drop(space_id)
        self._speakers.pop(space_id, None)
        self._here.pop(space_id, None)

    def shared(self, space_id: str) -> bool:
        """Whether another node carries the Space too."""
        return self._neighbours.shared(space_id)

    def first(self, space_id: str) -> bool:
        """Whether this node says for all of them who is speaking."""
        return self._neighbours.first(space_id)

    def said_here(self, said: Said) -> None:
        """Somebody speaks here: the others get it."""
        self._here.setdefault(said.space_id, {})[said.person_id] = asyncio.get_running_loop().time()
        self._neighbours.put(said)

    def silent_here(self, space_id: str, person_id: str | None) -> None:
        """Somebody's connection here was closed; whether they go on elsewhere is seen at once."""
        if person_id is not None:
            self._here.get(space_id, {}).pop(person_id, None)

    def person(self, space_id: str, number: int) -> str | None:
        """Who speaks at another node under this number."""
        speaker = self._speakers.get(space_id, {}).get(number)
        return None if speaker is None else speaker.person_id

    def said(self, space: room.Space, said: Said) -> None:
        """Packets from another node."""
        now = asyncio.get_running_loop().time()
        place = member(space, said.person_id)
        if space.state is not room.State.LIVE or place is None or place.muted:
            return
        speakers = self._speakers.setdefault(space.id, {})
        number = number_of(said.session_id)
        speaker = speakers.get(number)
        if speaker is None:
            for old in [old for old in speakers.values() if now - old.at > _FORGET]:
                del speakers[old.number]
            if len(speakers) >= _MOST:
                return
            speaker = speakers[number] = _Speaker(number, said.session_id, said.person_id, now)
        speaker.at = now
        others = [other for other in speakers.values() if other.person_id == said.person_id and other is not speaker]
        if now - self._here.get(space.id, {}).get(said.person_id, float("-inf")) < _RECENT or any(
            other.session_id > said.session_id and now - other.at < _RECENT for other in others
        ):
            self._hush(space.id, speaker)
            return
        for other in others:
            self._hush(space.id, other)
        speaker.heard = True
        for packet in said.packets:
            self._edge.inject(number_of(space.id), number, number_of(said.person_id), packet)

    def enforce(self, space: room.Space) -> None:
        """Silence whoever may not speak now."""
        for speaker in self._speakers.get(space.id, {}).values():
            place = member(space, speaker.person_id)
            if space.state is not room.State.LIVE or place is None or place.muted:
                self._hush(space.id, speaker)

    def _hush(self, space_id: str, speaker: _Speaker) -> None:
        if speaker.heard:
            speaker.heard = False
            self._edge.hush(number_of(space_id), speaker.number)
