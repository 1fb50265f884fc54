"""Importing this module registers every contract of every context."""

from contracts.analytics import v1 as analytics
from contracts.captions import v1 as captions
from contracts.commands import request_types
from contracts.discovery import v1 as discovery
from contracts.envelope import event_types
from contracts.media import v1 as media
from contracts.notifications import v1 as notifications
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.tipping import v1 as tipping
from contracts.transcription import v1 as transcription

__all__ = [
    "analytics",
    "captions",
    "discovery",
    "event_types",
    "media",
    "notifications",
    "people",
    "presence",
    "recording",
    "request_types",
    "room",
    "tipping",
    "transcription",
]
