"""Files that only their owner may read: recordings, stores, keys and logs hold what people said and who they are."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o077
"""The umask of every process that writes data: folders get 0700, files 0600."""


def write_privately() -> None:
    """Let this process, and those it starts, make files and folders that nobody else can read."""
    os.umask(OWNER_ONLY)


def close_to_others(folder: Path) -> int:
    """Take from everybody but the owner what an earlier version let them read; how many entries were changed.

    Symbolic links are not followed. Entries of other owners and those that go meanwhile are left as they are.
    """
    changed = 0
    for path, folders, files in os.walk(folder):
        for entry in (path, *(os.path.join(path, name) for name in (*folders, *files))):
            try:
                mode = os.lstat(entry).st_mode
                if mode & OWNER_ONLY and not os.path.islink(entry):
                    os.chmod(entry, mode & 0o7700)
                    changed += 1
            except (FileNotFoundError, PermissionError):
                continue
    return changed


def keep_closed(folder: Path) -> int:
    """Close a folder to others, with everything in it, where it is open to them; how many entries were changed.

    Quick where it is closed: nobody else gets to what is in it.
    """
    try:
        is_open = folder.stat().st_mode & OWNER_ONLY
    except FileNotFoundError:
        return 0
    return close_to_others(folder) if is_open else 0


def load_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a secret file; where there is none, `make()` is written with mode 0600.

    Several processes may call this at once: all get the same bytes, and nobody ever sees half a file. Raises OSError.
    """
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # with mode 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # unlike rename, fails where somebody else was first
        sync(path.parent)  # what is sealed under a key must not outlive the key's file
    finally:
        draft.unlink(missing_ok=True)
    return path.read_bytes()


def sync(path: Path) -> None:
    """Wait until the disk has what the kernel has: the bytes of a file, or the names in a folder. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
