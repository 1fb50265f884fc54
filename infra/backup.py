"""Copies of a system's data, its keys and its ledger, three folders of which each is of little use alone.

Data without keys is unreadable where it is sealed; keys without the newest ledger are refused. So nobody who was erased
comes back from a copy of an earlier day.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.eraser.notes import FOLDER as NOTES

DATA: Final = "data"
KEYS: Final = "keys"
LEDGER: Final = "ledger"
LEDGER_FILE: Final = "erasures.db"
_LEFT_OUT: Final = frozenset({"run", "logs", "nats", NOTES, KEYS, LEDGER})
"""Streams are filled again from the stores, and notes are of streams; the others are of no use elsewhere, or have a
folder of their own."""
_SQLITE: Final = b"SQLite format 3\x00"
_BESIDE: Final = ("-wal", "-shm", "-journal")


class BackupError(Exception):
    """It was not done; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Book:
    """What a ledger says of itself."""

    path: Path
    id: str
    entries: int
    newest: str
    """When the last thing was destroyed; empty where nothing was."""


def back_up(var: Path, to: Path) -> Book | None:
    """Copy everything in `var` into new folders in `to`, while the system runs or not; the ledger that was copied.

    Data is copied first, so that its keys are in the copy, and the ledger last, so that it has whatever the keys have
    taken in.
    Raises BackupError, OSError.
    """
    if not (var / "stores").is_dir():
        raise BackupError(f"there is no data in {var}")
    if to.exists() and any(to.iterdir()):
        raise BackupError(f"{to} is not empty: name a new folder")
    for part in sorted(var.iterdir()):
        if part.name not in _LEFT_OUT:
            _copy(part, to / DATA / part.name)
    _copy(var / KEYS, to / KEYS)
    _copy(var / LEDGER, to / LEDGER)
    return read_book(to / LEDGER / LEDGER_FILE)


def restore(var: Path, backup: Path, ledger: Path | None) -> Book:
    """Put a backup into `var`, with the newest ledger among `ledger` and the one that is there.

    The ledger of the backup itself is as old as the backup, so it counts only where it is named. `var` may have no data
    and no keys yet. Raises BackupError, OSError.
    """
    for name in (DATA, KEYS):
        if not (backup / name).is_dir():
            raise BackupError(f"{backup} has no folder {name}: this is no whole backup")
    for name in ("stores", "nats", KEYS):
        if _has_files(var / name):
            raise BackupError(f"there is something in {var / name} already: move it away first")
    book = _newest(var / LEDGER / LEDGER_FILE, ledger)
    known = _ledger_of(backup / KEYS / "keyring.db")
    if known is not None:
        id, applied = known
        if book.id != id or book.entries < applied:
            raise BackupError(
                f"the ledger {book.path} is older than these keys, or another system's: name the newest one"
            )
    _copy(backup / KEYS, var / KEYS)
    for part in sorted((backup / DATA).iterdir()):
        _copy(part, var / part.name)
    if book.path != var / LEDGER / LEDGER_FILE:
        _copy(book.path, var / LEDGER / LEDGER_FILE)
    return book


def read_book(path: Path) -> Book | None:
    """What a ledger says; None where there is none. Raises BackupError for a file that is none."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            ((id,),) = db.execute("SELECT id FROM ledger").fetchall()
            ((entries, newest),) = db.execute("SELECT coalesce(max(number), 0), coalesce(max(at), '') FROM entries")
    except (sqlite3.Error, ValueError) as error:
        raise BackupError(f"{path} is no ledger: {error}") from error
    return Book(path, id, entries, newest)


def _newest(there: Path, named: Path | None) -> Book:
    if named is not None and named.is_dir():
        named = named / LEDGER_FILE
    books = [book for path in (there, named) if path is not None and (book := read_book(path)) is not None]
    if named is not None and not named.exists():
        raise BackupError(f"there is no ledger at {named}")
    if not books:
        raise BackupError(
            "the newest ledger of what was destroyed is missing: name it by --ledger, or people who were erased since "
            "this backup would come back"
        )
    if len({book.id for book in books}) > 1:
        raise BackupError(f"{books[0].path} and {books[1].path} are ledgers of two systems")
    return max(books, key=lambda book: book.entries)


def _ledger_of(keys: Path) -> tuple[str, int] | None:
    """The ledger that a store of keys belongs to, and how far it has taken it in."""
    if not keys.exists():
        return None
    with closing(sqlite3.connect(f"{keys.absolute().as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT ledger, applied FROM kept").fetchall()
    return (rows[0][0], rows[0][1]) if rows else None


# ---- copying ----------------------------------------------------------------------------------------


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def _copy(source: Path, target: Path) -> None:
    """Copy a file, or all of a folder; a database is copied as it is at one moment. What goes meanwhile is left out."""
    if source.is_file():
        _copy_file(source, target)
        return
    for path in _files(source):
        if any(path.name.endswith(suffix) and _is_database(path.with_name(path.name.removesuffix(suffix)))
               for suffix in _BESIDE):  # fmt: skip
            continue
        try:
            _copy_file(path, target / path.relative_to(source))
        except FileNotFoundError:
            continue


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    if not _is_database(source):
        with os.fdopen(descriptor, "wb") as out, source.open("rb") as file:
            shutil.copyfileobj(file, out)
            out.flush()
            os.fsync(out.fileno())
        return
    os.close(descriptor)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as file,
        closing(sqlite3.connect(target)) as copy,
    ):
        file.backup(copy)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False
