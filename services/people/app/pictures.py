"""Pictures of people: sealed in the object store, and gone from there when there is another one or the person is
erased."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Final
from weakref import WeakValueDictionary

from contracts import object_names, pictures
from libs.aio import Rounds
from libs.bus import Unavailable
from libs.commands import Executor, of_kind
from libs.eventstore import Done, Order, Store
from libs.keyring import ErasureTarget, Words
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from services.people.app.forgetting import Forgetter
from services.people.app.people import People, PublicProfile
from services.people.app.people_sealer import PeopleSealer
from services.people.domain.entities import Entity
from services.people.domain.person import Person
from services.people.projection.pictures import PicturesKept

_log = logging.getLogger(__name__)
_LOOK: Final = 5.0
"""Seconds after which it looks who was erased since."""
_PAUSE: Final = 1.0
_TOGETHER: Final = 100


class Pictures:
    """Everybody's pictures.

    A picture is stored before the fact that says so. What is stored besides the picture that somebody has is removed,
    its key first. Before one is stored it is noted that there may be another one, so no crash leaves one.
    """

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        people: People,
        kept: PicturesKept,
        objects: StoredObjects,
        sealer: PeopleSealer,
        forgetter: Forgetter,
    ) -> None:
        self._store = store
        self._executor = executor
        self._people = people
        self._kept = kept
        self._objects = objects
        self._sealer = sealer
        self._forgetter = forgetter
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By person: what is being stored is no older picture."""
        self._rounds = Rounds(
            self._look,
            log=_log,
            later="older pictures are removed later",
            away=(Refusal, Unavailable, ObjectStoreError),
            pause=_PAUSE,
        )

    async def change(
        self, order: Order, person_id: str, picture_id: str, sizes: Mapping[int, bytes], source: str | None = None
    ) -> Done[PublicProfile]:
        """Have another picture; `source`, where their issuer says that it is. Refuses: person_unknown, suspended,
        changed_too_often, invalid, unavailable."""
        if sorted(sizes) != sorted(pictures.SIDES):
            raise Refusal("invalid", f"A picture comes in these sizes: {', '.join(map(str, pictures.SIDES))}.")
        async with self._turn(person_id):
            await self._kept.catch_up(self._store)
            if self._kept.of(person_id) == picture_id:
                # Sent again: what is stored stays as it is, whatever came this time.
                return await self._people.change_picture(order, person_id, picture_id, source)
            await self._people.may_change(person_id, order)
            seal = object_names.of_picture(person_id, picture_id)
            self._kept.owe(person_id)
            try:
                for side, data in sizes.items():
                    sealed = self._sealer.seal_object(seal.subjects[0], seal.unit, data)
                    name = object_names.picture(person_id, picture_id, side)
                    await self._objects.put(name, sealed, object_names.SEALED_TYPE)
            except ObjectStoreError as error:
                self._rounds.wake()  # one size may be stored
                _log.error("a picture cannot be stored", extra={"why": str(error)})
                detail = "Pictures cannot be stored for a moment; try again."
                raise Refusal("unavailable", detail, retry=True) from error
            try:
                return await self._people.change_picture(order, person_id, picture_id, source)
            finally:
                # The one before; or this one, where it was refused or there is another since it was sent first.
                with contextlib.suppress(Refusal, Unavailable, ObjectStoreError):
                    await self._settle(person_id)
                self._rounds.wake()

    async def remove(self, order: Order, person_id: str) -> Done[PublicProfile]:
        """Have none any more. Refuses: person_unknown, suspended, changed_too_often."""
        done = await self._people.change_picture(order, person_id, "")
        self._rounds.wake()
        return done

    async def take_away(self, order: Order, person_id: str, explanation: Words) -> int:
        """Remove somebody's picture, as operators do; the version of the person. Refuses: person_unknown."""
        decide = of_kind(Person, lambda person: person.take_picture_away(explanation, now=order.at))
        done = await self._executor.execute(order, person_id, decide)
        self._rounds.wake()
        return done.version

    def _turn(self, person_id: str) -> asyncio.Lock:
        return self._turns.setdefault(person_id, asyncio.Lock())

    async def run(self) -> None:
        """Remove older pictures, for ever."""
        await self._rounds.run()

    async def _look(self) -> float:
        await self._kept.catch_up(self._store)
        while owed := self._kept.owed(_TOGETHER):
            for person_id in owed:
                async with self._turn(person_id):
                    await self._settle(person_id)
        return _LOOK

    async def _settle(self, person_id: str) -> None:
        await self._kept.catch_up(self._store)
        picture = self._kept.of(person_id)
        stored = await self._objects.names(object_names.pictures(person_id))
        old = {name: id for name in stored if (id := object_names.picture_of(name)) is not None and id != picture}
        if old:
            what = object_names.of_picture(person_id, picture)
            units = [object_names.of_picture(person_id, id).unit for id in sorted(set(old.values()))]
            await self._forgetter.destroy([ErasureTarget(what.subjects[0], unit) for unit in units])
        await self._objects.remove(list(old))
        self._kept.settle(person_id, picture)
