"""People's commands and queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from libs.bus import Handlers
from services.people.app import Codes, Hosting, Moderators, People, Reminding
from services.people.handlers import hosting as of_hosting
from services.people.handlers import invitations as of_invitations
from services.people.handlers import moderation as of_moderation
from services.people.handlers import people as of_people
from services.people.handlers import reminders as of_reminders


def handlers(
    people: People,
    hosting: Hosting,
    moderators: Moderators,
    codes: Codes,
    reminding: Reminding,
    now: Callable[[], datetime],
) -> Handlers:
    """What people answers."""
    table = Handlers("people")
    of_people.add(table, people, now)
    of_hosting.add(table, hosting, now)
    of_moderation.add(table, moderators, now)
    of_invitations.add(table, codes, now)
    of_reminders.add(table, reminding, now)
    return table


__all__ = ["handlers"]
