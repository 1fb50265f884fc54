"""What people are called now, put in place of what they were called when something was kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from contracts.envelope import PersonRef
from services.discovery.projection import headlines


def rename(db: sqlite3.Connection, person: PersonRef, official: Collection[str]) -> None:
    """Have the Spaces and the sentences of somebody found by what they are called now. `official` are the ids and
    handles of hosts that are."""
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
