"""Overwrites what NATS was deleting when it was killed, before it starts again."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from infra.eraser.notes import Notes
from infra.nats.overwriting import made_at, overwrite


def overwrite_noted(store: Path, notes: Notes) -> None:
    """Overwrite what is noted in the folder in which NATS keeps its streams, and remove the notes.

    A stream that was made anew since has other messages under the same numbers, which stay. Raises OSError.
    """
    for stream, those in groupby(notes.read(), key=lambda note: note.stream):
        from libs.bus.connection import epoch_of  # half a second, which the launcher does not wait for in vain

        made = made_at(store, stream)
        epoch = None if made is None else epoch_of(made)
        noted = list(those)
        ours = [note for note in noted if not note.epoch or epoch in (None, note.epoch)]
        done = overwrite(store, stream, [note.sequence for note in ours])
        for note in noted:
            if note not in ours or note.sequence in done:
                notes.remove(note)
