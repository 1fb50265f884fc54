"""Discovery's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """`ROSTRUM_DISCOVERY_...` in the environment."""

    service: ClassVar[str] = "discovery"

    watch_seconds: Annotated[float, Field(gt=0, le=3600)] = 300.0
    """For how long after they asked for their live bar a person is told of its changes."""
    max_watchers: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """How many people are told at most; those who asked longest ago are left out first."""
    official_hosts: tuple[str, ...] = ()
    """Handles or ids, as a JSON list, of those whose live Spaces are shown in everybody's live bar."""
    search_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    """A search that takes longer is given up."""

    @property
    def read_model_path(self) -> Path:
        """The file of the read model; it can be deleted at any time."""
        return self.var / "stores" / "discovery-read.db"
