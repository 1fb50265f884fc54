"""What all models of the client have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Immutable; a field that a newer server adds is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventData(Model):
    """What a live event carries."""
