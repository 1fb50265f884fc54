"""What room can be told beyond what every service can."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from contracts.room.v1 import REACTIONS, WITH_SKIN_TONE, Reaction
from libs.service import ServiceSettings


def _topics() -> tuple[str, ...]:
    return tuple(Path(__file__).with_name("topics.txt").read_text().split())


_LARGEST: Final = 950_000
"""Bytes of a Space that is told; NATS carries 1 MiB."""


class Settings(ServiceSettings):
    """ROSTRUM_ROOM_..."""

    service = "room"
    stage_limit: Annotated[int, Field(ge=1, le=13)] = 13
    """People on stage at once, the host included."""
    speaker_limit: Annotated[int, Field(ge=1, le=12)] = 10
    """Speakers on stage, beside the host and the co-hosts."""
    cohost_limit: Annotated[int, Field(ge=0, le=12)] = 2
    """Co-hosts of one Space."""
    conversation_limit: Annotated[int, Field(ge=2, le=13)] = 4
    """People in a conversation, which has no attendance."""
    scheduled_limit: Annotated[int, Field(ge=1, le=1000)] = 10
    """Scheduled Spaces of one host at once."""
    live_limit: Annotated[int, Field(ge=1, le=100_000)] = 3
    """Live Spaces of one host at once."""
    pin_limit: Annotated[int, Field(ge=0, le=100)] = 20
    """Links pinned in one Space at once."""
    queue_limit: Annotated[int, Field(ge=1, le=1000)] = 200
    """People who wait to speak in one Space."""
    request_message_limit: Annotated[int, Field(ge=0, le=280)] = 280
    """Characters that somebody may write to a request to speak."""
    invitation_limit: Annotated[int, Field(ge=1, le=2000)] = 500
    """Invitations to speak of one Space that are not answered."""
    invitation_seconds: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """How long an invitation to speak can be accepted."""
    grace_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 120.0
    """How long somebody whose connection dropped keeps role, mute state and place in the queue; then the
    longest-serving co-host takes over from a host."""
    unstarted_seconds: Annotated[float, Field(ge=1, le=604_800)] = 7200.0
    """How long after its time a scheduled Space may still be started; then it is canceled."""
    topics: Annotated[tuple[str, ...], Field(default_factory=_topics)]
    """What a Space may be about: by default the list in `topics.txt`; an empty one allows anything."""
    schedule_ahead_days: Annotated[int, Field(ge=1, le=366)] = 30
    """How far ahead a Space can be scheduled."""
    lease_seconds: Annotated[float, Field(ge=2, le=120)] = 15.0
    """How long a session lives without being renewed."""
    count_interval: Annotated[float, Field(ge=0.05, le=10)] = 0.9
    """Seconds between two counts of one Space."""
    reaction_interval: Annotated[float, Field(ge=0.05, le=5)] = 0.25
    """Seconds over which reactions are counted together."""
    reactions: tuple[Reaction, ...] = REACTIONS
    """The reactions that people may send, in the order in which the page offers them."""
    with_skin_tone: tuple[Reaction, ...] = WITH_SKIN_TONE
    """Those of them that take a skin tone: hands."""
    person_wait: Annotated[float, Field(ge=0, le=5)] = 0.7
    """Seconds to wait for a person the stream has not told us of yet."""
    cached_spaces: Annotated[int, Field(ge=10)] = 10_000
    """Spaces kept in memory; others are rebuilt from their facts when they are asked for."""

    @model_validator(mode="after")
    def _fits_one_message(self) -> Self:
        # A character takes four bytes at most; the rest are ids, names and times.
        largest = self.queue_limit * (4 * self.request_message_limit + 450) + self.invitation_limit * 400
        largest += self.pin_limit * 9_800
        if largest > _LARGEST:
            raise ValueError(
                f"a Space with that many requests, invitations and pins could take {largest} bytes, and at most "
                f"{_LARGEST} can be told; lower one of queue_limit, request_message_limit, invitation_limit, pin_limit"
            )
        return self
