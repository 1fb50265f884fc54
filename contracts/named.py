"""The people in an event, of whom the stream holds ids: who they are, and the same event with their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel

from contracts.envelope import PersonRef

M = TypeVar("M", bound=BaseModel)

Called = Callable[[PersonRef], PersonRef]
"""Somebody as they are called now."""


def with_names(model: M, called: Called) -> M:
    """The model with everybody in it as they are called; the same one where that changes nothing."""
    return cast(M, _named(model, called))


def people_in(model: BaseModel) -> Iterator[str]:
    """The ids of the people that a model refers to by name, as often as it does."""
    for field in _fields_of(type(model)):
        yield from _people(getattr(model, field))


def _people(value: Any) -> Iterator[str]:
    if isinstance(value, PersonRef):
        yield value.id
    elif isinstance(value, BaseModel):
        yield from people_in(value)
    elif isinstance(value, tuple):
        for one in value:
            yield from _people(one)


def _named(value: Any, called: Called) -> Any:
    if isinstance(value, PersonRef):
        return called(value)
    if isinstance(value, BaseModel):
        change = {}
        for field in _fields_of(type(value)):
            before = getattr(value, field)
            if (after := _named(before, called)) is not before:
                change[field] = after
        return value.model_copy(update=change) if change else value
    if isinstance(value, tuple):
        every = tuple(_named(one, called) for one in value)
        return every if any(one is not other for one, other in zip(every, value, strict=True)) else value
    return value


@cache
def _fields_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields that hold people, directly or in what they hold."""
    return tuple(name for name, field in model.model_fields.items() if _holds(field.annotation))


def _holds(kind: Any) -> bool:
    kind = getattr(kind, "__value__", kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return issubclass(kind, PersonRef) or bool(_fields_of(kind))
    return any(_holds(one) for one in get_args(kind))
