"""What a running system leaves on the disk: who may read it, and what its logs tell."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
"""A JSON Web Token (RFC 7519): what people and signed links are known by."""


def entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """A folder and everything in it, without following links.

    A running system removes files and folders meanwhile: `Path.rglob` raises then, and these are left out.
    """
    for root, folders, files in os.walk(folder):
        for entry in (root, *(os.path.join(root, name) for name in sorted(files))):
            try:
                yield Path(entry), os.lstat(entry)
            except FileNotFoundError:
                continue
        folders.sort()


def named(folder: Path, pattern: str) -> list[Path]:
    """The files in a folder and below it whose names match a pattern, in order."""
    return sorted(path for path, status in entries(folder) if not stat.S_ISDIR(status.st_mode) and path.match(pattern))


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The regular files in a folder and below it, and what is in them; those that go meanwhile are left out."""
    for path, status in entries(folder):
        if stat.S_ISREG(status.st_mode):
            try:
                yield path, path.read_bytes()
            except FileNotFoundError:
                continue


def open_to_others(folder: Path) -> list[str]:
    """The files and folders that somebody else than their owner may read, write or enter."""
    modes = [(path, status.st_mode) for path, status in entries(folder)]
    exempt = (stat.S_IFSOCK, stat.S_IFLNK)
    return [f"{path}: {mode:o}" for path, mode in modes if mode & 0o077 and stat.S_IFMT(mode) not in exempt]


def told_in_logs(folder: Path, words: Collection[str]) -> list[str]:
    """The lines of logs in which some of these words stand, or any token."""
    return [
        f"{log.name}: {line}"
        for log in sorted(folder.glob("*.log*"))
        for line in log.read_text(errors="replace").splitlines()
        if _TOKEN.search(line) or any(word.lower() in line.lower() for word in words)
    ]
