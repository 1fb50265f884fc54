"""What room answers and hears on the bus, and what it does by itself."""

from services.room.handlers.audience import Audience
from services.room.handlers.keeper import Keeper
from services.room.handlers.table import anywhere, handlers

__all__ = ["Audience", "Keeper", "anywhere", "handlers"]
