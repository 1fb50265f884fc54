"""States kept beside their facts, so that a long aggregate opens at once. A cache: facts alone are the truth.

A snapshot is the MessagePack of a state's fields, written in the transaction of the facts that it includes, and read
only by the very code that wrote it: it carries a fingerprint of the source of its state's package, and one of another
source is as good as none. So a snapshot never has to be migrated, and a rule that changes is never mixed with a state
made by the old one.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import sys
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

_log = logging.getLogger(__name__)

EVERY: Final = 200
"""Facts between two snapshots of an aggregate, where its state is small."""
_BYTES_A_FACT: Final = 256
"""What may be written for each fact in the mean: a state of a megabyte is kept every 4,096 facts."""
_FORMAT: Final = 2

S = TypeVar("S")
_encode = msgspec.msgpack.Encoder().encode


def next_after(version: int, kept: bytes | None) -> int:
    """The version at which a state is to be kept again that was kept at `version`, as `kept`."""
    return version + max(EVERY, len(kept or b"") // _BYTES_A_FACT)


@functools.cache
def fingerprint(kind: type[object]) -> str | None:
    """What the source looks like that evolves states of this class; None where it cannot be read.

    The source of the whole packages that the class and its bases are in: their facts and their helpers are there too.
    """
    modules = {base.__module__ for base in kind.__mro__} - {"builtins", "abc", "typing", "msgspec", "msgspec._core"}
    sources = [getattr(sys.modules.get(module), "__file__", None) for module in sorted(modules)]
    digest = hashlib.blake2b(f"{_FORMAT} {kind.__qualname__}".encode(), digest_size=16)
    try:
        for folder in sorted({Path(source or "").parent for source in sources}):
            for file in sorted(folder.glob("*.py")):
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    except OSError:
        return None
    return digest.hexdigest() if all(sources) else None


@functools.cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[object]:
    return msgspec.msgpack.Decoder(kind)


def freeze(state: object) -> bytes | None:
    """A state as it is now; None where it holds more than data, which costs its snapshot and nothing else."""
    try:
        return _encode(state)
    except (msgspec.MsgspecError, TypeError, OverflowError, RecursionError) as error:
        _log.warning("a state of %s cannot be kept: %s", type(state).__qualname__, error)
        return None


def thaw(data: bytes, empty: S) -> S | None:
    """A state of the kind of `empty` again; None where it cannot be read."""
    kind: Any = type(empty)
    try:
        state = _decoder(kind).decode(data)
    except (msgspec.MsgspecError, TypeError) as error:
        _log.warning("a kept state of %s cannot be read: %s", kind.__qualname__, error)
        return None
    return state if isinstance(state, type(empty)) else None
