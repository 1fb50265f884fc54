"""May the viewer look? Room decides; it is asked every time, because somebody may have been removed a moment ago."""

from __future__ import annotations

from contracts.room.v1 import AdmitQuery, Kind, Space, SpaceQuery, State, WhoCanJoin
from libs.bus import Bus
from services.gateway.app.visibility import Viewer


async def look(
    bus: Bus, space_id: str, viewer: Viewer, ask_seconds: float, *, let_in: bool = False, session: str | None = None
) -> Space:
    """The Space itself as the viewer may see it, also while `session`, which is theirs, lives; `let_in`: where that is
    not known for certain too. Refuses: space_unknown, removed, blocked, suspended, not_allowed."""
    query = SpaceQuery(
        space_id=space_id, actor=viewer.person_id, operator=viewer.operator, let_in=let_in, session_id=session
    )
    return (await bus.ask(query, timeout=ask_seconds)).result


async def look_inside(
    bus: Bus, space_id: str, viewer: Viewer, ask_seconds: float, *, session: str | None = None
) -> Space:
    """Like `look`, for what happens in it and what was said, which in a conversation is for those who take part.

    Whoever may not join a Space sees nothing of that, neither while it is live nor afterwards.
    """
    space = await look(bus, space_id, viewer, ask_seconds, session=session)
    open_to_all = space.settings.who_can_join is WhoCanJoin.EVERYONE and space.settings.kind is Kind.SPACE
    if not open_to_all and space.state is not State.SCHEDULED:
        over = space.state is not State.LIVE
        query = AdmitQuery(space_id=space_id, actor=viewer.person_id, looking_back=over, session_id=session)
        await bus.ask(query, timeout=ask_seconds)
    return space
