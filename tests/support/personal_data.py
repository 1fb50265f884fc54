"""Everything that a service says it holds of a person."""

from __future__ import annotations

from typing import Any

from contracts.personal_data import HeldQuery, HeldRecord
from libs.bus import Bus
from tests.support.waiting import LIMIT


async def held(bus: Bus, kind: type[HeldQuery], person: str) -> list[HeldRecord]:
    """All pages of it, asked as that person."""
    records: list[HeldRecord] = []
    after = ""
    while True:
        page = (await bus.ask(kind(actor=person, person_id=person, after=after), timeout=LIMIT)).result
        records += page.records
        if page.next is None:
            return records
        assert page.next != after, "every page leads on"
        after = page.next


def of(records: list[HeldRecord], subject: str) -> list[dict[str, Any]]:
    """The fields of those about one subject."""
    return [dict(record.fields) for record in records if record.subject == subject]


def events(records: list[HeldRecord], subject: str) -> list[Any]:
    """What happened, by the names of the events."""
    return [fields["event"] for fields in of(records, subject)]
