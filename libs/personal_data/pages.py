"""Pages of what is held of a person, each small enough for a message and quick enough for an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from contracts.personal_data import HeldPage, HeldQuery, HeldRecord
from libs.refusal import Refusal

_BYTES: Final = 400_000
"""Of records in one page: NATS takes messages of 1 MiB."""
_LOOKED_AT: Final = 2_000
"""Things that are looked at for one page, whether they become records or not."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that was looked at."""

    place: str
    """Where a source goes on after it."""
    records: tuple[HeldRecord, ...]
    """None where it is nothing of the person's."""


Section = Callable[[str, str], AsyncIterator[Found]]
"""What a service knows about one subject: given a person and a place, what there is behind that place; behind `""`,
everything."""


class Held:
    """What one service holds of people, section by section."""

    def __init__(self, *sections: Section) -> None:
        self._sections = sections

    async def page(self, query: HeldQuery) -> HeldPage:
        """A page of it. Refuses: unauthenticated, not_allowed, invalid, and as the sections do."""
        if not query.operator and query.actor != query.person_id:
            if query.actor is None:
                raise Refusal("unauthenticated", "Sign in first.")
            raise Refusal("not_allowed", "This is for the person whose data it is, and for operators.")
        number, place = self._begin(query.after)
        records: list[HeldRecord] = []
        size = looked_at = 0
        for at, section in enumerate(self._sections[number:], number):
            async for found in section(query.person_id, place):
                looked_at += 1
                records += found.records
                size += sum(len(record.model_dump_json().encode()) for record in found.records)
                if size >= _BYTES or looked_at >= _LOOKED_AT:
                    return HeldPage(records=tuple(records), next=f"{at}:{found.place}")
            place = ""
        return HeldPage(records=tuple(records))

    def _begin(self, after: str) -> tuple[int, str]:
        if not after:
            return 0, ""
        number, _, place = after.partition(":")
        if not (number.isascii() and number.isdigit()) or int(number) >= len(self._sections):
            raise Refusal("invalid", "There is no such page.", field="after")
        return int(number), place


async def listed(records: Iterable[HeldRecord], after: str) -> AsyncIterator[Found]:
    """Records that were all found at once, in the same order each time. Refuses: invalid."""
    begin = number_of(after)
    for number, record in enumerate(records, 1):
        if number > begin:
            yield Found(str(number), (record,))


def number_of(place: str) -> int:
    """The number that a place is; 0 for the beginning. Refuses: invalid."""
    if place and not (place.isascii() and place.isdigit() and len(place) < 19):
        raise Refusal("invalid", "There is no such page.", field="after")
    return int(place or 0)
