"""What can be asked and ordered, by subject. Written from the contracts by `make contracts`; do not edit."""

from rostrum_client.operations.live import AsyncLive, Live
from rostrum_client.operations.moderation import AsyncModeration, Moderation
from rostrum_client.operations.operators import AsyncOperators, Operators
from rostrum_client.operations.people import AsyncPeople, People
from rostrum_client.operations.recordings import AsyncRecordings, Recordings
from rostrum_client.operations.reminders import AsyncReminders, Reminders
from rostrum_client.operations.server import AsyncServer, Server
from rostrum_client.operations.spaces import AsyncSpaces, Spaces
from rostrum_client.operations.stage import AsyncStage, Stage
from rostrum_client.operations.tips import AsyncTips, Tips

__all__ = [
    "AsyncLive",
    "AsyncModeration",
    "AsyncOperators",
    "AsyncPeople",
    "AsyncRecordings",
    "AsyncReminders",
    "AsyncServer",
    "AsyncSpaces",
    "AsyncStage",
    "AsyncTips",
    "Live",
    "Moderation",
    "Operators",
    "People",
    "Recordings",
    "Reminders",
    "Server",
    "Spaces",
    "Stage",
    "Tips",
]
