"""People's commands and queries."""

from __future__ import annotations

from libs.bus import Handlers
from libs.commands import Executor
from libs.personal_data import Held
from services.people.app.api_keys import KeyRing
from services.people.app.erasing import Erasing
from services.people.app.forgetting import Forgetter
from services.people.app.hosting import Hosting
from services.people.app.identities import Identities
from services.people.app.mirroring import Mirroring
from services.people.app.moderation import Moderators
from services.people.app.people import People
from services.people.app.pictures import Pictures
from services.people.app.reminders import Reminding
from services.people.app.sign_up_codes import SignUpCodes
from services.people.domain.entities import Entity
from services.people.handlers import copies as of_copies
from services.people.handlers import erasing as of_erasing
from services.people.handlers import hosting as of_hosting
from services.people.handlers import identities as of_identities
from services.people.handlers import keys as of_keys
from services.people.handlers import moderation as of_moderation
from services.people.handlers import people as of_people
from services.people.handlers import personal_data as of_personal_data
from services.people.handlers import reminders as of_reminders
from services.people.handlers import servers as of_servers
from services.people.handlers import sign_up_codes as of_sign_up_codes


def handlers(
    executor: Executor[Entity],
    people: People,
    pictures: Pictures,
    hosting: Hosting,
    moderators: Moderators,
    codes: SignUpCodes,
    reminding: Reminding,
    forgetter: Forgetter,
    erasing: Erasing,
    held: Held,
    identities: Identities,
    keys: KeyRing,
    mirroring: Mirroring,
) -> Handlers:
    """What people answers."""
    table = Handlers("people")
    of_people.add(table, executor, people, pictures)
    of_hosting.add(table, executor, hosting, moderators)
    of_moderation.add(table, executor, moderators, pictures, keys)
    of_copies.add(table, executor, moderators)
    of_sign_up_codes.add(table, executor, codes)
    of_reminders.add(table, executor, reminding)
    of_keys.add(table, forgetter)
    of_erasing.add(table, executor, erasing)
    of_personal_data.add(table, executor, people, held)
    of_identities.add(table, executor, identities)
    of_servers.add(table, executor, keys, mirroring, identities)
    return table


__all__ = ["handlers"]
