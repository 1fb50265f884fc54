"""The Space as an aggregate."""

from services.room.domain.lifecycle import Lifecycle
from services.room.domain.stage import Stage


class Space(Lifecycle, Stage):
    """One Space. Methods named as orders decide and return facts; `apply` takes facts in."""
