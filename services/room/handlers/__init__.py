"""What room answers and hears on the bus."""

from services.room.handlers.audience import Audience
from services.room.handlers.commands import handlers

__all__ = ["Audience", "handlers"]
