"""People's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """`ROSTRUM_PEOPLE_...` in the environment."""

    service: ClassVar[str] = "people"

    max_following: Annotated[int, Field(ge=1, le=1_000_000)] = 5_000
    """How many people one person may follow."""

    @property
    def read_model_path(self) -> Path:
        """The file of the read model; it can be deleted at any time."""
        return self.var / "stores" / "people-read.db"
