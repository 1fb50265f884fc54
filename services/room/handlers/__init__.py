"""What room answers on the bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from contracts.room import v1
from libs.bus import Handlers
from libs.commands import Executor
from libs.keyring.vault import Vault
from libs.names import Who
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.entrance import Entrance
from services.room.app.scheduling import Scheduling
from services.room.domain.space import Space
from services.room.domain.values import Limits
from services.room.handlers.commands import commands
from services.room.handlers.queries import queries
from services.room.handlers.sessions import sessions
from services.room.projection import Agenda


def handlers(
    executor: Executor[Space],
    scheduling: Scheduling,
    entrance: Entrance,
    admission: Admission,
    attendance: Attendance,
    agenda: Agenda,
    limits: Limits,
    who: Who,
    vault: Vault,
    check: Callable[[], Awaitable[None]],
) -> Handlers:
    """What the owner of a Space's partition answers. `who` tells what people are called, `vault` what they wrote;
    `check` is awaited first (`libs.bus.Handlers`)."""
    table = Handlers("room", check=check)
    commands(table, executor, scheduling, entrance, limits, who, vault)
    sessions(table, admission, entrance, attendance, who, vault)
    queries(table, admission, attendance, agenda, who, vault)
    return table


def anywhere(topics: Sequence[str], reactions: Sequence[str], with_skin_tone: Sequence[str]) -> Handlers:
    """What any process of room answers."""
    table = Handlers("room")

    @table.on(v1.TopicsQuery)
    async def topics_there_are(_: v1.TopicsQuery) -> v1.Topics:
        return v1.Topics(topics=tuple(topics))

    @table.on(v1.ReactionsQuery)
    async def reactions_there_are(_: v1.ReactionsQuery) -> v1.Reactions:
        toned = tuple(reaction for reaction in reactions if reaction in with_skin_tone)
        return v1.Reactions(reactions=tuple(reactions), with_skin_tone=toned)

    return table
