"""What room answers on the bus."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.room import v1
from libs.bus import Handlers
from libs.commands import Executor
from libs.keyring.vault import Vault
from libs.personal_data import Held
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.looking_back import LookingBack
from services.room.app.scheduling import Scheduling
from services.room.app.stage_entrance import StageEntrance
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.handlers.commands import commands
from services.room.handlers.queries import queries
from services.room.handlers.sessions import sessions
from services.room.projection.agenda import Agenda
from services.room.projection.people import People


def handlers(
    executor: Executor[Space],
    scheduling: Scheduling,
    entrance: StageEntrance,
    admission: Admission,
    back: LookingBack,
    attendance: Attendance,
    agenda: Agenda,
    limits: Limits,
    people: People,
    vault: Vault,
) -> Handlers:
    """What the owner of a Space's partition answers, once what it knows of people is complete."""
    table, who = Handlers("room", check=people.must_be_complete), people.names
    commands(table, executor, scheduling, entrance, limits, who, vault)
    sessions(table, admission, entrance, attendance, who, vault)
    queries(table, admission, back, attendance, agenda, people, vault)
    return table


def anywhere(topics: Sequence[str], reactions: Sequence[str], with_skin_tone: Sequence[str], held: Held) -> Handlers:
    """What any process of room answers."""
    table = Handlers("room")

    @table.on(v1.TopicsQuery)
    async def topics_there_are(_: v1.TopicsQuery) -> v1.Topics:
        return v1.Topics(topics=tuple(topics))

    @table.on(v1.ReactionsQuery)
    async def reactions_there_are(_: v1.ReactionsQuery) -> v1.Reactions:
        toned = tuple(reaction for reaction in reactions if reaction in with_skin_tone)
        return v1.Reactions(reactions=tuple(reactions), with_skin_tone=toned)

    table.add(v1.HeldQuery, held.page)

    return table
