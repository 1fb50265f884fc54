"""What room can be told beyond what every service can."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """ROSTRUM_ROOM_..."""

    service = "room"
    stage_limit: Annotated[int, Field(ge=1, le=13)] = 13
    """People on stage at once, the host included."""
    schedule_ahead_days: Annotated[int, Field(ge=1, le=366)] = 30
    lease_seconds: Annotated[float, Field(ge=2, le=120)] = 15.0
    """How long a session lives without being renewed."""
    count_interval: Annotated[float, Field(ge=0.05, le=10)] = 1.0
    """Seconds between two counts of one Space."""
    reaction_interval: Annotated[float, Field(ge=0.05, le=5)] = 0.25
    """Seconds over which reactions are counted together."""
    reactions: tuple[str, ...] = (
        "laughing",
        "surprised",
        "crying",
        "purple_heart",
        "hundred",
        "clap",
        "fist",
        "thumbs_up",
        "thumbs_down",
        "wave",
    )
    person_wait: Annotated[float, Field(ge=0, le=5)] = 0.7
    """Seconds to wait for a person the stream has not told us of yet."""
    cached_spaces: Annotated[int, Field(ge=10)] = 10_000
