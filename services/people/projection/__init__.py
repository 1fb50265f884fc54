"""What no single aggregate knows: followers, the moderation log, what happened in Spaces."""

from services.people.projection.acts import Act, Place
from services.people.projection.follows import Follows
from services.people.projection.moderation import AppealRow, Moderation, ReportRow
from services.people.projection.spaces import Scheduled, Spaces
from services.people.projection.wanted import Wanted

__all__ = ["Act", "AppealRow", "Follows", "Moderation", "Place", "ReportRow", "Scheduled", "Spaces", "Wanted"]
