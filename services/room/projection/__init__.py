"""What room keeps beside its Spaces: people as the people service tells of them, and which Spaces are on."""

from services.room.projection.agenda import Agenda
from services.room.projection.people import People

__all__ = ["Agenda", "People"]
