"""People's commands and queries."""

from __future__ import annotations

from libs.bus import Handlers
from libs.commands import Executor
from services.people.app.forgetting import Forgetter
from services.people.app.hosting import Hosting
from services.people.app.moderation import Moderators
from services.people.app.people import People
from services.people.app.reminders import Reminding
from services.people.app.sign_up_codes import SignUpCodes
from services.people.domain.entities import Entity
from services.people.handlers import hosting as of_hosting
from services.people.handlers import keys as of_keys
from services.people.handlers import moderation as of_moderation
from services.people.handlers import people as of_people
from services.people.handlers import reminders as of_reminders
from services.people.handlers import sign_up_codes as of_sign_up_codes


def handlers(
    executor: Executor[Entity],
    people: People,
    hosting: Hosting,
    moderators: Moderators,
    codes: SignUpCodes,
    reminding: Reminding,
    forgetter: Forgetter,
) -> Handlers:
    """What people answers."""
    table = Handlers("people")
    of_people.add(table, executor, people)
    of_hosting.add(table, executor, hosting, moderators)
    of_moderation.add(table, executor, moderators)
    of_sign_up_codes.add(table, executor, codes)
    of_reminders.add(table, executor, reminding)
    of_keys.add(table, forgetter)
    return table


__all__ = ["handlers"]
