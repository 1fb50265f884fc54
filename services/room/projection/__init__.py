"""What room keeps beside its Spaces: people as the people service tells of them, which Spaces are on, and which
words were taken back."""

from services.room.projection.agenda import Agenda
from services.room.projection.people import People
from services.room.projection.taken_back import TakenBack

__all__ = ["Agenda", "People", "TakenBack"]
