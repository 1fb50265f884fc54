"""What room answers and hears on the bus, and what it does by itself."""

from services.room.handlers.audience import Audience
from services.room.handlers.commands import anywhere, handlers
from services.room.handlers.keeper import Keeper

__all__ = ["Audience", "Keeper", "anywhere", "handlers"]
