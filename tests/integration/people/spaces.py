"""What room would tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contracts.envelope import PersonRef
from contracts.people import v1
from contracts.room import v1 as room
from libs.bus import Bus
from libs.ids import new_id


async def a_space(bus: Bus, host: v1.Person, title: str = "Tea") -> str:
    """A Space that is live; its id."""
    space_id, settings = new_id(), room.Settings(title=title)
    made: dict[str, Any] = {"space_id": space_id, "at": datetime.now(UTC), "host": host.ref, "settings": settings}
    await bus.publish_event(room.Created(version=1, **made))
    await bus.publish_event(room.Started(version=2, **made))
    return space_id


async def scheduled(bus: Bus, host: str, start: datetime, *, title: str = "Tea") -> str:
    """A Space that is scheduled; its id."""
    space_id, who = new_id(), PersonRef(id=host, handle="h", name="H")
    await bus.publish_event(
        room.Created(
            version=1, space_id=space_id, at=datetime.now(UTC), host=who, settings=room.Settings(title=title),
            scheduled_start=start,
        )
    )  # fmt: skip
    return space_id
