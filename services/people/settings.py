"""People's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from libs.service import ServiceSettings

Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Settings(ServiceSettings):
    """`ROSTRUM_PEOPLE_...` in the environment."""

    service: ClassVar[str] = "people"

    max_following: Annotated[int, Field(ge=1, le=1_000_000)] = 5_000
    """How many people one person may follow."""
    invite_only: bool = False
    """Whether signing up takes an invitation code."""
    report_reasons: Annotated[tuple[Reason, ...], Field(min_length=1)] = (
        "abuse",
        "hate",
        "violence",
        "self_harm",
        "child_safety",
        "privacy",
        "impersonation",
        "spam",
        "illegal",
        "other",
    )
    """What one may be reported and suspended for. What was given as a reason stays when it is off the list."""
    remind_host_minutes: Annotated[float, Field(ge=0, le=24 * 60)] = 30
    """How long before the start the host of a scheduled Space is reminded."""
    space_wait: Annotated[float, Field(ge=0, le=5)] = 1.0
    """Seconds to wait for a Space that the stream has not told of yet."""

    @property
    def read_model_path(self) -> Path:
        """The file of the read model; it can be deleted at any time."""
        return self.var / "stores" / "people-read.db"
