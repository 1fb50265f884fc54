"""Words that were erased, taken out of what is kept: titles, pins and sentences, and the words in them that nobody else
used. The file overwrites what is deleted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from contracts.envelope import PersonRef
from contracts.growing import read
from contracts.named import with_names
from contracts.people.v1 import Forgotten
from contracts.room import v1 as room
from contracts.sealed import Box
from libs.keyring import ErasureTarget, subjects_of
from libs.keyring.opening import is_touched
from services.discovery.projection import headlines, spoken

_TITLE: Final = "settings.title"


def note(db: sqlite3.Connection, event: room.SpaceEvent, boxes: Mapping[str, Box]) -> None:
    """Remember whose words an event brought, so that they are found once they are erased."""
    match event:
        case room.Created(host=host) | room.Started(host=host):
            _note_title(db, event.space_id, host.id, boxes.get(_TITLE))
        case room.SettingsChanged():
            _note_title(db, event.space_id, event.actor or "", boxes.get(_TITLE))
        case room.Pinned(pin=pin):
            db.execute("INSERT OR IGNORE INTO pinned VALUES (?, ?)", (event.space_id, pin.person.id))
        case _:
            pass


def _note_title(db: sqlite3.Connection, space_id: str, by: str, box: Box | None) -> None:
    if box is not None:
        writers = (subject.removeprefix("person:") for subject in subjects_of(box.locks[0]))
        by = next((one for one in writers if not one.startswith("space:")), by)
    sealed = None if box is None else box.model_dump_json()
    db.execute("UPDATE spaces SET titled_by = ?, title_box = ? WHERE id = ?", (by, sealed, space_id))


def title_box(db: sqlite3.Connection, space_id: str) -> Box | None:
    """What a Space's title is sealed in; None where room told it plainly."""
    row = db.execute("SELECT title_box FROM spaces WHERE id = ?", (space_id,)).fetchone()
    return None if row is None or row[0] is None else Box.model_validate_json(row[0])


def forget(db: sqlite3.Connection, event: Forgotten) -> list[str]:
    """Keep no words that are erased; the Spaces that are another by that."""
    gone = ErasureTarget(event.what, event.unit)
    subjects = [subject.partition(":") for subject in subjects_of(event.what)]
    space_id = next((id for kind, _, id in subjects if kind == "space"), None)
    person_id = next((id for kind, _, id in subjects if kind == "person"), None)
    if space_id is None and person_id is not None:
        return _forget_person(db, person_id)
    if space_id is None:
        return []
    changed = []
    box = title_box(db, space_id)
    whole = event.unit is None and person_id is None
    if whole or (box is not None and is_touched(box, gone)):
        changed += _without_title(db, space_id)
    if whole:
        changed += _without_pins(db, space_id, None)
        spoken.forget(db, space_id)
    elif person_id is not None and event.unit is not None:
        first, _, rest = event.unit.partition("/")
        if first == "transcript" and "/" not in rest:  # below it are other words than those that are shown
            spoken.forget_said(db, space_id, person_id, rest or None)
    return changed


def _forget_person(db: sqlite3.Connection, person_id: str) -> list[str]:
    changed = []
    for (space_id,) in db.execute("SELECT id FROM spaces WHERE titled_by = ?", (person_id,)).fetchall():
        changed += _without_title(db, space_id)
    for (space_id,) in db.execute("SELECT space_id FROM pinned WHERE person_id = ?", (person_id,)).fetchall():
        changed += _without_pins(db, space_id, person_id)
    spoken.forget_speaker(db, person_id)
    return changed


def _without_title(db: sqlite3.Connection, space_id: str) -> list[str]:
    row = db.execute("SELECT n, space FROM spaces WHERE id = ?", (space_id,)).fetchone()
    if row is None:
        return []
    n, space = row[0], read(room.Space.model_validate_json, row[1])
    before = space.settings.title
    space = space.model_copy(
        update={"settings": space.settings.model_copy(update={"title": room.TITLE_REMOVED}), "words": ()}
    )
    _store(db, space)
    db.execute("UPDATE spaces SET title_box = NULL WHERE id = ?", (space_id,))
    headlines.retitle(db, n, before, room.TITLE_REMOVED)
    return [space_id]


def _without_pins(db: sqlite3.Connection, space_id: str, by: str | None) -> list[str]:
    row = db.execute("SELECT space FROM spaces WHERE id = ?", (space_id,)).fetchone()
    if row is None:
        return []
    space = read(room.Space.model_validate_json, row[0])
    pins = tuple(pin for pin in space.pins if by is not None and pin.person.id != by)
    db.execute("DELETE FROM pinned WHERE space_id = ? AND (?2 IS NULL OR person_id = ?2)", (space_id, by))
    if len(pins) == len(space.pins):
        return []
    _store(db, space.model_copy(update={"pins": pins}))
    return [space_id]


def _store(db: sqlite3.Connection, space: room.Space) -> None:
    db.execute("UPDATE spaces SET space = ? WHERE id = ?", (space.model_dump_json(), space.id))


def rename_everywhere(db: sqlite3.Connection, person: PersonRef) -> None:
    """Have the Spaces that keep somebody's name keep the one of today."""
    now = person.model_dump_json()
    db.execute("UPDATE spaces SET creator = ? WHERE creator_id = ?", (now, person.id))
    for table, column in (("stood", "spoke"), ("invited", "invited")):
        rows = db.execute(
            f"SELECT s.id, s.{column} FROM {table} t JOIN spaces s ON s.id = t.space_id WHERE t.person_id = ?",
            (person.id,),
        ).fetchall()
        db.executemany(
            f"UPDATE spaces SET {column} = ? WHERE id = ?",
            [(_renamed(people, person), space_id) for space_id, people in rows],
        )
    for (space_id,) in db.execute(_WITH, {"person": person.id}).fetchall():
        (text,) = db.execute("SELECT space FROM spaces WHERE id = ?", (space_id,)).fetchone()
        _store(db, _with_name(read(room.Space.model_validate_json, text), person))


_WITH: Final = """
    SELECT id FROM spaces WHERE host_id = :person UNION SELECT space_id FROM stage WHERE person_id = :person
    UNION SELECT space_id FROM pinned WHERE person_id = :person UNION SELECT id FROM spaces WHERE creator_id = :person
"""


def _renamed(people: str, person: PersonRef) -> str:
    every: Iterable[dict[str, str]] = json.loads(people)
    return json.dumps([person.model_dump() if one["id"] == person.id else one for one in every])


def _with_name(space: room.Space, person: PersonRef) -> room.Space:
    return with_names(space, lambda one: person if one.id == person.id else one)
