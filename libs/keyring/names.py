"""Names of subjects, locks and units.

A subject is `<kind>:<id>`. A lock is named by its one or two subjects, sorted and joined by `|`. A unit is a path of
one to three segments joined by `/`; whatever lies below a segment can be destroyed with it.
"""

from __future__ import annotations

import re
from typing import Final

SUBJECT: Final = r"[a-z]{1,16}:[0-9A-Za-z_-]{1,64}"
LOCK: Final = rf"{SUBJECT}(\|{SUBJECT})?"
UNIT: Final = r"[0-9A-Za-z_.:-]{1,80}(/[0-9A-Za-z_.:-]{1,80}){0,2}"

_SUBJECT: Final = re.compile(SUBJECT)
_UNIT: Final = re.compile(UNIT)


def lock_name(*subjects: str) -> str:
    """The name of the lock of one or two subjects, in whichever order they are given. Raises ValueError."""
    ordered = sorted(set(subjects))
    if not 1 <= len(ordered) <= 2:
        raise ValueError(f"a lock has one or two subjects, not {len(ordered)}")
    for subject in ordered:
        if not _SUBJECT.fullmatch(subject):
            raise ValueError(f"{subject!r} is no name of a subject")
    return "|".join(ordered)


def subjects_of(lock: str) -> tuple[str, ...]:
    """The subjects of a lock. Raises ValueError where it is no name of a lock."""
    subjects = tuple(lock.split("|"))
    if lock_name(*subjects) != lock:
        raise ValueError(f"{lock!r} is no name of a lock")
    return subjects


def segments_of(unit: str) -> tuple[str, ...]:
    """The segments of a unit's path. Raises ValueError where it is none."""
    if not _UNIT.fullmatch(unit):
        raise ValueError(f"{unit!r} is no name of a unit")
    return tuple(unit.split("/"))
