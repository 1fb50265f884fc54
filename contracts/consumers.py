"""Every durable consumer: who reads what of which stream.

Whoever may create a consumer may have NATS deliver to any subject, so services may not: the launcher makes these (on a
cluster `rostrum streams` does), and each service fetches from its own. Filters may be added: the past of what they
match is read first (`libs.bus.widened_consumers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contracts import subjects
from contracts.people import v1 as people
from contracts.recording import v1 as recording
from contracts.room import v1 as room


@dataclass(frozen=True, slots=True)
class Durable:
    """A durable pull consumer; `name` is unique in the installation."""

    service: str
    name: str
    stream: str
    filters: tuple[str, ...]
    """Subjects that do not overlap."""
    unacknowledged: int = 1000
    """Messages that may be on their way at once."""


def before(name: str) -> str:
    """The consumer by which one of these reads what of the past it did not read in an earlier version."""
    return f"{name}-before"


RECORDING_ROOM: Final = Durable(
    "recording",
    "recording-room",
    subjects.EVENTS_STREAM,
    tuple(
        subjects.event("room", "*", event.name)
        for event in (room.Started, room.StageJoined, room.HostChanged, room.Ended, room.SpaceDeleted)
    ),
)
"""Who is recorded, from when to when, and whose it is."""
RECORDING_CAPTURE: Final = Durable(
    "recording", "recording-capture", subjects.CAPTURE_STREAM, (subjects.CAPTURE_SUBJECTS,)
)
RECORDING_REPORTS: Final = Durable(
    "recording",
    "recording-reports",
    subjects.EVENTS_STREAM,
    tuple(
        subjects.event("people", "*", event.name)
        for event in (people.Reported, people.ReportCopied, people.ReportReopened, people.ReportClosed)
    ),
)
"""What must not be destroyed yet, and what is kept for reports."""
RECORDING_FORGOTTEN: Final = Durable(
    "recording",
    "recording-forgotten",
    subjects.EVENTS_STREAM,
    (subjects.event("people", "*", people.Forgotten.name),),
)
"""Whose recordings go."""
TRANSCRIPTION_DELETIONS: Final = Durable(
    "transcription",
    "transcription-deletions",
    subjects.EVENTS_STREAM,
    (
        subjects.event("recording", "*", recording.ReplayDeleted.name),
        subjects.event("people", "*", people.Forgotten.name),
    ),
)
"""When a transcript goes."""
TRANSCRIPTION_ROOM: Final = Durable(
    "transcription",
    "transcription-room",
    subjects.EVENTS_STREAM,
    tuple(subjects.event("room", "*", event.name) for event in (room.Started, room.HostChanged, room.SpaceDeleted)),
)
"""Whose a transcript is, and whether it is kept."""
ANALYTICS_ENGAGEMENT: Final = Durable(
    "analytics",
    "analytics-engagement",
    subjects.EVENTS_STREAM,
    tuple(
        subjects.events_of(context)
        for context in ("room", "presence", "people", "media", "recording", "transcription", "tipping")
    ),
    unacknowledged=200_000,
)
"""Everything but partial captions and live bars, which repeat what others said."""

DURABLE: Final = (
    RECORDING_ROOM, RECORDING_CAPTURE, RECORDING_REPORTS, RECORDING_FORGOTTEN, TRANSCRIPTION_DELETIONS,
    TRANSCRIPTION_ROOM, ANALYTICS_ENGAGEMENT,
)  # fmt: skip
