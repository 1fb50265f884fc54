"""Tipping's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """`ROSTRUM_TIPPING_...` in the environment."""

    service: ClassVar[str] = "tipping"

    news_within: Annotated[float, Field(ge=0, le=30)] = 0.7
    """Seconds an offer waits at most for news of a stage that may be on its way."""

    @property
    def stages_path(self) -> Path:
        """The read model of others' events; it can be deleted at any time."""
        return self.var / "stores" / "tipping-stages.db"

    @property
    def tips_path(self) -> Path:
        """The read model of our own facts; it can be deleted at any time."""
        return self.var / "stores" / "tipping-tips.db"
