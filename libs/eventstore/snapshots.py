"""States kept beside their facts, so that a long aggregate opens at once. A cache: facts alone are the truth.

A snapshot is written in the transaction of the facts that it includes, and read only by the very code that wrote it:
it carries a fingerprint of the source of its state's package, and one of another source is as good as none. So a
snapshot never has to be migrated, and a rule that changes is never mixed with a state made by the old one.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import pickle
import sys
from pathlib import Path
from typing import Final, Protocol, TypeVar

_log = logging.getLogger(__name__)

EVERY: Final = 200
"""Facts between two snapshots of an aggregate: opening one applies fewer than so many."""
_FORMAT: Final = 1


class Versioned(Protocol):
    """A state that knows how many facts it has taken in."""

    version: int


S = TypeVar("S", bound=Versioned)


@functools.cache
def fingerprint(kind: type[Versioned]) -> str | None:
    """What the source looks like that evolves states of this class; None where it cannot be read.

    The source of the whole packages that the class and its bases are in: their facts and their helpers are there too.
    """
    modules = {base.__module__ for base in kind.__mro__} - {"builtins", "abc", "typing"}
    sources = [getattr(sys.modules.get(module), "__file__", None) for module in sorted(modules)]
    digest = hashlib.blake2b(f"{_FORMAT} {sys.version_info[:2]} {kind.__qualname__}".encode(), digest_size=16)
    try:
        for folder in sorted({Path(source or "").parent for source in sources}):
            for file in sorted(folder.glob("*.py")):
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    except OSError:
        return None
    return digest.hexdigest() if all(sources) else None


def freeze(state: Versioned) -> bytes | None:
    """A state as it is now; None where it holds more than data, which costs its snapshot and nothing else."""
    try:
        return pickle.dumps(state, protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        _log.warning("a state of %s cannot be kept: %s", type(state).__qualname__, error)
        return None


def thaw(data: bytes, empty: S) -> S | None:
    """The state again; None where it cannot be read, or is of another kind than `empty`.

    Only for bytes of our own store: pickle runs what it is told.
    """
    try:
        state = pickle.loads(data)
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError, ValueError):
        return None
    return state if type(state) is type(empty) else None
