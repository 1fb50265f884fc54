"""The owner of all keys: makes them when they are first asked for, and destroys them.

A subject's secret is wrapped under the master key, a lock's nodes under the secrets of its subjects. So destroying a
subject's secret makes every lock of that subject unreadable, whatever copies there are of its nodes.

To destroy is to write in the ledger first and to overwrite keys afterwards. Whatever the ledger has and the keys have
not taken in is taken in at the next opening, or before the next key is given out: after a crash between the two, and
where somebody put back keys of an earlier day.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.database import Place
from libs.keyring.errors import CannotOpen, Tampered
from libs.keyring.names import lock_name, segments_of, subjects_of
from libs.keyring.rows import Entry, ErasureTarget, KeyRows, Ledger, StoreError
from libs.keyring.sealing import open_box, seal
from libs.keyring.tree import NODE, Tree

_PAGE: Final = 500
_CHECK: Final = b"rostrum master key"


class Given(NamedTuple):
    """Locks as they are when the ledger is applied up to `number`; None where a subject of one was destroyed."""

    number: int
    trees: dict[str, Tree | None]


class Keys:
    """The keys of an installation. Its methods block, and may be called by any thread; they raise StoreError."""

    def __init__(self, rows: KeyRows, ledger: Ledger, master: bytes) -> None:
        self._rows = rows
        self._ledger = ledger
        self._master = AESGCM(master)
        self._guard = threading.Lock()
        self._written = self._applied = 0
        self.begun = False
        """Whether there were none before `open`, so that nobody can have any."""

    def give(self, names: Sequence[str]) -> Given:
        """These locks, made where they are asked for the first time. Raises ValueError for a name that is none."""
        wanted = {name: subjects_of(name) for name in names}
        subjects = sorted({subject for both in wanted.values() for subject in both})
        with self._guard:
            self._take_in()
            found = self._rows.find(subjects, names)
            new = {
                subject: self._wrap(self._master, f"subject {subject}", os.urandom(NODE))
                for subject in subjects
                if subject not in found.subjects
            }
            if new:
                # Two may make the same one: whose was kept is read again.
                self._rows.add(new, {})
                found = self._rows.find(subjects, names)
            grown = {
                name: self._wrap(self._over(found.subjects, both), f"lock {name}", Tree.grown().encode())
                for name, both in wanted.items()
                if name not in found.locks and self._lives(found.subjects, both)
            }
            if grown:
                self._rows.add({}, grown)
                found = self._rows.find(subjects, names)
            return Given(
                found.applied,
                {
                    name: self._tree(found.subjects, name, found.locks[name])
                    if self._lives(found.subjects, both) and name in found.locks
                    else None
                    for name, both in wanted.items()
                },
            )

    def destroy(self, erased: Sequence[ErasureTarget], at: datetime) -> int:
        """Destroy subjects and units for ever; the number up to which the ledger has all of it.

        What was destroyed before stays so. Raises ValueError for a name that is none; then nothing is destroyed.
        """
        for what, unit in erased:
            if unit is None:
                lock_name(what)
            else:
                subjects_of(what)
                if unit:
                    segments_of(unit)
        with self._guard:
            number = self._ledger.append(erased, at)
            self._written = max(self._written, number)
            self._take_in()
            return number

    def erased(self, after: int, limit: int = _PAGE) -> list[Entry]:
        """What the ledger has above a number, in order."""
        with self._guard:
            return self._ledger.after(after, limit)

    def last(self) -> int:
        """The number of the ledger's newest entry."""
        with self._guard:
            return self._ledger.last()

    def open(self) -> None:
        """Check that keys, ledger and master key belong together, and destroy what the ledger says is destroyed.

        Raises CannotOpen.
        """
        with self._guard:
            kept = self._rows.kept()
            self._written = self._ledger.last()
            if kept is None:
                if self._written:
                    raise CannotOpen(
                        f"the ledger of what was destroyed has {self._written} entries, but there are no keys: "
                        "restore the keys from a backup"
                    )
                self._rows.begin(self._ledger.id, self._wrap(self._master, "check", _CHECK))
                self.begun = True
                kept = self._rows.kept()
                assert kept is not None
            try:
                self._unwrap(self._master, "check", kept.check)
            except Tampered:
                raise CannotOpen("the master key is not the one of these keys: restore the right one") from None
            if kept.ledger != self._ledger.id or self._written < kept.applied:
                raise CannotOpen(
                    "the ledger of what was destroyed is missing or older than the keys: restore the newest one, "
                    "or people who were erased would come back"
                )
            self._applied = kept.applied
            self._take_in()

    def close(self) -> None:
        """Let go of both places."""
        with self._guard:
            self._rows.close()
            self._ledger.close()

    # -- the ledger --------------------------------------------------------------------------------------------

    def _take_in(self) -> None:
        while self._applied < self._written:
            entries = self._ledger.after(self._applied, _PAGE)
            subjects = [entry.erased.what for entry in entries if entry.erased.unit is None]
            units: dict[str, list[str]] = {}
            for entry in entries:
                if entry.erased.unit is not None:
                    units.setdefault(entry.erased.what, []).append(entry.erased.unit)
            number = entries[-1].number
            if not self._rows.apply(self._applied, number, subjects, self._punctured(units, subjects)):
                kept = self._rows.kept()
                assert kept is not None
                number = kept.applied
            self._applied = number

    def _punctured(self, units: dict[str, list[str]], gone: Sequence[str]) -> dict[str, bytes]:
        """The nodes that are left of locks, wrapped; new ones for a lock that keys of an earlier day do not have."""
        wanted = {name: subjects_of(name) for name in units}
        subjects = sorted({subject for both in wanted.values() for subject in both})
        found = self._rows.find(subjects, list(units))
        new = {
            subject: self._wrap(self._master, f"subject {subject}", os.urandom(NODE))
            for subject in subjects
            if subject not in found.subjects and subject not in gone
        }
        if new:
            self._rows.add(new, {})
            found = self._rows.find(subjects, list(units))
        result: dict[str, bytes] = {}
        for name, both in wanted.items():
            if not self._lives(found.subjects, both) or set(both) & set(gone):
                continue
            tree = self._tree(found.subjects, name, found.locks[name]) if name in found.locks else Tree.grown()
            left = tree.without(units[name]).encode()
            result[name] = self._wrap(self._over(found.subjects, both), f"lock {name}", left)
        return result

    # -- wrapping ----------------------------------------------------------------------------------------------

    @staticmethod
    def _lives(secrets: dict[str, bytes | None], subjects: Sequence[str]) -> bool:
        return all(secrets.get(subject) is not None for subject in subjects)

    def _over(self, secrets: dict[str, bytes | None], subjects: Sequence[str]) -> AESGCM:
        """The cipher of the lock of these subjects, in their order."""
        material = b"".join(
            self._unwrap(self._master, f"subject {subject}", secrets[subject] or b"") for subject in subjects
        )
        # HKDF (RFC 5869) without a salt, one block.
        extracted = hmac.digest(b"\0" * 32, material, "sha256")
        return AESGCM(hmac.digest(extracted, b"rostrum lock " + "|".join(subjects).encode() + b"\x01", "sha256"))

    def _tree(self, secrets: dict[str, bytes | None], name: str, wrapped: bytes) -> Tree:
        return Tree.decode(self._unwrap(self._over(secrets, subjects_of(name)), f"lock {name}", wrapped))

    @staticmethod
    def _wrap(cipher: AESGCM, name: str, plain: bytes) -> bytes:
        return seal(cipher, f"rostrum key\0{name}".encode(), plain)

    @staticmethod
    def _unwrap(cipher: AESGCM, name: str, box: bytes) -> bytes:
        return open_box(cipher, f"rostrum key\0{name}".encode(), box)


def open_keys(keys: Place, ledger: Place, master: Callable[[bool], bytes]) -> Keys:
    """Open the keys at two places, or begin them. `master` gives the master key; it is told whether keys are begun.

    Raises CannotOpen.
    """
    begun: list[KeyRows | Ledger] = []
    try:
        rows = _open_rows(keys)
        begun.append(rows)
        book = _open_ledger(ledger)
        begun.append(book)
        opened = Keys(rows, book, master(rows.kept() is None and book.last() == 0))
        opened.open()
    except (StoreError, OSError) as error:
        _close(begun)
        raise CannotOpen(f"the keys cannot be opened: {error}") from error
    except BaseException:
        _close(begun)
        raise
    return opened


def _close(begun: Sequence[KeyRows | Ledger]) -> None:
    for each in begun:
        each.close()


def _open_rows(place: Place) -> KeyRows:
    if isinstance(place, Path):
        from libs.keyring.sqlite import SqliteKeyRows

        return SqliteKeyRows(place)
    # Only who keeps keys there loads its driver.
    from libs.keyring.postgres import PostgresKeyRows

    return PostgresKeyRows(place)


def _open_ledger(place: Place) -> Ledger:
    if isinstance(place, Path):
        from libs.keyring.sqlite import SqliteLedger

        return SqliteLedger(place)
    from libs.keyring.postgres import PostgresLedger

    return PostgresLedger(place)
