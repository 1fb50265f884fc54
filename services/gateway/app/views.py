"""What clients are shown where it is more than the contracts' own models."""

from __future__ import annotations

from pydantic import Field

from contracts.room.v1 import Space


class SpaceView(Space):
    """A Space as the asker may see it, and how many listen now."""

    listeners: int = Field(default=0, ge=0)


def view(space: Space, listeners: int) -> SpaceView:
    """The Space with its listeners."""
    return SpaceView.model_construct(**{name: getattr(space, name) for name in Space.model_fields}, listeners=listeners)
