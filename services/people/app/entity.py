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

E = TypeVar("E", bound=Entity)
T = TypeVar("T")


def _of(kind: type[E]) -> Callable[[Callable[[E], T]], Callable[[Entity], T]]:
    def of_kind(call: Callable[[E], T]) -> Callable[[Entity], T]:
        def on(entity: Entity) -> T:
            if not isinstance(entity, kind):
                raise TypeError(f"{entity.id} is no {kind.__name__}")
            return call(entity)

        return on

    return of_kind


of_person = _of(Person)
"""Decide or view what is a person."""
of_report = _of(Report)
"""Decide or view what is a report."""
of_reminders = _of(Reminders)
"""Decide or view what is the reminders of a Space."""
of_instance = _of(Instance)
"""Decide or view what is the instance."""


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
