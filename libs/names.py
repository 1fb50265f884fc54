"""What people are called now: a part of a read model that follows the people service.

Facts hold ids of people, never their names. Whoever answers or publishes asks here what those people are called today.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

import msgspec

from contracts import subjects
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from libs.bus import Bus, Received
from libs.readmodel import ReadModel
from libs.refusal import Refusal

TABLE: Final = (
    "CREATE TABLE people (id TEXT PRIMARY KEY, handle TEXT NOT NULL, name TEXT NOT NULL, picture TEXT) WITHOUT ROWID"
)
"""For the schema of the read model."""
FILTERS: Final = tuple(
    subjects.event("people", "*", event.name)
    for event in (people.Registered, people.ProfileChanged, people.Erased, people.Forgotten)
)
"""For its filters, where it does not read all events of people."""
_FIND: Final = "SELECT id, handle, name, picture FROM people WHERE id = ?"
NOBODY: Final = "Deleted account"
"""What somebody is called of whom nothing is known any more."""
_KEPT: Final = 65_536
"""People whose names are kept in memory."""
_SETTLED_WITHIN: Final = 10.0
_NEWS_WITHIN: Final = 1.0


class Named(msgspec.Struct, frozen=True, eq=False):
    """A person as they are called now: another object after each change, so that caches need not compare names."""

    id: str
    handle: str
    name: str
    picture: str | None = None
    """Address of their picture."""

    @property
    def gone(self) -> bool:
        """Whether nothing is known of them any more."""
        return not self.handle

    def instead_of(self, person: PersonRef) -> PersonRef:
        """The same on the wire in place of what somebody was called; that one where nothing changed."""
        same = (self.handle, self.name, self.picture) == (person.handle, person.name, person.picture)
        return person if same else self.ref

    @property
    def ref(self) -> PersonRef:
        """The same on the wire."""
        return PersonRef(id=self.id, handle=self.handle, name=self.name, picture=self.picture)


def _picture_in(event: people.Registered | people.ProfileChanged) -> str | None:
    return event.picture if isinstance(event, people.ProfileChanged) else None


def erased_by(event: people.Erased | people.Forgotten) -> str | None:
    """The person who was erased; None where it was something else."""
    if isinstance(event, people.Erased):
        return event.person_id
    match event.whole:
        case ("person", person_id):
            return person_id
        case _:
            return None


Who = Callable[[str], Named]
"""Tells what the person of an id is called. Raises Refusal unavailable while that is not known yet."""


class Names:
    """The names in a read model: `TABLE` is in its schema, and its `apply` calls this one's. Where the model overwrites
    what is deleted, nothing in its files tells what somebody was called who was forgotten."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model
        self._unwiped = False
        """Somebody was forgotten whose name is in the file's log still."""
        model.on_applied.append(lambda _: self._wipe())
        self._known: dict[str, Named | None] = {}
        """None: they are in no event so far."""
        self._sought: set[str] = set()
        """Of whom somebody asked who are not known, and may never be."""
        self._asked = asyncio.Event()

    def apply(self, event: Event) -> None:
        """Take in an event of people, inside the model's transaction."""
        match event:
            case people.Registered() | people.ProfileChanged() if event.display_name:
                row = event.person_id, event.handle, event.display_name, _picture_in(event)
                self._model.db.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?)", row)
                self._known.pop(event.person_id, None)
            case people.Registered(person_id=person_id) | people.ProfileChanged(person_id=person_id):
                self._forget(person_id)  # told again after they were forgotten
            case people.Erased() | people.Forgotten() if (erased := erased_by(event)) is not None:
                self._forget(erased)
            case _:
                pass

    def hear(self, event: Event) -> None:
        """Know at once what the model takes in a moment later."""
        match event:
            case people.Registered() | people.ProfileChanged() if event.display_name:
                known = Named(event.person_id, event.handle, event.display_name, _picture_in(event))
                self._keep(event.person_id, known)
            case people.Registered(person_id=person_id) | people.ProfileChanged(person_id=person_id):
                self._keep(person_id, Named(person_id, "", NOBODY))
            case people.Erased() | people.Forgotten() if (erased := erased_by(event)) is not None:
                self._keep(erased, Named(erased, "", NOBODY))
            case _:
                pass

    def _forget(self, person_id: str) -> None:
        # Their id stays, so that nobody has to ask the people service who that was.
        self._model.db.execute("INSERT OR REPLACE INTO people VALUES (?, '', ?, NULL)", (person_id, NOBODY))
        self._keep(person_id, Named(person_id, "", NOBODY))
        self._unwiped = self._model.overwrites

    def _wipe(self) -> None:
        if self._unwiped:
            self._model.wipe()
            self._unwiped = False

    def find(self, person_id: str) -> Named | None:
        """What somebody is called; None while that is not known. Whoever is gone for good has a name too."""
        try:
            return self._known[person_id]
        except KeyError:
            row = self._model.db.execute(_FIND, (person_id,)).fetchone()
            return self._keep(person_id, None if row is None else Named(*row))

    def __call__(self, person_id: str) -> Named:
        """The same. Raises Refusal unavailable while that is not known, and has it found out."""
        known = self._known.get(person_id)
        if known is None and (known := self.find(person_id)) is None:
            self._sought.add(person_id)
            self._asked.set()
            raise Refusal("unavailable", "Names of people here are not known yet; try again in a moment.", retry=True)
        return known

    async def run(self, bus: Bus) -> None:
        """Find out who those are that nobody has told of, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            sought = frozenset(self._sought)
            with contextlib.suppress(TimeoutError):  # whoever asks again has it tried again
                await self.settle(bus, sought)
            self._sought -= sought

    async def settle(self, bus: Bus, person_ids: Collection[str]) -> None:
        """Wait until it is known what all of them are called. Of whom the people service itself has told nothing, once
        everything that it has stored was heard, nobody ever will. Raises TimeoutError."""
        model = self._model

        def unknown() -> list[str]:
            return [person_id for person_id in person_ids if self.find(person_id) is None]

        if model.lack() is None and not unknown():
            return
        try:
            async with asyncio.timeout(_SETTLED_WITHIN):
                await model.until(lambda: model.lack() is None)
                if await model.until(lambda: not unknown(), _NEWS_WITHIN):
                    return
                await model.hear_all_of(bus, "people")
        except TimeoutError:
            raise TimeoutError(model.lack() or "waiting for people to tell what somebody is called") from None
        for person_id in unknown():
            self._keep(person_id, Named(person_id, "", NOBODY))

    def _keep(self, person_id: str, known: Named | None) -> Named | None:
        if len(self._known) >= _KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[person_id] = known
        return known


class PeopleNames(ReadModel):
    """A read model of names and nothing else."""

    overwrites = True
    schema = TABLE
    filters = FILTERS

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.names = Names(self)

    def apply(self, received: Received) -> None:
        self.names.apply(received.event)


@contextlib.contextmanager
def names_in(path: Path) -> Iterator[Who]:
    """The names in the file of a read model, of which a service may be the owner; whoever is not in it is nobody."""
    with contextlib.ExitStack() as stack:
        db: sqlite3.Connection | None = None
        if path.exists():
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            db = stack.enter_context(contextlib.closing(connection))

        def who(person_id: str) -> Named:
            row = None
            if db is not None:
                row = db.execute(_FIND, (person_id,)).fetchone()
            return Named(person_id, "", NOBODY) if row is None else Named(*row)

        yield who


__all__ = ["FILTERS", "NOBODY", "TABLE", "Named", "Names", "PeopleNames", "Who", "names_in"]
