"""The master key, which wraps the secrets of subjects: from a setting, or in a file that only its owner reads."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Final

from libs.keyring.errors import CannotOpen
from libs.private_files import load_or_make

_SIZE: Final = 32


def master_key(path: Path, given: str, *, begun: bool) -> bytes:
    """The master key: `given` (base64 of 32 bytes), else the one in the file, made only where keys are `begun`.

    Raises CannotOpen, OSError.
    """
    if given:
        try:
            key = base64.b64decode(given, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _SIZE:
            raise CannotOpen(
                "the master key that was given is not base64 of 32 bytes: make one by `openssl rand -base64 32`"
            )
        return key
    if not begun and not path.exists():
        raise CannotOpen(f"the master key {path} is missing: restore it from a backup")
    key = load_or_make(path, lambda: os.urandom(_SIZE))
    if path.stat().st_mode & 0o077:
        raise CannotOpen(f"others may read the master key {path}: take that from them by `chmod 600 {path}`")
    if len(key) != _SIZE:
        raise CannotOpen(f"the master key {path} is damaged: restore it from a backup")
    return key
