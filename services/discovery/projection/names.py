"""What people are called now, put in place of what they were called when something was kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection

from contracts.envelope import PersonRef
from contracts.people.v1 import ProfileChanged
from contracts.room import v1 as room
from contracts.transcription.v1 import Captioned
from services.discovery.projection import headlines

Called = Callable[[PersonRef], PersonRef]
"""Somebody as they are called now."""


def with_names(space: room.Space, called: Called) -> room.Space:
    """The Space with everybody's name of today; the same one where nobody has another name."""
    change: dict[str, object] = {}
    if (host := called(space.host)) is not space.host:
        change["host"] = host
    if any(called(member.person) is not member.person for member in space.stage):
        change["stage"] = tuple(one.model_copy(update={"person": called(one.person)}) for one in space.stage)
    if any(called(pin.person) is not pin.person for pin in space.pins):
        change["pins"] = tuple(one.model_copy(update={"person": called(one.person)}) for one in space.pins)
    return space.model_copy(update=change) if change else space


def caption_with_name(event: Captioned, called: Called) -> Captioned:
    """The caption with its speaker's name of today."""
    person = called(event.caption.person)
    return event.model_copy(update={"caption": event.caption.model_copy(update={"person": person})})


def named_in(space: room.Space) -> set[str]:
    """Ids of those whose names a kept Space has."""
    return {space.host.id, *(one.person.id for one in space.stage), *(pin.person.id for pin in space.pins)}


def rename(db: sqlite3.Connection, event: ProfileChanged, official: Collection[str]) -> None:
    """Have the Spaces and the sentences of somebody found by what they are called now. `official` are the ids and
    handles of hosts that are."""
    person = PersonRef(id=event.person_id, handle=event.handle, name=event.display_name)
    handle = person.handle.lower()
    db.execute("UPDATE spaces SET creator_handle = ? WHERE creator_id = ?", (handle, person.id))
    db.execute(
        "UPDATE spaces SET host_handle = ?, official = ? WHERE host_id = ?",
        (handle, person.id in official or handle in official, person.id),
    )
    headlines.rename(db, person)
    db.execute(
        "UPDATE speakers SET handle = ?, person = ? WHERE person_id = ?", (handle, person.model_dump_json(), person.id)
    )
