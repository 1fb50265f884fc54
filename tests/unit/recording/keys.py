"""Keys for the tests, as recording asks for them, and what they seal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from contracts import object_names
from libs.keyring import Lock, Tree, UnitKey, lock_name
from services.recording.replay.build import Recorded

_ROOT = bytes(range(32))


def key_of(seal: object_names.Seal) -> UnitKey:
    """The same one for the same unit."""
    return Lock(lock_name(*seal.subjects), Tree.grown(_ROOT)).key_of(seal.unit)


def spool_key(space_id: str, person_id: str) -> UnitKey:
    """Of what is captured of a speaker."""
    return key_of(object_names.of_speaker(space_id, person_id, object_names.SPOOL))


def recorded(space_id: str, person_id: str, name: str) -> Recorded:
    """Somebody who is recorded."""
    track = key_of(object_names.of_speaker(space_id, person_id))
    return Recorded(name=name, spool=spool_key(space_id, person_id), track=track)


def captured(space_id: str, person_id: str, body: bytes) -> bytes:
    """A bundle as it is spooled."""
    seal = object_names.of_speaker(space_id, person_id, object_names.SPOOL)
    return Lock(lock_name(*seal.subjects), Tree.grown(_ROOT)).seal_bytes(seal.unit, body)


def file(path: Path) -> Callable[[], BinaryIO]:
    """Opens a file that is not sealed, as a track is opened."""
    return lambda: path.open("rb")
