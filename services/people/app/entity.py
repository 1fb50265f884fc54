"""One store keeps persons, reports and the instance; which one an id means is known where it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from services.people.domain import (
    INSTANCE,
    Entity,
    Instance,
    Person,
    Reminders,
    Report,
    stored_reminders,
    stored_report,
)

T = TypeVar("T")


def of_person(call: Callable[[Person], T]) -> Callable[[Entity], T]:
    """Decide or view what is a person."""

    def on(entity: Entity) -> T:
        if not isinstance(entity, Person):
            raise TypeError(f"{entity.id} is no person")
        return call(entity)

    return on


def of_report(call: Callable[[Report], T]) -> Callable[[Entity], T]:
    """Decide or view what is a report."""

    def on(entity: Entity) -> T:
        if not isinstance(entity, Report):
            raise TypeError(f"{entity.id} is no report")
        return call(entity)

    return on


def of_reminders(call: Callable[[Reminders], T]) -> Callable[[Entity], T]:
    """Decide or view what is the reminders of a Space."""

    def on(entity: Entity) -> T:
        if not isinstance(entity, Reminders):
            raise TypeError(f"{entity.id} is no reminders")
        return call(entity)

    return on


def of_instance(call: Callable[[Instance], T]) -> Callable[[Entity], T]:
    """Decide or view what is the instance."""

    def on(entity: Entity) -> T:
        if not isinstance(entity, Instance):
            raise TypeError(f"{entity.id} is not the instance")
        return call(entity)

    return on


def nothing(entity: Entity) -> None:
    """The view of a command whose answer says nothing."""


__all__ = [
    "INSTANCE",
    "nothing",
    "of_instance",
    "of_person",
    "of_reminders",
    "of_report",
    "stored_reminders",
    "stored_report",
]
