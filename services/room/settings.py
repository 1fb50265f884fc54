"""What room can be told beyond what every service can."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from libs.service import ServiceSettings


def _topics() -> tuple[str, ...]:
    return tuple(Path(__file__).with_name("topics.txt").read_text().split())


class Settings(ServiceSettings):
    """ROSTRUM_ROOM_..."""

    service = "room"
    stage_limit: Annotated[int, Field(ge=1, le=13)] = 13
    """People on stage at once, the host included."""
    speaker_limit: Annotated[int, Field(ge=1, le=12)] = 10
    """Speakers on stage, beside the host and the co-hosts."""
    cohost_limit: Annotated[int, Field(ge=0, le=12)] = 2
    conversation_limit: Annotated[int, Field(ge=2, le=13)] = 4
    """People in a conversation, which has no audience."""
    scheduled_limit: Annotated[int, Field(ge=1, le=1000)] = 10
    """Scheduled Spaces of one host at once."""
    pin_limit: Annotated[int, Field(ge=0, le=100)] = 20
    """Links pinned in one Space at once."""
    invitation_seconds: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """How long an invitation to speak can be accepted."""
    grace_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 120.0
    """How long somebody whose connection dropped keeps role, mute state and place in the queue; then the
    longest-serving co-host takes over from a host."""
    topics: Annotated[tuple[str, ...], Field(default_factory=_topics)]
    """What a Space may be about: by default the list in `topics.txt`; an empty one allows anything."""
    schedule_ahead_days: Annotated[int, Field(ge=1, le=366)] = 30
    lease_seconds: Annotated[float, Field(ge=2, le=120)] = 15.0
    """How long a session lives without being renewed."""
    count_interval: Annotated[float, Field(ge=0.05, le=10)] = 0.9
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
