"""Load, call, save."""

from services.people.app.hosting import Hosting, Standing
from services.people.app.invitations import Codes, Issued
from services.people.app.lapsing import Lapsing
from services.people.app.moderation import Moderators
from services.people.app.people import People, Profile
from services.people.app.reminders import Reminding

__all__ = ["Codes", "Hosting", "Issued", "Lapsing", "Moderators", "People", "Profile", "Reminding", "Standing"]
