"""Sets of values that grow: a value that a newer sender added is kept as it is, and marked as unknown.

What a service tells (events, and answers to requests) is read by services of an older version too. So every set of
values in it is a `Growing` enum, or a Literal that is annotated with `GROWS`, and is read with `read`. What is asked of
a service stays strict: it can only do what it knows, and refuses the rest in words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, Final, Self, TypeVar

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

T = TypeVar("T")

_TAKES_UNKNOWN: Final[ContextVar[bool]] = ContextVar("takes_unknown", default=False)


class Growing(StrEnum):
    """An enum to which later versions add values.

    A value that this version does not know is a member of its own that equals no other one: an `is` of any known member
    is false, and a `match` comes to `case _`. It is written as it was read.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not _TAKES_UNKNOWN.get() or not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_, unknown._value_ = "UNKNOWN", value
        return unknown

    @property
    def known(self) -> bool:
        """Whether this version has this value."""
        return type(self)._value2member_map_.get(self._value_) is self


class Unknown(str):
    """A value, of a set that a Literal lists, which this version does not know."""

    __slots__ = ()


def _keep(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        if isinstance(value, Unknown):
            return value  # it was read, and is put into another model
        if _TAKES_UNKNOWN.get() and isinstance(value, str):
            return Unknown(value)
        raise


GROWS: Final = WrapValidator(_keep)
"""Annotation of a Literal to which later versions add values: an unknown one is read as `Unknown`."""


def read(validate: Callable[[bytes | str], T], body: bytes | str) -> T:
    """What `validate` makes of a body that a newer version may have written, unknown values included.

    Raises pydantic.ValidationError where something else is wrong with it.
    """
    try:
        return validate(body)
    except ValidationError:
        with _unknown_taken():
            return validate(body)


@contextlib.contextmanager
def _unknown_taken() -> Iterator[None]:
    token = _TAKES_UNKNOWN.set(True)
    try:
        yield
    finally:
        _TAKES_UNKNOWN.reset(token)
