"""A database file in which a disk, or somebody, has written something else."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

PAGE = 4096


def damage(path: Path, *, first: int = 2) -> None:
    """Spoil every page from number `first` on; with 1 the file is no database any more. Nobody may have it open."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    kept = (first - 1) * PAGE
    path.write_bytes(content[:kept] + b"\xa5" * (len(content) - kept))
