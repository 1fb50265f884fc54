"""Pictures of people, as this gateway serves them."""

from __future__ import annotations

from libs.names import PeopleNames
from libs.refusal import Refusal
from services.gateway.adapters.replay_store import ReplayStore

_TOLD_WITHIN = 2.0
"""Seconds to wait for the news of a picture that was changed just now."""


class Faces:
    """Who has which picture, and the pictures."""

    def __init__(self, names: PeopleNames, objects: ReplayStore) -> None:
        self._names = names
        self._objects = objects

    def of(self, person_id: str) -> str | None:
        """The address of the picture that somebody has now."""
        known = self._names.names.find(person_id)
        return None if known is None else known.picture

    async def until(self, person_id: str, address: str | None) -> None:
        """Wait until it is known here that they have this one, or none; not for long."""
        await self._names.until(lambda: self.of(person_id) == address, _TOLD_WITHIN)

    async def read(self, name: str) -> bytes:
        """A picture by the name of its object. Refuses: picture_unknown. Raises Unavailable."""
        try:
            stored = await self._objects.look(name)
            return b"".join([piece async for piece in await self._objects.read(stored, 0, stored.size)])
        except Refusal as no:
            if no.reason != "replay_unknown":
                raise
            raise Refusal("picture_unknown", "There is no picture of this person.") from no
