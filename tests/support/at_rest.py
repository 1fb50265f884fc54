"""What a running system leaves on the disk: who may read it, and what its logs tell."""

from __future__ import annotations

import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Final

_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
"""A JSON Web Token (RFC 7519): what people and signed links are known by."""


def open_to_others(folder: Path) -> list[str]:
    """The files and folders that somebody else than their owner may read, write or enter."""
    entries = [(path, path.lstat().st_mode) for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    return [f"{path}: {mode:o}" for path, mode in entries if mode & 0o077 and not stat.S_ISSOCK(mode)]


def told_in_logs(folder: Path, words: Collection[str]) -> list[str]:
    """The lines of logs in which some of these words stand, or any token."""
    return [
        f"{log.name}: {line}"
        for log in sorted(folder.glob("*.log*"))
        for line in log.read_text(errors="replace").splitlines()
        if _TOKEN.search(line) or any(word.lower() in line.lower() for word in words)
    ]
