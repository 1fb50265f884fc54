"""What notifications holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator

from contracts.personal_data import HeldRecord
from libs.personal_data import Found, Held, listed
from services.notifications.app.browsers import Browsers


def held(browsers: Browsers) -> Held:
    """The browsers in which they are told. Their keys are left out: whoever has them can tell somebody things there."""

    async def section(person: str, after: str) -> AsyncIterator[Found]:
        records = [
            HeldRecord(
                subject="browsers",
                at=one.created_at,
                fields={"service": one.service, "reminders": one.reminders, "live": one.live},
            )
            for one in await browsers.of(person)
        ]
        async for found in listed(records, after):
            yield found

    return Held(section)
