"""What no single aggregate knows: followers, names, the moderation log, what happened in Spaces."""

from services.people.projection.acts import Act, Place
from services.people.projection.follows import Follows
from services.people.projection.moderation import AppealRow, Moderation, ReportRow
from services.people.projection.names import Named, Names
from services.people.projection.reminders_wanted import Wanted
from services.people.projection.spaces import KnownSpaces, Scheduled

__all__ = [
    "Act",
    "AppealRow",
    "Follows",
    "KnownSpaces",
    "Moderation",
    "Named",
    "Names",
    "Place",
    "ReportRow",
    "Scheduled",
    "Wanted",
]
